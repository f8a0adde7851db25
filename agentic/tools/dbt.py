"""Tools that run the user's dbt in the workspace, the proposal laid over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from agentic.sql import relation_sql
from agentic.tools.bench import Bench
from agentic.tools.live import text
from agentic.tools.nodes import find_node
from agentic.tools.registry import ToolError, tool

if TYPE_CHECKING:
    from agentic.policy import World
    from agentic.workspace import Workspace

Select = Annotated[
    list[str], Meta(description="unique_ids or node names", min_length=1, max_length=50)
]
LOG_CHARS = 6_000
_ABOUT_VALUES = re.compile(
    r"(?i)(?:conversion error|invalid input|out of range|constraint error|duplicate key)[^\n]*"
)
_QUOTED = re.compile(r"'(?:[^'\n]|'')*'|\"[^\"\n]*\"|=\([^)\n]*\)")


@tool(toolset="dbt", effect="workspace", timeout_s=900.0)
def dbt_build(bench: Bench, *, select: Select) -> dict[str, Any]:
    """Build nodes with the proposal in the isolated workspace, and run their tests."""
    return _built(bench, select)


@tool(toolset="dbt", effect="workspace", timeout_s=900.0)
def dbt_test(bench: Bench, *, select: Select) -> dict[str, Any]:
    """Build nodes in the isolated workspace and report their tests alone."""
    report = _built(bench, select)
    tests = [r for r in report["results"] if r["node"].startswith(("test.", "unit_test."))]
    return {**report, "results": tests}


@tool(toolset="dbt", effect="workspace", timeout_s=300.0)
def dbt_compile(bench: Bench, *, select: Select) -> dict[str, Any]:
    """Compile nodes with the proposal in the workspace: their SQL, or dbt's error in full."""
    space = workspace_of(bench)
    outcome: Any = space.compile(_ids(bench, select))
    return {
        "ok": bool(getattr(outcome, "ok", True)),
        "log": _tail(bench, getattr(outcome, "log", "")),
    }


@tool(toolset="dbt", effect="workspace", timeout_s=900.0)
def dbt_show(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a model")],
    max_rows: Annotated[int, Meta(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Build one model in the workspace and return its first rows, masked."""
    uid = find_node(bench, node).unique_id
    space = workspace_of(bench)
    outcome = space.build([uid])
    relation = outcome.relations.get(uid)
    if not outcome.ok or relation is None:
        return {"ok": False, "log": _tail(bench, outcome.log)}
    parts = (relation.database, relation.schema, relation.identifier)
    with space.connection() as connection:
        sql = f"select * from {relation_sql(parts, bench.dialect)}"  # noqa: S608 -- quoted
        _refuse_values(bench, uid)
        found = connection.query(sql, max_rows=max_rows)
    rows = [[text(value) for value in row] for row in found.rows]
    return {"ok": True, "columns": list(found.columns), "rows": rows, "truncated": found.truncated}


def _refuse_values(bench: Bench, unique_id: str) -> None:
    """Rows are shown only where nothing above the node, as it stands, is protected: what a proposal
    takes from where is for the checks to prove, not for this tool to show. Raises ToolError."""
    # A proposal may make it read anything of the project.
    above = bench.graph.ancestors(unique_id) if not bench.edits else tuple(bench.manifest.all)
    for uid in (unique_id, *above):
        node = bench.manifest.all.get(uid)
        if node is None or not node.schema:
            continue
        if bench.world is None or bench.world.shields(f"{node.schema}.{node.alias}".lower()):
            raise ToolError(
                f"rows of {unique_id} may hold values of {uid} that may not be shown",
                hint="dbt_build proves it; run_sql shows columns that may be read.",
            )


def _built(bench: Bench, select: list[str]) -> dict[str, Any]:
    outcome = workspace_of(bench).build(_ids(bench, select))
    results = getattr(outcome.run_results, "results", ()) or ()
    return {
        "ok": bool(outcome.ok),
        "results": [
            {"node": r.unique_id, "status": r.status, "message": shown(bench, r.message)[:2000]}
            for r in results
        ],
        "log": "" if outcome.ok else _tail(bench, outcome.log),
    }


def workspace_of(bench: Bench) -> Workspace:
    if bench.workspace is None:
        raise ToolError("nothing may be built in this run", hint="`agentic run` opens a workspace.")
    space = bench.workspace()
    space.write_files({edit.path: edit.after for edit in bench.edits.values()})
    return space


def _ids(bench: Bench, select: list[str]) -> list[str]:
    return [find_node(bench, one).unique_id for one in select]


def _tail(bench: Bench, log: object) -> str:
    return shown(bench, log)[-LOG_CHARS:]


def shown(bench: Bench, said: object) -> str:
    """An error text without the values it repeats, in a project that protects any."""
    return without_values(bench.world, str(said or ""))


def without_values(world: World | None, said: str) -> str:
    """As `shown`, by the world alone."""
    if world is not None and not (world.protected_names or world.columns_mask or world.read_mask):
        return said
    return _ABOUT_VALUES.sub(lambda line: _QUOTED.sub("[value]", line.group()), said)
