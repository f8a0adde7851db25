"""What decides how rows fold together: GROUP BY, DISTINCT, and the order under a LIMIT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlglot import exp

from agentic.sql.origins import AGGREGATED, Col


def key_expressions(
    args: dict[str, Any], cols: Sequence[Col], *, limits: bool
) -> Iterator[exp.Expression | Col]:
    """The keys of one SELECT: expressions as written, or output columns where a number or a word
    (`group by 1`, `group by all`, `distinct`) stands for them."""
    group = args.get("group")
    if group is not None:
        yield from _grouped(group, cols)
    distinct = args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        yield from [on] if on is not None else cols
    order = args.get("order")
    if limits and order is not None and (args.get("limit") or args.get("fetch")):
        for one in order.expressions:
            yield _numbered(one.this if isinstance(one, exp.Ordered) else one, cols)


def _grouped(group: exp.Expression, cols: Sequence[Col]) -> Iterator[exp.Expression | Col]:
    if group.args.get("all"):
        # Every column that no aggregate made.
        yield from (col for col in cols if AGGREGATED not in col.leaves.values())
    for key in ("expressions", "grouping_sets", "cube", "rollup"):
        for one in group.args.get(key) or ():
            if isinstance(one, exp.Expression):
                yield _numbered(one, cols)


def _numbered(one: exp.Expression, cols: Sequence[Col]) -> exp.Expression | Col:
    """An output column where its number stands for it."""
    if isinstance(one, exp.Literal) and not one.is_string and one.name.isdigit():
        number = int(one.name)
        if 0 < number <= len(cols):
            return cols[number - 1]
    return one
