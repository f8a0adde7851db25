"""One source of a select, while its columns are followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from agentic.sql.shape_facts import RowFact
from agentic.sql.shape_text import leaf_column

Columns = Callable[[str, str], tuple[str, ...] | None]
"""(place, name) of a relation to its columns; None when they are not known."""


Facts = dict[int, RowFact]
"""By number, so that a CTE that is read twice counts once."""


class Frame:
    """One source of a select: its columns by lower-case name, or an open relation; and its
    facts."""

    def __init__(
        self,
        columns: Mapping[str, exp.Expr],
        opens: tuple[str, ...],
        facts: Facts | None = None,
    ) -> None:
        self.columns = dict(columns)
        self.opens = opens
        self.facts: Facts = dict(facts or {})


def whole_row(column: exp.Column, sources: Mapping[str, Frame]) -> exp.Expr | None:
    """A relation named as a value is its whole row: every column, `*` for the unknown."""
    frame = sources.get(column.name.lower()) if not column.table else None
    if frame is None:
        return None
    parts = [one.copy() for one in frame.columns.values()]
    return exp.Tuple(expressions=parts + [leaf_column(key, "*") for key in frame.opens])
