"""Relations that a FROM reshapes: column lists, VALUES, PIVOT and UNPIVOT."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from agentic.sql.origins import AGGREGATED, TRANSFORMED, Col, Leaves, Rest, Shape, merged, opaque
from agentic.sql.scope import Watch

Read = Callable[[exp.Expression, int], tuple[Leaves, list[str]]]
"""Resolve an expression among the columns that are pivoted, at a level."""


def pivoted(pivot: exp.Expression, shape: Shape, read: Read) -> Shape:
    """A shape after one pivot; opaque where the dialect leaves the new columns to the rows."""
    if pivot.args.get("unpivot"):
        return _unpivoted(pivot, shape, read)
    fields = [one for one in pivot.args.get("fields") or () if isinstance(one, exp.In)]
    names = [one.name for one in pivot.args.get("columns") or ()]
    inputs = [*pivot.expressions, *(one.this for one in fields)]
    used = {column.name.lower() for one in inputs for column in one.find_all(exp.Column)}
    leaves: Leaves = {}
    reasons: list[str] = []
    for one in inputs:
        found, why = read(one, AGGREGATED)
        leaves.update(found)
        reasons += why
    if not names:
        return opaque("a pivot names its columns by the rows it meets", _kept(shape, used))
    reason = "; ".join(reasons)
    fresh = [Col(name, leaves, pivot.expressions[0], reason) for name in names]
    return Shape([*_kept(shape, used), *fresh], _without(shape, used), shape.filters)


def _unpivoted(pivot: exp.Expression, shape: Shape, read: Read) -> Shape:
    used: set[str] = set()
    fresh: list[Col] = []
    for field in pivot.args.get("fields") or ():
        if not isinstance(field, exp.In):
            return opaque("an unpivot of columns that are not listed")
        folded = [
            Col(column.name, read(column, TRANSFORMED)[0])
            for one in field.expressions
            for column in one.find_all(exp.Column)
        ]
        used |= {col.name.lower() for col in folded}
        fresh.append(Col(field.this.name, {}))
        fresh += [merged(value.name, folded) for value in pivot.expressions]
    return Shape([*_kept(shape, used), *fresh], _without(shape, used), shape.filters)


def _kept(shape: Shape, used: set[str]) -> list[Col]:
    return [col for col in shape.cols if col.name.lower() not in used]


def _without(shape: Shape, used: set[str]) -> tuple[Rest, ...]:
    return tuple(Rest(rest.bases, rest.without | used) for rest in shape.rests)


def renamed(shape: Shape, alias: exp.Expression | None, watch: Watch | None) -> Shape:
    """A shape under the column names of `as t(a, b)`."""
    names = alias.args.get("columns") if alias is not None else None
    if not names:
        return shape
    if watch:
        watch.positional(shape.cols)
    cols = [
        Col(one.name, col.leaves, col.expression, col.reason)
        for one, col in zip(names, shape.cols, strict=False)
    ]
    if len(cols) < len(names):
        rest = shape.any or Col("*", {}, reason="columns are named by position over a star")
        cols += [
            Col(one.name, rest.leaves, rest.expression, rest.reason) for one in names[len(cols) :]
        ]
    return Shape([*cols, *shape.cols[len(names) :]], (), shape.filters)


def values(node: exp.Values, watch: Watch | None) -> Shape:
    """The shape of VALUES: constants."""
    first = node.expressions[0] if node.expressions else exp.Tuple()
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    shape = Shape([Col(f"col{number}", {}) for number in range(width)])
    return renamed(shape, node.args.get("alias"), watch)
