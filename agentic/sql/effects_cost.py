"""How much a statement's own loops make: recursion, generators, repeats. Tables do not count."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import msgspec
from sqlglot import exp

from agentic.sql.effects import Statement
from agentic.sql.effects_bounds import can_end, columns_of, steps_of


class Cost(msgspec.Struct):
    """The dearest loop of a statement."""

    rows: float = 0.0
    unbounded: bool = False
    what: str = ""


_GENERATORS: frozenset[str] = frozenset(
    {
        "GenerateSeries",
        "ExplodingGenerateSeries",
        "GenerateDateArray",
        "GenerateTimestampArray",
        "Generator",
        "Repeat",
        "Space",
        "Pad",
        "Connect",
        "With",
        "Randstr",
    }
)
_NAMED: frozenset[str] = frozenset(
    [
        "numbers", "numbers_mt", "zeros", "zeros_mt", "range", "generate_series",
        "generateseries", "repeat", "replicate", "rpad", "lpad", "leftpad", "rightpad", "space",
        "generate_array", "sequence", "array_repeat", "array_fill", "list_resize", "array_resize",
        "randstr", "zeroblob", "randomblob", "array_generate_range", "arrayresize",
        "arraywithconstant", "generate_range", "randomstring", "randomprintableascii",
        "leftpadutf8", "rightpadutf8", "json_table", "repeat_row",
    ]
)  # fmt: skip
_REPEATS = frozenset(
    [
        "repeat", "replicate", "rpad", "lpad", "leftpad", "rightpad", "space", "array_repeat",
        "list_resize", "array_resize", "zeroblob", "randomblob", "arrayresize",
        "arraywithconstant", "randstr", "leftpadutf8", "rightpadutf8", "array_fill",
    ]
)  # fmt: skip
_SECONDS = {
    "MICROSECOND": 1e-6,
    "MILLISECOND": 1e-3,
    "SECOND": 1.0,
    "MINUTE": 60.0,
    "HOUR": 3600.0,
    "DAY": 86400.0,
    "WEEK": 604800.0,
    "MONTH": 2.6e6,
    "QUARTER": 7.8e6,
    "YEAR": 3.15e7,
}


def costs_of(statement: Statement, classes: frozenset[str], names: frozenset[str]) -> Cost | None:
    """The dearest loop, or None when the statement has none."""
    if not (classes & _GENERATORS or names & _NAMED):
        return None
    worst = Cost()
    products: dict[int, float] = {}
    for node in statement.tree.walk():
        if isinstance(node, exp.With):
            for cte in node.expressions:
                _keep(worst, _recursion(cte))
        elif isinstance(node, exp.Connect):
            _keep(worst, _connect(node))
        elif isinstance(node, exp.Generator) and not node.args.get("rowcount"):
            # By time alone it makes as many rows as the machine can.
            _keep(worst, Cost(unbounded=True, what="the generator"))
        elif isinstance(node, exp.Func):
            rows = _rows(node)
            if rows is None:
                continue
            name = _name(node)
            _keep(worst, Cost(rows * _inner(node), what=f"function {name}"))
            select = node.parent_select
            if name not in _REPEATS and select is not None and _in_from(node, select):
                key = id(select)
                products[key] = products.get(key, 1.0) * max(rows, 1.0)
                _keep(worst, Cost(products[key], what="the product of its generators"))
    return worst


def _keep(worst: Cost, other: Cost) -> None:
    if other.unbounded and not worst.unbounded:
        worst.unbounded, worst.what = True, other.what
    if other.rows > worst.rows:
        worst.rows = other.rows
        worst.what = worst.what if worst.unbounded else other.what


def _in_from(node: Any, select: Any) -> bool:
    while node is not None and node is not select:
        if isinstance(node, exp.From | exp.Join | exp.Lateral):
            return True
        node = node.parent
    return False


def _name(node: Any) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    if isinstance(node, exp.Repeat | exp.Space | exp.Pad | exp.Randstr):
        return "repeat"
    return str(node.key)


def _inner(node: Any) -> float:
    """A repeat of a repeat multiplies."""
    product = 1.0
    for one in node.find_all(exp.Func):
        if one is not node and _name(one) in _REPEATS:
            product *= max(_rows(one) or 1.0, 1.0)
    return product


def _rows(node: Any) -> float | None:
    """How many rows or characters a call makes; None when it is no generator."""
    args = node.args
    if isinstance(node, exp.GenerateSeries):
        return _span(args.get("start"), args.get("end"), args.get("step"))
    if isinstance(node, exp.GenerateDateArray | exp.GenerateTimestampArray):
        return _span(args.get("start"), args.get("end"), args.get("step") or args.get("interval"))
    if isinstance(node, exp.Generator):
        return number(args.get("rowcount")) or 0.0
    if isinstance(node, exp.Repeat):
        return number(args.get("times")) or 0.0
    if isinstance(node, exp.Space | exp.Randstr):
        return number(args.get("this")) or 0.0
    if isinstance(node, exp.Pad):
        return number(args.get("expression")) or 0.0
    if isinstance(node, exp.Anonymous) and _name(node) in _NAMED:
        return _anonymous(node)
    return None


def _anonymous(node: Any) -> float:
    values = [one.expression if isinstance(one, exp.Kwarg) else one for one in node.expressions]
    if _name(node) in ("generate_series", "range", "generate_array", "sequence", "generateseries"):
        start = values[0] if len(values) > 1 else exp.Literal.number(0)
        return _span(start, values[1] if len(values) > 1 else (values or [None])[0], at(values, 2))
    counts = [abs(number(one) or 0.0) for one in values]
    if _name(node).startswith(("numbers", "zeros")) and len(counts) > 1:
        return counts[1]
    return max(counts, default=0.0)


def at(values: list[Any], index: int) -> Any:
    """The value at an index, or None."""
    return values[index] if index < len(values) else None


def _span(start: Any, end: Any, step: Any) -> float:
    first, last = number(start), number(end)
    if last is not None and (first is not None or start is None):
        width = number(step)
        return abs(last - (first or 0.0)) / max(abs(width or 1.0), 1e-9) + 1
    begin, finish = _moment(start), _moment(end)
    if begin is None or finish is None:
        # One end comes from data: as many rows as the data says, but a literal end still bounds.
        return 0.0
    return abs(finish - begin) / _step_seconds(step) + 1


def _moment(node: Any) -> float | None:
    """Seconds of a literal date or time."""
    while isinstance(
        node, exp.Cast | exp.Paren | exp.TsOrDsToDate | exp.TsOrDsToTimestamp | exp.Date
    ):
        node = node.this
    if isinstance(node, exp.Anonymous) and len(node.expressions) == 1:
        node = node.expressions[0]
    if not isinstance(node, exp.Literal) or not node.is_string:
        return None
    text = str(node.this).strip().replace("/", "-")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).timestamp()
    except (ValueError, OverflowError, OSError):
        try:
            return (date.fromisoformat(text[:10]).toordinal() - 719163) * 86400.0
        except ValueError:
            return None


def _step_seconds(step: Any) -> float:
    interval = step if isinstance(step, exp.Interval) else None
    if interval is None and isinstance(step, exp.Expr):
        interval = step.find(exp.Interval)
    if interval is None:
        return _written_seconds(step)
    unit = str(getattr(interval.args.get("unit"), "name", "") or "DAY").upper().rstrip("S")
    amount = number(interval.this) if isinstance(interval.this, exp.Expr) else 1.0
    if amount is None:
        amount = _leading_number(str(interval.this.name))
    return max(abs(amount or 1.0) * _SECONDS.get(unit, 86400.0), 1e-6)


def _written_seconds(step: Any) -> float:
    """`'15 minutes'::interval`; without words it counts days."""
    texts = step.find_all(exp.Literal) if isinstance(step, exp.Expr) else ()
    steps = []
    for text in (str(one.this) for one in texts if one.is_string):
        for word in text.upper().split():
            known = _SECONDS.get(word.rstrip("S").rstrip(","))
            if known is not None:
                steps.append(abs(_leading_number(text) or 1.0) * known)
        clock = text.split(":") if not steps else []
        if len(clock) == 3:
            hours, minutes, seconds = (_leading_number(one) for one in clock)
            steps.append(hours * 3600 + minutes * 60 + seconds)
    return max(min(steps, default=86400.0), 1e-6)


def _leading_number(text: str) -> float:
    try:
        return float(text.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return 1.0


def number(node: Any) -> float | None:
    """The value of an arithmetic of literals; None for anything else."""
    if isinstance(node, exp.Paren | exp.Cast | exp.Neg | exp.Kwarg):
        inner = number(node.expression if isinstance(node, exp.Kwarg) else node.this)
        return -inner if inner is not None and isinstance(node, exp.Neg) else inner
    if isinstance(node, exp.Literal):
        try:
            return float(node.this)
        except ValueError:
            return None
    if isinstance(node, exp.Binary | exp.Pow) and type(node) in _ARITHMETIC:
        left, right = number(node.this), number(node.expression)
        if left is None or right is None:
            return None
        try:
            return float(_ARITHMETIC[type(node)](left, right))
        except (OverflowError, ZeroDivisionError, ValueError):
            return math.inf
    return None


_ARITHMETIC: dict[type, Any] = {
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
    exp.Div: lambda a, b: a / b,
    exp.IntDiv: lambda a, b: a // b,
    exp.Pow: lambda a, b: a**b,
    exp.BitwiseLeftShift: lambda a, b: int(a) << int(min(b, 4096)),
}


# -- recursion ---------------------------------------------------------------------------------


def _recursion(cte: Any) -> Cost:
    """A recursive common table expression needs a condition on itself that can end it."""
    body = cte.this
    while isinstance(body, exp.Subquery | exp.Paren):
        body = body.this
    if not isinstance(body, exp.SetOperation):
        return Cost()
    name = str(cte.alias).lower()
    parts: list[Any] = []
    top = body
    while isinstance(body, exp.SetOperation):
        parts.append(body.expression)
        body = body.this
    worst = Cost()
    for part in parts:
        select = _reading(part, name)
        if select is not None:
            _keep(worst, _bound(select, cte, body, top))
    return worst


def _reading(part: Any, name: str) -> Any:
    for table in part.find_all(exp.Table):
        if str(table.name).lower() == name and not table.args.get("db"):
            return table.parent_select or part
    return None


def _bound(select: Any, cte: Any, anchor: Any, top: Any) -> Cost:
    what = f"the recursion of {str(cte.alias).lower()}"
    limit = top.args.get("limit")
    if limit is not None:
        count = number(limit.expression)
        return Cost(count or 0.0, unbounded=count is None, what=what)
    conditions = [select.args[key].this for key in ("where", "having") if select.args.get(key)]
    joined = [join for join in select.args.get("joins") or () if _walks(join)]
    comparisons = [one for condition in conditions for one in _comparisons(condition)]
    if not comparisons:
        return Cost(unbounded=not joined, what=what)
    steps = steps_of(select, columns_of(cte, anchor))
    if not joined and not any(can_end(one, steps, _comparisons) for one in conditions):
        return Cost(unbounded=True, what=what)
    rows = 0.0
    for one in comparisons:
        for side in (one.this, one.args.get("expression"), one.args.get("high")):
            value = number(side)
            moment = None if value is not None else _moment(side)
            if value is not None:
                rows = max(rows, abs(value) / _increment(select))
            elif moment is not None and moment > 1e11:
                rows = max(rows, moment / 86400.0)
    return Cost(rows, what=what)


def _increment(select: Any) -> float:
    steps = [
        abs(number(one.expression) or 0.0)
        for projection in select.expressions
        for one in projection.find_all(exp.Add, exp.Sub)
    ]
    return max([step for step in steps if step >= 1.0], default=1.0)


def _walks(join: Any) -> bool:
    """A join on a condition walks along data, which ends."""
    condition = join.args.get("on")
    if join.args.get("using"):
        return True
    return condition is not None and any(
        isinstance(one, exp.Binary) and one.find(exp.Column) for one in _comparisons(condition)
    )


def _comparisons(condition: Any) -> list[Any]:
    """Comparisons that name a column; a constant condition ends nothing."""
    kinds = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.EQ, exp.NEQ, exp.Between, exp.In, exp.Is)
    found = []
    for one in condition.find_all(*kinds, exp.Exists, exp.Anonymous, exp.Like, exp.Any, exp.All):
        if one.find(exp.Column) is not None:
            found.append(one)
    return found


def _connect(node: Any) -> Cost:
    condition = node.args.get("connect")
    if not isinstance(condition, exp.Expr):
        return Cost(unbounded=True, what="CONNECT BY")
    if condition.find(exp.Prior) is not None:
        return Cost()
    rows = [
        number(side) or 0.0
        for one in _comparisons(condition)
        for side in (one.this, one.args.get("expression"))
        if isinstance(side, exp.Expr)
    ]
    return Cost(max(rows, default=0.0), unbounded=not any(rows), what="CONNECT BY")
