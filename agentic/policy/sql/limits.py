"""Statements that would never end or fill the memory."""

from __future__ import annotations

from agentic.sql.effects import Statement
from agentic.sql.effects_cost import costs_of
from agentic.sql.tables import Refusal

MOST_ROWS = 1_000_000
"""Rows that a generator, or characters that a repeat, may make."""


def judge_cost(
    statement: Statement, classes: frozenset[str], names: frozenset[str]
) -> Refusal | None:
    """None when every loop is bounded; else why not."""
    cost = costs_of(statement, classes, names)
    if cost is None:
        return None
    if cost.unbounded:
        return Refusal("RESOURCE_ABUSE", f"{cost.what} has no bound")
    if cost.rows > MOST_ROWS:
        return Refusal("RESOURCE_ABUSE", f"{cost.what} makes more than {MOST_ROWS:,} rows")
    return None
