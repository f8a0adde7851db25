"""Whether a condition can end a recursion: a step up needs a ceiling, a step down a floor."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_CEILINGS = (exp.LT, exp.LTE)
_FLOORS = (exp.GT, exp.GTE)


def can_end(condition: Any, steps: dict[str, int | None], comparisons: Any) -> bool:
    """Whether `condition` may become false; `steps` is the direction of each column, 0 for none.

    `comparisons` lists the comparisons below an expression. A column that `steps` does not know
    may go anywhere, and its comparisons are believed.
    """
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And | exp.Or):
        sides = [can_end(one, steps, comparisons) for one in (condition.left, condition.right)]
        return any(sides) if isinstance(condition, exp.And) else all(sides)
    return any(not _useless(one, steps) for one in comparisons(condition))


def steps_of(select: Any, columns: list[str]) -> dict[str, int | None]:
    """The direction in which each column of a recursion's round moves; None: unknown."""
    found: dict[str, int | None] = {}
    for name, projection in zip(columns, select.expressions, strict=False):
        found[name] = _step(projection.unalias(), name)
    return found


def columns_of(cte: Any, anchor: Any) -> list[str]:
    """The names of a common table expression's columns, lower case."""
    alias = cte.args.get("alias")
    named = [str(one.name).lower() for one in (alias.columns if alias is not None else ())]
    return named or [str(one.alias_or_name).lower() for one in anchor.expressions]


def _step(value: Any, name: str) -> int | None:
    if _is(value, name):
        return 0
    if isinstance(value, exp.Add | exp.Sub) and isinstance(value.expression, exp.Literal):
        amount = value.expression
        if _is(value.this, name) and not amount.is_string and float(amount.this) != 0:
            return 1 if isinstance(value, exp.Add) else -1
    return None


def _is(value: Any, name: str) -> bool:
    return isinstance(value, exp.Column) and str(value.name).lower() == name


def _useless(one: Any, steps: dict[str, int | None]) -> bool:
    """A comparison that stays true for ever once it is true."""
    left, right = one.this, one.args.get("expression")
    names = {str(column.name).lower() for column in one.find_all(exp.Column)}
    if len(names) != 1 or one.find(exp.Subquery, exp.Select):
        return False
    step = steps.get(names.pop())
    if step is None:
        return False
    if step == 0 or isinstance(one, exp.Is):
        return True
    if not isinstance(one, _CEILINGS + _FLOORS):
        return False
    if isinstance(left, exp.Expr) and isinstance(right, exp.Expr):
        if left.find(exp.Column) and right.find(exp.Column):
            return True
        falls = isinstance(left, exp.Column) == isinstance(one, _CEILINGS)
        plain = isinstance(left, exp.Column) or isinstance(right, exp.Column)
        return plain and falls != (step > 0)
    return False
