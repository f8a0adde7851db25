"""Trying what guardrails.yml forbids, with the agent's own credentials, and leaving nothing behind.

On PostgreSQL reads and writes of rows are only explained: the server checks the right and touches
nothing. What is made is rolled back. A DuckDB file has no users: there the trial is of the way in
which agentic opens it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from agentic.exceptions import WarehouseError
from agentic.records import CompiledGuardrails
from agentic.sql import quote, relation_sql
from agentic.warehouse.connection import Connection
from agentic.warehouse.grants import LeftOut, Readable, Reading

_NAME = "agentic_trial"
_ALLOWED, _REFUSED = "agentic trial allowed", "agentic trial refused"
_QUOTES = "$agentic_trial$"
_TIMEOUT_S = 5.0


class Trial(msgspec.Struct, frozen=True):
    """One forbidden thing, and the statement that would do it."""

    what: str
    """`read raw.people`, `create in prod`."""
    rule: str
    """Why it is forbidden."""
    sql: str


class Answer(msgspec.Struct, frozen=True):
    """What the warehouse said to a statement."""

    allowed: bool | None
    """None: it could not be tried (nothing there, say)."""
    said: str = ""


class Tried(msgspec.Struct, frozen=True):
    """A trial and its answer."""

    trial: Trial
    answer: Answer


def postgres_trials(
    reading: Reading, guardrails: CompiledGuardrails, *, protected: Iterable[str]
) -> Iterator[Trial]:
    """Everything that the file forbids, statement by statement. `protected`: schemas that agents
    may not write to, besides those that hold what they read."""
    for left in reading.left_out:
        yield Trial(f"read {_dotted(left.parts)}", left.why, _explain_read(left.parts, None))
    for one in reading.readable:
        for column in one.barred:
            yield Trial(
                f"read {_dotted(one.parts)}.{column}",
                "read.deny of the column",
                _explain_read(one.parts, column),
            )
    relations: list[Readable | LeftOut] = [*reading.readable, *reading.left_out]
    for relation in relations:
        if getattr(relation, "kind", "table") != "view" and not _ours(relation, guardrails):
            name = relation_sql(relation.parts[-2:], "postgres")
            what = _dotted(relation.parts)
            rule = "agents write to build.schemas alone"
            delete = f"explain delete from {name}"  # noqa: S608 - the name is quoted
            yield Trial(f"take rows out of {what}", rule, delete)
            insert = f"explain insert into {name} default values"
            yield Trial(f"put rows into {what}", rule, insert)
    schemas = {relation.parts[-2] for relation in relations} | set(protected)
    for schema in sorted(schemas):
        if not _build_schema(schema, guardrails):
            made = relation_sql((schema, _NAME), "postgres")
            rule = "agents make things in build.schemas alone"
            yield Trial(f"create in {schema}", rule, f"create table {made} (x int)")


def duckdb_trials(schemas: Sequence[str], folder: Path, file: Path) -> Iterator[Trial]:
    """What no agent may do with a DuckDB file. `folder` is an empty one that may be written to,
    `file` one that holds nothing secret."""
    rule = "the file is opened read-only"
    for schema in sorted(schemas):
        made = relation_sql((schema, _NAME), "duckdb")
        yield Trial(f"create in {schema}", rule, f"create table {made} (x int)")
    outside = "files outside the database are out of reach"
    target, source = _text(folder / "out.csv"), _text(file)
    yield Trial("write a file", outside, f"copy (select 1) to {target}")
    read = f"select count(*) from read_text({source})"  # noqa: S608 - a quoted literal
    yield Trial("read a file", outside, read)
    yield Trial("attach a file", outside, f"attach {_text(folder / 'other.duckdb')} as {_NAME}")
    yield Trial("unlock settings", "settings are locked", "set enable_external_access = true")


def try_all(connection: Connection, trials: Iterable[Trial]) -> tuple[Tried, ...]:
    """Each trial on its own, in order. A PostgreSQL connection must be a writable one."""
    attempt = _on_postgres if connection.dialect == "postgres" else _on_duckdb
    return tuple(Tried(trial, attempt(connection, trial.sql)) for trial in trials)


def _on_postgres(connection: Connection, sql: str) -> Answer:
    """One statement that always fails, so that nothing of it stays, and says how far it came."""
    if _QUOTES in sql:
        return Answer(None, "a name that cannot be tried")
    quoted = sql.replace("'", "''")
    try:
        connection.execute(
            f"do {_QUOTES} begin begin execute '{quoted}'; "
            f"exception when insufficient_privilege then raise exception '{_REFUSED}'; end; "
            f"raise exception '{_ALLOWED}'; end {_QUOTES}",
            timeout_s=_TIMEOUT_S,
        )
    except WarehouseError as error:
        if error.message.startswith(_ALLOWED):
            return Answer(True)
        return Answer(False if error.message.startswith(_REFUSED) else None, error.message)
    return Answer(None, "the trial came to no end")


def _on_duckdb(connection: Connection, sql: str) -> Answer:
    """Nothing that DuckDB refuses has an effect; what it lets through is rolled back."""
    try:
        connection.query("begin transaction")
        connection.query(sql)
    except WarehouseError as error:
        return Answer(False, error.message)
    finally:
        with suppress(WarehouseError):
            connection.query("rollback")
    return Answer(True)


def _explain_read(parts: tuple[str, ...], column: str | None) -> str:
    what = quote(column, "postgres") if column else "1"
    name = relation_sql(parts[-2:], "postgres")
    return f"explain select {what} from {name}"  # noqa: S608 - both are quoted


def _ours(relation: Readable | LeftOut, guardrails: CompiledGuardrails) -> bool:
    return _build_schema(relation.parts[-2], guardrails)


def _build_schema(schema: str, guardrails: CompiledGuardrails) -> bool:
    return any(fnmatchcase(schema, pattern) for pattern in guardrails.build_schemas)


def _dotted(parts: tuple[str, ...]) -> str:
    return ".".join(parts[-2:])


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
