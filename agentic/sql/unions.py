"""UNION, INTERSECT and EXCEPT: two shapes as one."""

from __future__ import annotations

from sqlglot import exp

from agentic.sql.origins import Col, Leaf, Rest, Shape, merged, opaque


def combined(operation: exp.Expression, left: Shape, right: Shape) -> Shape:
    """Two branches of a set operation as one shape: columns pair by position, or BY NAME."""
    filters = {**left.filters, **right.filters}
    if operation.args.get("distinct") or not isinstance(operation, exp.Union):
        # Whole rows are compared: every column decides which rows there are.
        for col in (*left.cols, *right.cols):
            for leaf in col.leaves:
                filters.setdefault(leaf, "group")
    if isinstance(operation, exp.Except):
        return Shape(left.cols, left.rests, filters)
    if operation.args.get("by_name"):
        extra = [col for col in right.cols if left.listed(col.name) is None]
        paired = [
            merged(col.name, [col, other]) if (other := right.find(col.name)) else col
            for col in left.cols
        ]
        return Shape([*paired, *extra], left.rests + right.rests, filters)
    if left.is_open or right.is_open:
        return _open(left, right, filters)
    pairs = zip(left.cols, right.cols, strict=False)
    return Shape([merged(one.name, (one, other)) for one, other in pairs], (), filters)


def _open(left: Shape, right: Shape, filters: dict[Leaf, str]) -> Shape:
    if left.rests and right.rests and len(left.rests) == len(right.rests) == 1:
        names = [col.name for col in left.cols]
        if [name.lower() for name in names] == [col.name.lower() for col in right.cols]:
            pairs = zip(left.cols, right.cols, strict=True)
            cols = [merged(one.name, (one, other)) for one, other in pairs]
            hidden = left.rests[0].without | right.rests[0].without
            both = Rest(left.rests[0].bases + right.rests[0].bases, hidden)
            return Shape(cols, (both,), filters)
    named = left if left.cols else right
    reason = "a union pairs columns by position with a star whose columns are not known"
    cols = [Col(col.name, col.leaves, col.expression, col.reason or reason) for col in named.cols]
    return opaque(reason, cols)
