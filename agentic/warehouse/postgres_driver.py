"""PostgreSQL: read-only transactions, each rolled back, with a statement timeout."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql as composing

from agentic.exceptions import WarehouseError
from agentic.project import Target
from agentic.warehouse.connection import MAX_BYTES
from agentic.warehouse.relation import Column, Plan, Relation, Rows, cap

_CONNECT_TIMEOUT_S = 10
_PASSED_ON = ("sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle", "sslnegotiation")
_SYSTEM = (
    "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
)

_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
_RELATIONS = f"""
    select current_database(), n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and {_SYSTEM}
      and (%s::text is null or n.nspname = %s)
    order by 2, 3
"""  # noqa: S608 - the inserted text is the constant above
_SIZES = """
    select n.nspname || '.' || c.relname, pg_relation_size(c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = any(%s)
"""
_BELOW_VIEWS = """
    select lower(vn.nspname || '.' || v.relname), lower(n.nspname || '.' || c.relname)
    from pg_catalog.pg_depend d
    join pg_catalog.pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
    join pg_catalog.pg_class v on v.oid = r.ev_class and v.relkind = 'v'
    join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace
    join pg_catalog.pg_class c on c.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid <> v.oid
    union
    select lower(vn.nspname || '.' || v.relname), lower(n.nspname || '.' || c.relname)
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class v on v.oid = i.inhparent
    join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
"""
_SCHEMAS = f"select n.nspname from pg_catalog.pg_namespace n where {_SYSTEM} order by 1"  # noqa: S608


def connect(
    target: Target,
    *,
    project_root: Path,  # noqa: ARG001 - every driver is called alike
    writable: bool,
    database_path: Path | None,
) -> PostgresConnection:
    """Connect as the target's user. Raises WarehouseError."""
    if database_path is not None:
        raise WarehouseError("a PostgreSQL target has no database file")
    settings = target.settings
    try:
        session = psycopg.connect(**parameters_of(settings, target.database))
        with session.transaction():
            prepare(session, settings, target.schema)
        session.read_only = not writable
    except (psycopg.Error, ValueError) as error:
        raise unreachable(error, settings) from error
    return PostgresConnection(session, target.database, writable=writable)


class PostgresConnection:
    """A session with one PostgreSQL database."""

    dialect = "postgres"

    def __init__(self, session: psycopg.Connection[Any], database: str, *, writable: bool) -> None:
        self._session = session
        self._database = database
        self._writable = writable

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        if relation.database and relation.database != self._database:
            return None
        found = self._fetch(_COLUMNS, [relation.schema or "public", relation.identifier])
        return tuple(Column(str(n), str(t), bool(null)) for n, t, null in found) or None

    def query(
        self,
        sql: str,
        *,
        max_rows: int = 500,
        timeout_s: float = 60,
        max_bytes: int = MAX_BYTES,
    ) -> Rows:
        with self._rolled_back(timeout_s) as cursor:
            # Row by row: a cap must not first load what it leaves out. The extended protocol, which
            # this takes, also refuses a second statement.
            answer = cursor.stream(sql.encode())
            rows, truncated = cap(answer, max_rows, max_bytes)
            answer.close()
            described = cursor.description or []
            return Rows(
                columns=tuple(str(one.name) for one in described),
                rows=rows,
                truncated=truncated,
                types=tuple(str(one.type_display) for one in described),
            )

    def opinion(self, sql: str, *, reads: Collection[str]) -> str:
        if not _is_query(sql):
            return ""
        with self._rolled_back(60) as cursor:
            # Prepared, so that a second statement is refused.
            asked = f"explain (format json, verbose) {sql}"
            plan = cursor.execute(asked.encode(), prepare=True).fetchall()[0][0][0]
            views = cursor.execute(_BELOW_VIEWS).fetchall()
        allowed = {".".join(one.lower().split(".")[-2:]) for one in reads}
        for view, relation in views * 8:  # views on views; PostgreSQL plans what they stand on
            if view in allowed:
                allowed.add(relation)
        # What stands behind the catalog's views is the catalog.
        catalog = any(one.startswith(("information_schema.", "pg_catalog.")) for one in allowed)
        other = sorted(
            one
            for one in _relations_in(plan)
            if one.lower() not in allowed and not (catalog and one.startswith("pg_catalog."))
        )
        return f"PostgreSQL would read {', '.join(other)} too" if other else ""

    def plan(self, sql: str) -> Plan:
        if not _is_query(sql):
            return Plan(0, ())
        with self._rolled_back(60) as cursor:
            asked = f"explain (format json, verbose) {sql}"
            plan = cursor.execute(asked.encode(), prepare=True).fetchall()[0][0][0]
            whole, rest = _scans(plan)
            sizes = cursor.execute(_SIZES, [sorted(set(whole))]).fetchall()
        size_of = {str(name): int(size) for name, size in sizes}
        return Plan(
            scan_bytes=rest + sum(size_of.get(name, 0) for name in whole),
            relations=tuple(sorted({name.lower() for name in _relations_in(plan)})),
        )

    def execute(self, sql: str, *, timeout_s: float = 600) -> None:
        if not self._writable:
            raise WarehouseError("this connection is read-only")
        with _translated(timeout_s), self._session.transaction(), self._session.cursor() as cursor:
            _set_timeout(cursor, timeout_s)
            cursor.execute(sql.encode())

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        return tuple(Relation(*row) for row in self._fetch(_RELATIONS, [schema, schema]))

    def schemas(self) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in self._fetch(_SCHEMAS, []))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> PostgresConnection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fetch(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._rolled_back(60) as cursor:
            found: list[tuple[Any, ...]] = cursor.execute(sql.encode(), parameters).fetchall()
            return found

    @contextmanager
    def _rolled_back(self, timeout_s: float) -> Iterator[psycopg.Cursor[Any]]:
        """A transaction that leaves nothing behind, whatever the statement was."""
        with (
            _translated(timeout_s),
            self._session.transaction(force_rollback=True),
            self._session.cursor() as cursor,
        ):
            _set_timeout(cursor, timeout_s)
            yield cursor


def _is_query(sql: str) -> bool:
    """Whether EXPLAIN can explain it; the rest of what the policy lets through tells metadata."""
    return sql.lstrip().lower().startswith(("select", "with", "values", "(", "table"))


def _relations_in(plan: Any) -> set[str]:
    """`schema.table` of every relation and every node that writes in a plan."""
    found: set[str] = set()
    if isinstance(plan, dict):
        if plan.get("Node Type") in ("ModifyTable", "LockRows"):
            found.add(f"{plan['Node Type']} {plan.get('Relation Name', '')}".strip())
        elif "Relation Name" in plan:
            found.add(f"{plan.get('Schema', '')}.{plan['Relation Name']}")
    inner = plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ()
    return found.union(*(_relations_in(one) for one in inner))


def _scans(plan: Any) -> tuple[list[str], int]:
    """Relations (`schema.table`) that a plan reads whole, and the bytes of rows that it picks."""
    whole: list[str] = []
    picked = 0
    if isinstance(plan, dict) and "Relation Name" in plan:
        if plan.get("Node Type") == "Seq Scan":
            whole.append(f"{plan.get('Schema', '')}.{plan['Relation Name']}")
        else:
            picked += int(plan.get("Plan Rows", 0)) * int(plan.get("Plan Width", 0))
    inner = plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ()
    for one in inner:
        more, bytes_picked = _scans(one)
        whole += more
        picked += bytes_picked
    return whole, picked


def _set_timeout(cursor: psycopg.Cursor[Any], timeout_s: float) -> None:
    # A query, not a SET: after it, `set transaction read write` comes too late.
    milliseconds = str(max(1, int(timeout_s * 1000)))
    cursor.execute("select set_config('statement_timeout', %s, true)", [milliseconds])


def parameters_of(settings: Mapping[str, Any], database: str) -> dict[str, Any]:
    """What psycopg connects with."""
    parameters: dict[str, Any] = {
        "host": settings.get("host"),
        "port": int(settings.get("port") or 5432),
        "user": settings.get("user"),
        "password": settings.get("password") or settings.get("pass"),
        "dbname": database,
        "application_name": "agentic",
        "connect_timeout": int(settings.get("connect_timeout") or _CONNECT_TIMEOUT_S),
    }
    parameters.update({key: settings[key] for key in _PASSED_ON if settings.get(key)})
    return {key: value for key, value in parameters.items() if value not in (None, "")}


def prepare(session: psycopg.Connection[Any], settings: Mapping[str, Any], schema: str) -> None:
    if settings.get("role"):
        session.execute(composing.SQL("set role {}").format(composing.Identifier(settings["role"])))
    path = settings.get("search_path")
    if not path and schema:
        path = composing.Identifier(schema).as_string(session) + ", public"
    if path:
        session.execute("select set_config('search_path', %s, false)", [str(path)])


@contextmanager
def _translated(timeout_s: float) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise WarehouseError(
            f"the statement was stopped after {timeout_s:g} s",
            hint="Ask for less, or raise sql.timeout in guardrails.yml.",
        ) from error
    except psycopg.Error as error:
        raise WarehouseError(str(error).strip()) from error


def unreachable(error: Exception, settings: Mapping[str, Any]) -> WarehouseError:
    where = f"{settings.get('host')}:{settings.get('port') or 5432}"
    return WarehouseError(
        f"cannot connect to PostgreSQL at {where}: {str(error).strip()}",
        hint="Check host, port, user and password of the target (`dbt debug` uses the same).",
    )
