"""Open a connection to a target with the least rights; drivers load by name, when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Protocol

from agentic.exceptions import WarehouseError
from agentic.project import Target
from agentic.warehouse.relation import Column, Plan, Relation, Rows

MAX_BYTES = 2_000_000
"""Text of the values that one answer may hold."""

# adapter -> (module with `connect`, what it imports, extra that installs it)
_DRIVERS = {
    "duckdb": ("agentic.warehouse.duckdb_driver", "duckdb", "duckdb"),
    "postgres": ("agentic.warehouse.postgres_driver", "psycopg", "postgres"),
}


class Connection(Protocol):
    """One session with a warehouse. Use it in one thread, and close it: DuckDB holds a lock."""

    dialect: str
    """sqlglot's name."""

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        """The relation's columns in order, or None when there is no such relation."""

    def query(
        self,
        sql: str,
        *,
        max_rows: int = 500,
        timeout_s: float = 60,
        max_bytes: int = MAX_BYTES,
    ) -> Rows:
        """One statement's answer, capped. The caller has judged it: this only limits the harm.

        Raises WarehouseError with the warehouse's own message, also past `timeout_s`.
        """

    def opinion(self, sql: str, *, reads: Collection[str]) -> str:
        """What the engine itself objects to in a statement judged to be one read of these relations
        (`schema.table`): a sentence, or nothing. Asks its parser or planner; runs nothing."""

    def plan(self, sql: str) -> Plan:
        """What the statement would read, by the engine's binder and planner; nothing is run.

        Raises WarehouseError where `query` would: a statement that cannot be planned is not run.
        """

    def execute(self, sql: str, *, timeout_s: float = 600) -> None:
        """Run one statement for its effect. Raises WarehouseError on a read-only connection."""

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        """Tables and views of one schema, or of all but the system's, sorted."""

    def schemas(self) -> tuple[str, ...]:
        """Schemas of the connection's own database, sorted, without the system's."""

    def close(self) -> None:
        """Release the connection and its locks; no error when it is closed already."""

    def __enter__(self) -> Connection: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_connection(
    target: Target,
    *,
    project_root: Path,
    writable: bool = False,
    database_path: Path | None = None,
) -> Connection:
    """Connect to a target, read-only unless `writable`.

    `database_path` replaces the DuckDB file of the profile (a workspace's copy); a DuckDB
    connection is writable only with one. Raises WarehouseLocked when another process holds the
    file, and WarehouseError for everything else, also for adapters that are not built yet.
    """
    if target.unresolved:
        names = ", ".join(target.unresolved)
        raise WarehouseError(
            f"target {target.name!r} needs {names}, which is not set",
            hint=f"Set {names} in the environment.",
        )
    if target.adapter not in _DRIVERS:
        raise WarehouseError(
            f"not built yet: adapter {target.adapter}; duckdb and postgres work",
            hint="Choose a target of one of these with --target.",
        )
    module_name, library, extra = _DRIVERS[target.adapter]
    try:
        driver = importlib.import_module(module_name)
    except ImportError as error:
        raise WarehouseError(
            f"{library} is not installed beside agentic",
            hint=f"Install it: `pip install 'dbt-agentic[{extra}]'`.",
        ) from error
    connection: Connection = driver.connect(
        target, project_root=project_root, writable=writable, database_path=database_path
    )
    return connection
