"""What a class of tree node means to the walk over columns."""

from __future__ import annotations

from sqlglot import exp

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_SKIPPED = (exp.Literal, exp.Identifier, exp.DataType, exp.Star, exp.Null, exp.Boolean, exp.Var)
# Window functions that hand on one row's value, though sqlglot counts them as aggregates.
_ONE_ROW = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue, exp.RowNumber)
# What a class of tree node means to the walk; filled as classes are met.
SKIP, COLUMN, QUERY, AGGREGATE, WALK = range(5)
MEANING: dict[type, int] = {}


def meaning_of(node: exp.Expression) -> int:
    """What the walk does with a class of node, remembered in MEANING."""
    kind = type(node)
    if isinstance(node, exp.Column):
        found = COLUMN
    elif isinstance(node, QUERIES):
        found = QUERY
    elif isinstance(node, exp.AggFunc) and not isinstance(node, _ONE_ROW):
        found = AGGREGATE
    else:
        found = SKIP if isinstance(node, _SKIPPED) else WALK
    MEANING[kind] = found
    return found
