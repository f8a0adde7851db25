"""What ran in the warehouse, where it tells: PostgreSQL's statistics views, without any value."""

from __future__ import annotations

import re

import msgspec

from agentic.exceptions import WarehouseError
from agentic.sql import relation_sql
from agentic.warehouse.connection import Connection

ROWS = 400
_EXTENSION = """
    select n.nspname from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements'
"""
_STATEMENTS = """
    select s.query, s.calls, s.total_exec_time / 1000, s.rows,
           (s.shared_blks_read + s.shared_blks_hit) * current_setting('block_size')::bigint
    from {} s
    join pg_catalog.pg_database d on d.oid = s.dbid and d.datname = current_database()
    order by 3 desc
"""
_ACTIVITY = """
    select query, state, extract(epoch from clock_timestamp() - query_start)::float8,
           wait_event_type, application_name
    from pg_catalog.pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and query <> ''
      and backend_type = 'client backend'
    order by query_start desc nulls last
"""
_NODE = re.compile(r'"node_id":\s*"([\w.]+)"')
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)|--[^\n]*", re.DOTALL)
_TEXT = re.compile(r"\$(\w*)\$.*?(?:\$\1\$|$)|'(?:[^']|'')*(?:'|$)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w$.\"])-?\d[\w.]*")


class Ran(msgspec.Struct, frozen=True):
    """One statement, or all of one shape; its literals are gone."""

    statement: str
    node: str = ""
    """The dbt node that sent it, by dbt's own comment."""
    state: str = ""
    """`active`, `idle in transaction`, ...: of one that runs now, or ran last in its session."""
    calls: int | None = None
    seconds: float | None = None
    rows: int | None = None
    bytes: int | None = None
    waits_for: str = ""
    sent_by: str = ""


class Activity(msgspec.Struct, frozen=True):
    """What a warehouse tells of its past and its present."""

    ran: tuple[Ran, ...] = ()
    """By total seconds, the most first."""
    now: tuple[Ran, ...] = ()
    untold: str = ""
    """What it does not tell, and why."""


def activity_of(connection: Connection) -> Activity:
    """Raises WarehouseError when a statistics view cannot be read."""
    if connection.dialect != "postgres":
        return Activity(untold=f"{connection.dialect} keeps no record of the statements that ran")
    now = tuple(
        Ran(
            without_literals(str(query)),
            node=_node(str(query)),
            state=str(state or ""),
            seconds=seconds,
            waits_for=str(waits or ""),
            sent_by=str(name or ""),
        )
        for query, state, seconds, waits, name in connection.query(_ACTIVITY, max_rows=ROWS).rows
    )
    found = connection.query(_EXTENSION).rows
    if not found:
        return Activity(now=now, untold="the extension pg_stat_statements is not installed here")
    try:
        view = relation_sql((str(found[0][0]), "pg_stat_statements"), "postgres")
        rows = connection.query(_STATEMENTS.format(view), max_rows=ROWS).rows
    except WarehouseError as error:
        return Activity(now=now, untold=f"pg_stat_statements cannot be read: {error.message}")
    ran = tuple(
        Ran(
            without_literals(str(query)),
            node=_node(str(query)),
            calls=int(calls),
            seconds=float(seconds),
            rows=int(count),
            bytes=int(read),
        )
        for query, calls, seconds, count, read in rows
    )
    return Activity(ran, now)


def without_literals(sql: str) -> str:
    """A statement on one line without texts, numbers and comments; a text that was cut off too."""
    bare = _NUMBER.sub("?", _TEXT.sub("'?'", _COMMENT.sub(" ", sql)))
    return " ".join(bare.split())


def _node(sql: str) -> str:
    found = _NODE.search(sql)
    return found[1] if found else ""
