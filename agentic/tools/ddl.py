"""Statements that make or alter relations: tried in the workspace, and never run anywhere else."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agentic.exceptions import SqlError, WarehouseError
from agentic.policy import SqlVerdict, judge_sql
from agentic.policy.world import matches
from agentic.sql.ddl import Ddl, empty_copy_sql, moved_to, read_ddl
from agentic.tools.bench import Bench
from agentic.tools.dbt import shown, workspace_of
from agentic.tools.registry import ToolError, tool

TRIED_IN = "ddl"
"""Tail of the schema beside the workspace's in which a statement is tried."""
MOST = 10
"""Statements of one proposal."""

Dry = Annotated[bool, Meta(description="true: judge it only; false: do it in the workspace")]


@tool(toolset="edits", effect="workspace", timeout_s=300.0)
def create_table(
    bench: Bench,
    *,
    sql: Annotated[str, Meta(description="one CREATE TABLE or VIEW statement", min_length=8)],
    dry_run: Dry = True,
) -> dict[str, Any]:
    """Make a table or a view in the workspace's own schema, to try something on: it is gone when
    the run ends, and whatever schema the statement names is not used. `dry_run` is true unless
    lifted."""
    read = _read(bench, sql)
    if read.action != "create":
        raise ToolError("only CREATE TABLE and CREATE VIEW make something new")
    space = workspace_of(bench)
    sent = _judged(bench, moved_to(sql, space.schema, bench.dialect), (space.schema,)).sql
    told = {"relation": f"{space.schema}.{read.parts[-1]}", "sql": sent, "dry_run": dry_run}
    if dry_run:
        return {**told, "made": False, "next": "repeat the call with dry_run false"}
    _try(bench, [sent], schema=space.schema)
    return {**told, "made": True}


@tool(toolset="edits", effect="workspace", timeout_s=300.0)
def propose_ddl(
    bench: Bench,
    *,
    sql: Annotated[
        str, Meta(description="one CREATE TABLE, CREATE VIEW or ALTER TABLE", min_length=8)
    ],
    why: Annotated[str, Meta(description="one sentence: why a person should run it")],
) -> dict[str, Any]:
    """Propose a statement that a person runs: judged, tried on an empty copy in the workspace, and
    shown in the proposal. Agentic itself never runs it on the real relation."""
    reason = " ".join(why.split())
    if not reason:
        raise ToolError("a statement for a person needs a reason")
    if not reason.isprintable():
        raise ToolError("`why` holds characters that do not show; say it in plain words")
    read = _read(bench, sql)
    if len(bench.statements) >= MOST:
        raise ToolError(f"a proposal may hold {MOST} statements")
    _refuse_protected(bench, read)
    space = workspace_of(bench)
    schema = f"{space.schema}_{TRIED_IN}"
    moved = moved_to(sql, schema, bench.dialect)
    verdict = _judged(bench, moved, (space.schema, f"{space.schema}_*"))
    steps = [verdict.sql]
    if read.action == "alter":
        steps.insert(0, _empty_copy(bench, read, schema, space.schema))
    _try(bench, steps, schema=schema, keep=False)
    statement = f"-- {reason}\n{read.text}"
    if statement not in bench.statements:
        bench.statements.append(statement)
    return {
        "statement": statement,
        "tried": steps,
        "note": "proposed: a person has to run it; submit_report says so too",
    }


def _read(bench: Bench, sql: str) -> Ddl:
    try:
        return read_ddl(sql, bench.dialect)
    except SqlError as error:
        raise ToolError(error.message, hint=error.hint) from error


def _empty_copy(bench: Bench, read: Ddl, schema: str, space: str) -> str:
    """The statement that copies the columns of the relation: judged as any other read of it, and
    only of a relation that the project knows. Raises ToolError."""
    source = _where(bench, read)
    sql = empty_copy_sql(source, (schema, read.parts[-1]), bench.dialect)
    # A copy of no row carries no personal data out of its columns.
    sent = _judged(bench, sql, (space, f"{space}_*"), also=("PII_COPY",)).sql
    keys = {".".join(source[-length:]).lower() for length in (2, 3)}
    if bench.world is None or not keys & bench.world.by_key.keys():
        raise ToolError(f"UNKNOWN_TABLE: {'.'.join(source)} is no relation of this project")
    return sent


def _judged(
    bench: Bench, sql: str, schemas: tuple[str, ...], *, also: tuple[str, ...] = ()
) -> SqlVerdict:
    """As writer in the workspace's schemas alone. An alteration of the copy there needs no person:
    what asks is the proposal that holds it. `also`: codes that ask nobody here either. Raises
    ToolError."""
    if bench.world is None:
        raise ToolError("no statement can be judged in this run")
    world = msgspec.structs.replace(bench.world, build_schemas=schemas)
    verdict = judge_sql(sql, dialect=bench.dialect, role="writer", world=world)
    fine = verdict.verdict == "allow" or verdict.code in ("DESTRUCTIVE_IN_SCOPE", *also)
    if not fine or not verdict.sql:
        raise ToolError(f"{verdict.code}: {verdict.reason}")
    return verdict


def _refuse_protected(bench: Bench, read: Ddl) -> None:
    """What `change.deny` names is not proposed to be changed either. Raises ToolError."""
    key = ".".join(_where(bench, read)[-2:]).lower()
    if bench.world is not None and matches(key, bench.world.change_deny):
        raise ToolError(f"{key} is not an agent's to change: change.deny names it")


def _where(bench: Bench, read: Ddl) -> tuple[str, ...]:
    """The relation that is altered, with the schema that an unqualified name means."""
    if len(read.parts) > 1 or bench.world is None:
        return read.parts
    return (bench.world.default_schema, *read.parts)


def _try(bench: Bench, steps: list[str], *, schema: str, keep: bool = True) -> None:
    """Run judged statements in the workspace. Raises ToolError with the warehouse's own words."""
    try:
        workspace_of(bench).execute(steps, schema=schema, keep=keep)
    except WarehouseError as error:
        raise ToolError(f"the warehouse refused it: {shown(bench, error.message)}") from error
