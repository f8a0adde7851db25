"""DuckDB: one file, opened read-only, cut off from files and network, its settings locked."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import msgspec

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.project import Target
from agentic.sql import quote
from agentic.warehouse.connection import MAX_BYTES
from agentic.warehouse.relation import Column, Plan, Relation, Rows, cap

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_REMOTE = ("md:", "motherduck:", "ducklake:", "http://", "https://", "s3://", "quack:")

_READS = frozenset({"SELECT", "EXPLAIN", "RELATION", "LOGICAL_PLAN"})

# Settings of the profile that change what a query means or costs; the others stay DuckDB's own.
_HARMLESS = frozenset(
    [
        "timezone", "calendar", "default_null_order", "null_order", "default_order", "threads",
        "integer_division", "ieee_floating_point_ops", "old_implicit_casting", "memory_limit",
        "max_memory",
    ]
)  # fmt: skip

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_TABLE_ROWS = """
    select database_name || '.' || schema_name || '.' || table_name, estimated_size
    from duckdb_tables()
"""
_COLUMNS = """
    select column_name, data_type, is_nullable from duckdb_columns()
    where lower(database_name) = lower(coalesce($1, current_database()))
      and lower(schema_name) = lower($2) and lower(table_name) = lower($3)
    order by column_index
"""
_RELATIONS = """
    select database_name, schema_name, table_name as name from duckdb_tables()
    where not internal and ($1 is null or lower(schema_name) = lower($1))
    union all
    select database_name, schema_name, view_name from duckdb_views()
    where not internal and ($1 is null or lower(schema_name) = lower($1))
    order by all
"""
_SCHEMAS = """
    select schema_name from duckdb_schemas()
    where database_name = current_database()
      and schema_name not in ('information_schema', 'pg_catalog')
    order by all
"""


def connect(
    target: Target, *, project_root: Path, writable: bool, database_path: Path | None
) -> DuckdbConnection:
    """Open the target's file, or `database_path` in its place. Raises WarehouseError."""
    if writable and database_path is None:
        raise WarehouseError(
            "a DuckDB file of the project is only ever opened read-only",
            hint="Open a copy: give its path as database_path.",
        )
    path = database_path or _local_file(
        str(target.settings.get("path") or ":memory:"), project_root
    )
    session = _open(path, writable=writable)
    try:
        _restrict(session, target, project_root)
    except duckdb.Error as error:
        session.close()
        raise _failure(error, path) from error
    return DuckdbConnection(session, path, writable=writable)


class DuckdbConnection:
    """A session with one DuckDB file (and those that the profile attaches, always read-only)."""

    dialect = "duckdb"

    def __init__(self, session: Any, path: Path, *, writable: bool) -> None:
        self._session = session
        self.path = path
        self._writable = writable

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        names = [relation.database, relation.schema or "main", relation.identifier]
        found = self._fetch(_COLUMNS, names)
        return tuple(Column(str(n), str(t), bool(null)) for n, t, null in found) or None

    def query(
        self,
        sql: str,
        *,
        max_rows: int = 500,
        timeout_s: float = 60,
        max_bytes: int = MAX_BYTES,
    ) -> Rows:
        with self._limited(timeout_s):
            answer = self._session.execute(sql)
            described = answer.description or []
            rows, truncated = cap(_stream(answer), max_rows, max_bytes)
        return Rows(
            columns=tuple(str(one[0]) for one in described),
            rows=rows,
            truncated=truncated,
            types=tuple(str(one[1]) for one in described),
        )

    def opinion(self, sql: str, *, reads: Collection[str]) -> str:  # noqa: ARG002 - one seam
        # Never alone: DuckDB calls `with d as (delete ...) select` a SELECT.
        try:
            found = self._session.extract_statements(sql)
        except duckdb.Error:
            return "DuckDB cannot parse the statement"
        if len(found) != 1:
            return f"DuckDB reads {len(found)} statements"
        kind = found[0].type.name
        return "" if kind in _READS else f"DuckDB calls it {kind}"

    def plan(self, sql: str) -> Plan:
        with self._limited(60):
            # Not from the optimizer's plan: it answers a `max` from statistics and shows no scan.
            named = self._session.get_table_names(sql, qualified=True)
            here = str(self._session.execute("select current_schema()").fetchone()[0])
            scans = self._scanned(sql)
            rows = dict(self._session.execute(_TABLE_ROWS).fetchall())
        return Plan(
            # DuckDB tells rows and columns of a scan, not bytes: a value counts as eight.
            scan_bytes=sum(8 * columns * rows.get(table, 0) for table, columns in scans),
            relations=tuple(sorted({_key(name, here) for name in named})),
        )

    def _scanned(self, sql: str) -> list[tuple[str, int]]:
        """Tables with the number of columns that are scanned of each."""
        if [one.type.name for one in self._session.extract_statements(sql)] != ["SELECT"]:
            return []
        planned = self._session.execute(f"explain (format json) {sql}").fetchall()
        return list(_scans(msgspec.json.decode(planned[0][1])))

    def execute(self, sql: str, *, timeout_s: float = 600) -> None:
        if not self._writable:
            raise WarehouseError("this connection is read-only")
        with self._limited(timeout_s):
            self._session.execute(sql)

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        return tuple(Relation(*row) for row in self._fetch(_RELATIONS, [schema]))

    def schemas(self) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in self._fetch(_SCHEMAS, []))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> DuckdbConnection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fetch(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._limited(60):
            rows: list[tuple[Any, ...]] = self._session.execute(sql, list(parameters)).fetchall()
        return rows

    @contextmanager
    def _limited(self, timeout_s: float) -> Iterator[None]:
        """DuckDB has no statement timeout: a timer interrupts it from outside."""
        timer = threading.Timer(timeout_s, self._interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException as error:
            raise WarehouseError(
                f"the statement was stopped after {timeout_s:g} s",
                hint="Ask for less, or raise sql.timeout in guardrails.yml.",
            ) from error
        except duckdb.Error as error:
            raise _failure(error, self.path) from error
        finally:
            timer.cancel()

    def _interrupt(self) -> None:
        # The statement may have ended, and the connection with it, while the timer fired.
        with suppress(duckdb.Error):
            self._session.interrupt()


def _key(name: str, schema: str) -> str:
    """`schema.table` in lower case of a name as DuckDB quotes it."""
    parts = [quoted or plain for quoted, plain in _PART.findall(name)]
    return ".".join([schema, *parts][-2:]).replace('""', '"').lower()


def _scans(plan: Any) -> Iterator[tuple[str, int]]:
    """`database.schema.table` and number of columns of each scan in a plan."""
    for node in plan if isinstance(plan, list) else [plan]:
        told = node.get("extra_info", {})
        if "Table" in told:
            read = told.get("Projections") or ()
            yield (
                str(told["Table"]).replace('"', ""),
                max(1, len(read) if isinstance(read, list) else 1),
            )
        yield from _scans(node.get("children", []))


def _local_file(setting: str, project_root: Path) -> Path:
    """The file that dbt-duckdb means: a relative path counts from where dbt runs."""
    if setting.startswith(_REMOTE):
        raise WarehouseError(
            f"not built yet: DuckDB at {setting.partition('?')[0]}; local files work",
            hint="Choose a target with a local file with --target.",
        )
    if setting == ":memory:" or setting.startswith(":memory:"):
        raise WarehouseError(
            "the target is an in-memory DuckDB: nothing of it is left when dbt ends",
            hint="Give the target a `path`, build again, then run agentic.",
        )
    path = Path(setting.partition("?")[0]).expanduser()
    found = project_root / path
    from_here = Path.cwd() / path
    return from_here if not found.exists() and from_here.exists() else found


def _open(path: Path, *, writable: bool) -> Any:
    if not path.is_file():
        raise WarehouseError(
            f"no database file {path}",
            hint="Run `dbt build` first, or check `path` in profiles.yml.",
        )
    try:
        return duckdb.connect(str(path), read_only=not writable)
    except duckdb.Error as error:
        raise _failure(error, path) from error


def _restrict(session: Any, target: Target, project_root: Path) -> None:
    """Attach what the profile attaches, then shut files and network off and lock the settings."""
    if session.execute("select current_setting('lock_configuration')").fetchone()[0]:
        # Another connection of this process opened the same file: one instance, locked already.
        _use_schema(session, target)
        return
    for name, value in (target.settings.get("settings") or {}).items():
        if str(name).lower() in _HARMLESS:
            session.execute(f"set {quote(str(name), 'duckdb')} = {_literal(value)}")
    for attachment in target.settings.get("attach") or []:
        _attach(session, attachment, project_root)
    _use_schema(session, target)
    session.execute("set autoinstall_known_extensions = false")
    session.execute("set enable_external_access = false")
    session.execute("set lock_configuration = true")


def _attach(session: Any, attachment: dict[str, Any], project_root: Path) -> None:
    if str(attachment.get("type") or "duckdb") != "duckdb":
        raise WarehouseError(f"not built yet: an attached database of type {attachment['type']}")
    path = _local_file(str(attachment.get("path") or ""), project_root)
    alias = attachment.get("alias")
    named = f" as {quote(str(alias), 'duckdb')}" if alias else ""
    session.execute(f"attach if not exists {_literal(str(path))}{named} (read_only)")


def _use_schema(session: Any, target: Target) -> None:
    """Unqualified names mean the target's schema, as far as it exists."""
    with suppress(duckdb.CatalogException):
        session.execute(f"use {quote(target.schema, 'duckdb')}" if target.schema else "select 1")


def _literal(value: object) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def _stream(answer: Any) -> Iterator[tuple[Any, ...]]:
    while batch := answer.fetchmany(1000):
        yield from batch


def _failure(error: duckdb.Error, path: Path) -> WarehouseError:
    text = str(error).strip()
    holder = _HOLDER.search(text)
    if holder or "Could not set lock" in text:
        who = f"process {holder['pid']} ({holder['program']})" if holder else "another process"
        return WarehouseLocked(
            f"{path.name} is locked by {who}",
            hint="DuckDB lets in one writer: let it end (a running dbt, a notebook, a shell).",
            where=str(path),
        )
    if "not a valid DuckDB database" in text or "version number" in text:
        return WarehouseError(
            text,
            hint=f"agentic has DuckDB {duckdb.__version__}: install the version that wrote it.",
            where=str(path),
        )
    return WarehouseError(text)
