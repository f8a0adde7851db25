"""What SQL divides by without a guard: columns that must not be zero."""

from __future__ import annotations

from sqlglot import exp

from agentic.exceptions import AgenticError
from agentic.sql.parsing import parse


def bare_divisors(sql: str, dialect: str) -> tuple[str, ...]:
    """Lower-case names of the columns that stand alone below a division, in order.

    One within `nullif`, below a `case` or behind a `where` that asks for it is guarded. A text that
    cannot be parsed divides by nothing.
    """
    if "/" not in sql and "div" not in sql.lower():
        return ()
    try:
        tree = parse(sql, dialect)
    except AgenticError:
        return ()
    found = []
    for part in tree.find_all(exp.Div, exp.IntDiv):
        below: exp.Expression = part.expression.unnest()
        while isinstance(below, exp.Cast):
            below = below.this.unnest()
        if isinstance(below, exp.Column) and not _guarded(below, below.name.lower()):
            found.append(below.name.lower())
    return tuple(dict.fromkeys(found))


def _guarded(part: exp.Expression, name: str) -> bool:
    above = part.parent
    while above is not None:
        if isinstance(above, exp.Case | exp.If) and _asks(above, name):
            return True
        if isinstance(above, exp.Select):
            where = above.args.get("where")
            return where is not None and _mentions(where, name)
        above = above.parent
    return False


def _asks(choice: exp.Expression, name: str) -> bool:
    asked = [one.this for one in choice.args.get("ifs") or [choice]]
    return any(one is not None and _mentions(one, name) for one in asked)


def _mentions(part: exp.Expression, name: str) -> bool:
    return any(column.name.lower() == name for column in part.find_all(exp.Column))
