"""What every step of a run writes: short transactions over the driver, statements made once.

SQLAlchemy's own path costs several times what the database does, and a step has some six of these.
The texts are constants; values are always bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from agentic.exceptions import StoreError

_VALUE = re.compile(r":(\w+)")
Run = Callable[..., Sequence[Sequence[Any]]]
"""`run(statement, **values)`: the rows, if the statement has any."""


class _Made(NamedTuple):
    sql: str
    order: tuple[str, ...] | None
    """Names of the values by position; None where the driver takes them by name."""


class Quick:
    """Short transactions of one store; safe from several threads, since each takes a connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._made: dict[str, _Made] = {}

    @contextmanager
    def write(self, *, flush: bool) -> Iterator[Run]:
        """One transaction. After it a killed process has lost nothing; with `flush`, nor has a
        machine without power: then this and every earlier write are on the disk.

        Database errors come out as StoreError, with nothing written.
        """
        with self._connection() as connection:
            cursor = connection.cursor()
            try:
                if self._sqlite:
                    cursor.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
                    cursor.execute("BEGIN IMMEDIATE")
                yield lambda statement, **values: self._run(cursor, statement, values)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                if self._sqlite:
                    cursor.execute("PRAGMA synchronous=FULL")

    def read(self, statement: str, **values: Any) -> Sequence[Sequence[Any]]:
        """Rows as they are now; SQLite's writers do not keep it waiting."""
        with self._connection() as connection:
            return self._run(connection.cursor(), statement, values)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """One of the pool's, as the driver made it; given back without an open transaction."""
        try:
            pooled = self._engine.raw_connection()
            try:
                yield pooled.driver_connection
            finally:
                pooled.close()
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise StoreError(
                f"the state store failed: {error}",
                hint="Check free disk space and the permissions of `.agentic/`.",
            ) from error

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
