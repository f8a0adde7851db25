"""Tools that run SQL: one read statement, judged here whatever the boundary decided."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.policy import judge_sql
from agentic.tools.bench import Bench
from agentic.tools.live import text
from agentic.tools.registry import ToolError, tool

Statement = Annotated[
    str, Meta(description="one SELECT statement in the warehouse's dialect", min_length=1)
]
MAX_ROWS = 500
TIMEOUT_S = 60.0
CELL = 500


@tool(toolset="sql", effect="read", timeout_s=90.0)
def run_sql(
    bench: Bench,
    *,
    sql: Statement,
    max_rows: Annotated[int, Meta(description="rows wanted", ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Run one read statement on the baseline's warehouse and return its rows, capped and masked."""
    return _run(bench, _checked(bench, sql), max_rows)


@tool(toolset="sql", effect="read")
def explain_query(bench: Bench, *, sql: Statement) -> dict[str, Any]:
    """The warehouse's plan for a read statement, without running it."""
    return _run(bench, f"explain {_checked(bench, sql)}", MAX_ROWS)


def _checked(bench: Bench, sql: str) -> str:
    """The policy's own rendering of the statement: only text that was judged is ever run."""
    if bench.world is None:
        raise ToolError("no statement can be judged in this run")
    verdict = judge_sql(sql, dialect=bench.dialect, role="reader", world=bench.world)
    if verdict.verdict != "allow":
        raise ToolError(f"{verdict.code}: {verdict.reason}")
    return verdict.sql or sql


def _run(bench: Bench, sql: str, max_rows: int) -> dict[str, Any]:
    limits = bench.guardrails
    rows_cap = min(max_rows, limits.sql_max_rows if limits else MAX_ROWS)
    timeout = limits.sql_timeout_s if limits else TIMEOUT_S
    found = bench.connection().query(sql, max_rows=rows_cap, timeout_s=timeout)
    return {
        "sql": sql,
        "columns": list(found.columns),
        "rows": [[_cell(value) for value in row] for row in found.rows],
        "truncated": found.truncated,
    }


def _cell(value: object) -> object:
    plain = text(value)
    return plain[:CELL] if isinstance(plain, str) else plain
