"""What every step of a run writes: short transactions over the driver, statements made once.

SQLAlchemy's own path costs several times what the database does, and a step has some six of these.
The texts are constants; values are always bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from agentic.exceptions import StoreError

_KEPT = 4
_VALUE = re.compile(r":(\w+)")
Run = Callable[..., Sequence[Sequence[Any]]]
"""`run(statement, **values)`: the rows, if the statement has any."""


class _Made(NamedTuple):
    sql: str
    order: tuple[str, ...] | None
    """Names of the values by position; None where the driver takes them by name."""


class _Held(NamedTuple):
    """A connection of ours: it belongs to no pool."""

    pooled: Any
    driver: Any


class Quick:
    """Short transactions of one store, from any thread.

    A few connections are kept open between them. Within a process SQLite's writers queue here:
    its own waiting is sleep, look, sleep longer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager[object] = Lock() if self._sqlite else nullcontext()
        self._made: dict[str, _Made] = {}
        self._idle: list[_Held] = []
        event.listen(engine, "engine_disposed", self._close)

    @contextmanager
    def write(self, *, flush: bool) -> Iterator[Run]:
        """One transaction. After it a killed process has lost nothing; with `flush`, nor has a
        machine without power: then this and every earlier write are on the disk.

        Database errors come out as StoreError, with nothing written.
        """
        with self._turn, self._connection() as connection:
            cursor = connection.cursor()
            try:
                if self._sqlite:
                    if flush:
                        cursor.execute("PRAGMA synchronous=FULL")
                    cursor.execute("BEGIN IMMEDIATE")
                yield lambda statement, **values: self._run(cursor, statement, values)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            if self._sqlite and flush:
                cursor.execute("PRAGMA synchronous=NORMAL")

    def read(self, statement: str, **values: Any) -> Sequence[Sequence[Any]]:
        """Rows as they are now; SQLite's writers do not keep it waiting."""
        with self._connection() as connection:
            rows = self._run(connection.cursor(), statement, values)
            connection.rollback()
        return rows

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """One that is kept, or a new one. Kept again only after what went well."""
        held = None
        try:
            held = self._take() or self._open()
            yield held.driver
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise StoreError(
                f"the state store failed: {error}",
                hint="Check free disk space and the permissions of `.agentic/`.",
            ) from error
        else:
            if len(self._idle) < _KEPT:
                self._idle.append(held)
                held = None
        finally:
            if held is not None:
                held.pooled.close()

    def _take(self) -> _Held | None:
        with suppress(IndexError):  # another thread may have taken the last
            return self._idle.pop()
        return None

    def _open(self) -> _Held:
        """Made as the engine makes its own, then taken out of its pool."""
        pooled = self._engine.raw_connection()
        held = _Held(pooled, pooled.driver_connection)
        pooled.detach()
        if self._sqlite:
            held.driver.execute("PRAGMA synchronous=NORMAL")
        return held

    def _close(self, _engine: Engine) -> None:
        while held := self._take():
            held.pooled.close()

    def _run(
        self, cursor: Any, statement: str, values: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        made = self._made.get(statement) or self._make(statement)
        given = values if made.order is None else [values[name] for name in made.order]
        cursor.execute(made.sql, given)
        rows: Sequence[Sequence[Any]] = cursor.fetchall() if cursor.description else ()
        return rows

    def _make(self, statement: str) -> _Made:
        """The statement as the driver wants it: `?` and values in order, or `%(name)s`."""
        if self._engine.dialect.paramstyle == "qmark":
            made = _Made(_VALUE.sub("?", statement), tuple(_VALUE.findall(statement)))
        else:
            made = _Made(_VALUE.sub(r"%(\1)s", statement), None)
        self._made[statement] = made
        return made
