"""Tools that run SQL: one read statement, judged here whatever the boundary decided."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.judged import answer
from agentic.tools.live import text
from agentic.tools.registry import tool

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
    return rows_of(bench, sql, max_rows)


@tool(toolset="sql", effect="read")
def explain_query(bench: Bench, *, sql: Statement) -> dict[str, Any]:
    """The warehouse's plan for a read statement, without running it."""
    return rows_of(bench, sql, explain=True)


def rows_of(
    bench: Bench,
    sql: str,
    max_rows: int = MAX_ROWS,
    *,
    explain: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Rows of a read statement within the limits, masked. Raises ToolError."""
    limits = bench.guardrails
    rows_cap = min(max_rows, limits.sql_max_rows if limits else MAX_ROWS)
    timeout = min(timeout_s, limits.sql_timeout_s) if limits else timeout_s
    sent, found = answer(bench, sql, max_rows=rows_cap, timeout_s=timeout, explain=explain)
    return {
        "sql": sent,
        "columns": list(found.columns),
        "rows": [[_cell(value) for value in row] for row in found.rows],
        "truncated": found.truncated,
    }


def _cell(value: object) -> object:
    plain = text(value)
    return plain[:CELL] if isinstance(plain, str) else plain
