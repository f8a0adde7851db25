"""The only truth about a run: each step is written before its effect and after it.

A step that is written as done is never done again: its recorded output is given back. A step that
began and never ended was cut off in the middle: it is done again under the same key, so an effect
must be idempotent by that key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from agentic.exceptions import StoreError
from agentic.masking import mask_json
from agentic.records import content_hash, dump, dumps
from agentic.store.database import Store
from agentic.store.schema import steps

T = TypeVar("T")

REPEATABLE = frozenset({"turn", "tool"})
"""Steps that are merely done again after a power cut. What such a step does outside, and every
other step, is flushed to the disk before its effect."""
_SCOPE = "/"
"""Between a run's id and the step whose own steps these are."""
_BEGIN = (
    "insert into agentic_steps (run_id, seq, kind, name, input_hash, began_at, input) "
    "values (:run_id, :seq, :kind, :name, :input_hash, :began_at, :input)"
)
_END = (
    "update agentic_steps set output = :output, ended_at = :ended_at "
    "where run_id = :run_id and seq = :seq"
)


class Replayed(NamedTuple):
    """A step as it was recorded."""

    seq: int
    kind: str
    name: str
    input: Any
    output: Any
    began_at: str
    ended_at: str | None
    scope: str = ""
    """Of which part of the run: empty for the run itself, a step's number for a specialist's."""


class Opened(NamedTuple):
    """A step that has begun; `output` is set when an earlier process has ended it."""

    seq: int
    kind: str
    key: str
    """Stable over restarts."""
    output: str | None


class Journal:
    """Numbers the steps of one run. Not for several threads at once."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self.seq = 0
        self._recorded: dict[int, RowMapping] | None = None
        """Steps of an earlier process, read once: a run has one process at a time."""

    @property
    def run(self) -> str:
        """The run, whichever scope this is."""
        return self.run_id.partition(_SCOPE)[0]

    def step(
        self, kind: str, name: str, given: object, shape: type[T], effect: Callable[[str], T]
    ) -> T:
        """Do `effect` once: `effect(key)` gives a `shape`, or its recorded output is given back.

        `key` is stable over restarts. Raises StoreError when the recorded step was another one:
        then the code or the inputs changed, and guessing on would do something twice.
        """
        opened = self.open(kind, name, given)
        if opened.output is not None:
            return msgspec.json.decode(opened.output, type=shape)
        return self.end(opened, effect(opened.key), shape)

    def open(self, kind: str, name: str, given: object) -> Opened:
        """Begin a step. Several may be open at once: they are numbered as they were begun.

        Raises StoreError as `step` does.
        """
        self.seq += 1
        given_hash = content_hash([kind, name, dump(given)])
        row = self._row(self.seq)
        if row is None:
            self._begin(kind, name, given_hash, given)
        elif row["input_hash"] != given_hash:
            raise StoreError(
                f"run {self.run_id} cannot be resumed: step {self.seq} was {row['name']!r} with "
                f"other input than {name!r} now",
                hint="Start over with `agentic clean`, then `agentic run`.",
            )
        key = f"{self.run_id}:{self.seq}:{given_hash[:16]}"
        return Opened(self.seq, kind, key, None if row is None else row["output"])

    def end(self, opened: Opened, value: object, shape: type[T]) -> T:
        """Write what a step came to; the value comes back as a restart would give it."""
        # Not the canonical form: the order of a result's keys is part of what was seen.
        text = msgspec.json.encode(value)
        self._end(opened, text.decode())
        return msgspec.json.decode(text, type=shape)

    def scope(self, seq: int) -> Journal:
        """The journal of what a step does in steps of its own: numbered by itself."""
        return Journal(self.store, f"{self.run_id}{_SCOPE}{seq}")

    def steps(self) -> list[Replayed]:
        """Everything recorded of this run, in order."""
        query = select(steps).where(steps.c.run_id == self.run_id).order_by(steps.c.seq)
        with self.store.begin() as connection:
            return [_replayed(row) for row in connection.execute(query).mappings()]

    def all_steps(self) -> list[Replayed]:
        """The same with the steps of every scope, each after the step that it belongs to."""
        prefix = f"{self.run_id}{_SCOPE}"
        query = select(steps).where(steps.c.run_id.startswith(prefix, autoescape=True))
        inside: dict[str, list[Replayed]] = {}
        with self.store.begin() as connection:
            for row in connection.execute(query.order_by(steps.c.seq)).mappings():
                scope = row["run_id"].removeprefix(prefix)
                inside.setdefault(scope, []).append(_replayed(row)._replace(scope=scope))
        found = []
        for step in self.steps():
            found += [step, *inside.get(str(step.seq), ())]
        return found

    def _row(self, seq: int) -> RowMapping | None:
        if self._recorded is None:
            query = select(steps).where(steps.c.run_id == self.run_id)
            with self.store.begin() as connection:
                rows = connection.execute(query).mappings().all()
            self._recorded = {row["seq"]: row for row in rows}
        return self._recorded.get(seq)

    def _begin(self, kind: str, name: str, given_hash: str, given: object) -> None:
        # for people: what an engine wrote may hold what must not be kept
        text = dumps(mask_json(dump(given)))
        with self.store.quick.write(flush=kind not in REPEATABLE) as run:
            run(
                _BEGIN,
                run_id=self.run_id,
                seq=self.seq,
                kind=kind,
                name=name,
                input_hash=given_hash,
                began_at=self.store.clock(),
                input=text,
            )

    def _end(self, opened: Opened, output: str) -> None:
        now = self.store.clock()
        with self.store.quick.write(flush=opened.kind not in REPEATABLE) as run:
            run(_END, run_id=self.run_id, seq=opened.seq, output=output, ended_at=now)


def _replayed(row: RowMapping) -> Replayed:
    return Replayed(
        seq=row["seq"],
        kind=row["kind"],
        name=row["name"],
        input=msgspec.json.decode(row["input"]),
        output=None if row["output"] is None else msgspec.json.decode(row["output"]),
        began_at=row["began_at"],
        ended_at=row["ended_at"],
    )
