"""Code that changed and gives other figures from the same input, while every test is green.

A change that is meant moves figures as well: this asks once for each version of the code, only
where a good state is remembered, and never says that the change is wrong.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import msgspec

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.history import RelationProfile, profile_relation
from agentic.history.moves import Move, moves
from agentic.project import Macro, Manifest, Node
from agentic.records import Signal
from agentic.triggers.anomalies import Masked
from agentic.warehouse import Connection, Relation

CodeAt = Callable[[str, str], str]
"""Hash of a node's code in an invocation, by `unique_id` and invocation; empty: not remembered."""
NODES = 12
"""Changed nodes that are asked after one build."""
SECONDS = 6.0
_QUERY_S = 3.0
_MAX_ROWS = 200_000
_CLOCK = re.compile(
    r"\b(current_\w+|getdate|sysdate|localtimestamp|run_started_at|(now|today)\s*\()", re.IGNORECASE
)
_CHANCE = re.compile(r"\b(random|rand|uuid\w*|gen_random_uuid|newid|tablesample)\b", re.IGNORECASE)
_INPUTS = ("source.", "seed.", "model.", "snapshot.")


class Past:
    """What is remembered of nodes: the states after builds, and which code made them."""

    def __init__(
        self,
        now: str,
        good: Callable[[str], RelationProfile | None],
        states: Callable[[str], Sequence[RelationProfile]],
        code_at: CodeAt,
    ) -> None:
        """`now` is the invocation that is looked at; `states` are newest first, good or not."""
        self.now, self.good, self.states, self.code_at = now, good, states, code_at

    def before_change(self, uid: str) -> RelationProfile | None:
        """The last good state, where other code made it, and today's code was never seen before."""
        code = self.code_at(uid, self.now)
        last = self.good(uid) if code else None
        if last is None or last.invocation_id == self.now:
            return None
        made = self.code_at(uid, last.invocation_id)
        if not made or made == code:
            return None
        seen = (one.invocation_id for one in self.states(uid) if one.invocation_id != self.now)
        return None if any(self.code_at(uid, one) == code for one in seen) else last

    def before_build(self, uid: str) -> RelationProfile | None:
        """The last good state, where the same code made it and no build was looked at since."""
        last = self.good(uid)
        earlier = [one for one in self.states(uid) if one.invocation_id != self.now]
        if last is None or not earlier or earlier[0].invocation_id != last.invocation_id:
            return None
        made, code = self.code_at(uid, last.invocation_id), self.code_at(uid, self.now)
        return last if made and made == code else None

    def at(self, uid: str, invocation_id: str) -> RelationProfile | None:
        """The state after one invocation."""
        found = (one for one in self.states(uid) if one.invocation_id == invocation_id)
        return next(found, None)


def moved_by_code(
    connection: Connection, manifest: Manifest, past: Past, *, masked: Masked
) -> tuple[Signal, ...]:
    """One signal a node whose code changed, whose figures moved, and whose inputs' did not.

    A node that cannot be asked in time is left out. Raises WarehouseLocked.
    """
    ends = time.monotonic() + SECONDS
    seen: dict[str, RelationProfile | None] = {}

    def live(node: Node) -> RelationProfile | None:
        if node.unique_id not in seen:
            seen[node.unique_id] = _profile(connection, node, masked)
        return seen[node.unique_id]

    found, asked = [], 0
    for uid, node in sorted(manifest.nodes.items()):
        last = past.before_change(uid) if _own(node, manifest) else None
        if last is None:
            continue
        asked += 1
        if asked > NODES or time.monotonic() > ends:
            break
        told = moved_from(node, last, manifest, past, live)
        found += [_signal(node, told, last)] if told else []
    return tuple(found)


def moved_by_macro(
    connection: Connection, manifest: Manifest, past: Past, *, masked: Masked
) -> tuple[Signal, ...]:
    """The nodes that give other figures by the same code from the same input, and call one macro
    of the project: a signal each. No code says that a macro changed but the figures of its callers.

    None where no figure moved. Raises WarehouseLocked.
    """
    ends = time.monotonic() + SECONDS
    seen: dict[str, RelationProfile | None] = {}

    def live(node: Node) -> RelationProfile | None:
        if node.unique_id not in seen:
            seen[node.unique_id] = _profile(connection, node, masked)
        return seen[node.unique_id]

    moved: dict[str, tuple[tuple[Move, ...], RelationProfile]] = {}
    asked: list[str] = []
    for uid in sorted({uid for callers in _callers(manifest).values() for uid in callers}):
        last, node = past.before_build(uid), manifest.nodes[uid]
        if last is None or len(asked) >= NODES or time.monotonic() > ends:
            continue
        asked.append(uid)
        told = moved_from(node, last, manifest, past, live)
        if told:
            moved[uid] = (told, last)
    macro = _shared_macro(_callers(manifest), list(moved), asked)
    if macro is None:
        return ()
    return tuple(
        _macro_signal(manifest.nodes[uid], told, last, manifest.macros[macro])
        for uid, (told, last) in moved.items()
        if uid in _callers(manifest)[macro]
    )


def _callers(manifest: Manifest) -> dict[str, list[str]]:
    """Nodes that the same input builds the same each time, by the macros of the project that they
    call."""
    found: dict[str, list[str]] = {}
    for uid, node in sorted(manifest.nodes.items()):
        code = f"{node.raw_code or ''} {node.compiled_code or ''}"
        anew = node.materialized not in ("incremental", "snapshot") and not _CLOCK.search(code)
        if not anew or not _own(node, manifest):
            continue
        for macro in node.depends_on_macros:
            known = manifest.macros.get(macro)
            if known is not None and known.package_name == manifest.metadata.project_name:
                found.setdefault(macro, []).append(uid)
    return found


def _shared_macro(
    callers: dict[str, list[str]], moved: Sequence[str], asked: Sequence[str]
) -> str | None:
    """The macro that most of the moved nodes call, and fewest of those that stayed."""

    def fits(macro: str) -> tuple[int, int]:
        named = set(callers[macro])
        return len(named & set(moved)), -len(named & set(asked) - set(moved))

    best = max(sorted(callers), key=fits, default=None) if moved else None
    return best if best is not None and fits(best)[0] else None


def _macro_signal(node: Node, told: Sequence[Move], last: RelationProfile, macro: Macro) -> Signal:
    signal = _signal(node, told, last)
    return msgspec.structs.replace(
        signal,
        message=(
            f"{node.name} gives other figures by the same code, from the same input; it calls the "
            f"macro {macro.name}"
        ),
        figures={**signal.figures, "change": "macro_changed", "macro": macro.unique_id},
    )


def _own(node: Node, manifest: Manifest) -> bool:
    code = f"{node.raw_code or ''} {node.compiled_code or ''}"
    return (
        node.resource_type in ("model", "snapshot")
        and node.package_name == manifest.metadata.project_name
        and bool(node.relation_name)
        and not _CHANCE.search(code)
    )


def moved_from(
    node: Node,
    last: RelationProfile,
    manifest: Manifest,
    past: Past,
    live: Callable[[Node], RelationProfile | None],
) -> tuple[Move, ...]:
    """The node's moves; none where an input moved too, or is not known as it was."""
    inputs = [uid for uid in node.depends_on_nodes if uid.startswith(_INPUTS)]
    now = live(node)
    clocks = not _CLOCK.search(f"{node.raw_code or ''} {node.compiled_code or ''}")
    found = moves(last, now, clocks=clocks) if now is not None and inputs else ()
    for uid in inputs if found else ():
        source = manifest.all.get(uid)
        then = past.at(uid, last.invocation_id)
        held = live(source) if isinstance(source, Node) else None
        if then is None or held is None or moves(then, held):
            return ()
    return found


def _profile(connection: Connection, node: Node, masked: Masked) -> RelationProfile | None:
    if not node.relation_name:
        return None  # an ephemeral input has no rows to compare
    relation = Relation.of_node(node)
    try:
        columns = connection.columns(relation) or ()
        hidden = masked(node, [column.name for column in columns])
        if hidden is None or not columns:
            return None
        return profile_relation(
            connection, relation, masked=hidden, max_rows=_MAX_ROWS, timeout_s=_QUERY_S
        )
    except WarehouseLocked:
        raise
    except WarehouseError:
        return None


def _signal(node: Node, told: Sequence[Move], last: RelationProfile) -> Signal:
    first = told[0]
    shown = "; ".join(one.text for one in told[:4])
    columns = dict.fromkeys(one.column for one in told if one.column)
    where = ", ".join(list(columns)[:6]) if first.column else "its number of rows"
    return Signal(
        kind="anomaly",
        node=node.unique_id,
        message=(
            f"{node.name} gives other figures since its code changed, from the same input: {where}"
        ),
        path=node.original_file_path,
        figures={
            "change": "code_changed",
            "column": next(iter(columns)) if len(columns) == 1 else "",
            "figure": first.figure,
            "before": _figure(first.before),
            "now": _figure(first.now),
            "moved": shown,
            "basis": f"the last green build ({last.at[:10]})",
        },
    )


def _figure(value: object) -> str | float | None:
    return float(value) if isinstance(value, int | float) else None if value is None else str(value)
