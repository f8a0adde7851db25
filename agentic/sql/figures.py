"""Statements that ask a relation for figures: one aggregate a relation, top values, days.

Trees, never text put together: a name may hold anything, and each dialect gets its own spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sqlglot import exp

Kind = Literal["number", "text", "boolean", "date", "timestamp", "uuid", "other"]
Statistic = Literal["filled", "distinct", "min", "max", "sum", "blank"]

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("other", re.compile(r"\[|^(struct|list|map|array|union|row|json|variant|object|record)")),
    ("timestamp", re.compile(r"^(timestamp|datetime|smalldatetime)")),
    ("date", re.compile(r"^date$")),
    ("boolean", re.compile(r"^(bool|boolean|bit)$")),
    ("uuid", re.compile(r"^(uuid|uniqueidentifier)$")),
    (
        "number",
        re.compile(
            r"^(u?(tiny|small|medium|big|huge)?int(eger)?\d*|u?int\d+|double|float\d*|real|money"
            r"|dec(imal)?|(big)?numeric|number|(big|small)?serial|bignum|varint)\b"
        ),
    ),
    ("text", re.compile(r"^(n?var)?char|^character|^(n|tiny|medium|long|ci)?text|^string|^bpchar")),
    ("text", re.compile(r"^(enum|fixedstring|varchar2|name$)")),
)

_ASKED: dict[Kind, tuple[Statistic, ...]] = {
    "number": ("filled", "distinct", "min", "max", "sum"),
    "text": ("filled", "distinct", "min", "max", "blank"),
    "boolean": ("filled", "distinct", "sum"),
    "date": ("filled", "distinct", "min", "max"),
    "timestamp": ("filled", "distinct", "min", "max"),
    "uuid": ("filled", "distinct"),
    "other": ("filled",),
}
_COUNTS: tuple[Statistic, ...] = ("filled", "distinct")


class Asked(NamedTuple):
    """A column whose figures are wanted."""

    name: str
    kind: Kind
    counts_only: bool = False
    """Its values may not leave: no least or greatest value, no sum."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """What is asked of it, in the order of the answer."""
        known = _ASKED[self.kind]
        return tuple(one for one in known if not self.counts_only or one in _COUNTS)


def kind_of(type_text: str) -> Kind:
    """What can be computed on a column, from the type as a warehouse writes it."""
    text = type_text.strip().lower().removeprefix("nullable(").removesuffix(")")
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "other")


def figures_sql(
    parts: Sequence[str | None], columns: Sequence[Asked], dialect: str, *, max_rows: int = 0
) -> str:
    """One row: all rows, the rows looked at, then each column's statistics in order.

    With `max_rows` only so many rows are looked at; the first number counts all of them.
    """
    counted: exp.Expression = exp.Count(this=exp.Star())
    if max_rows:
        counted = exp.Subquery(this=_select([counted], _table(parts)))
    wanted = [counted, exp.Count(this=exp.Star())]
    wanted += [_statistic(one, column) for column in columns for one in column.statistics]
    query = _select(_named(wanted), _rows(parts, columns, max_rows))
    return query.sql(dialect=dialect or None)


def top_values_sql(
    parts: Sequence[str | None], columns: Sequence[Asked], dialect: str, *, max_rows: int = 0
) -> str:
    """Rows of (number of the column, value as text, how many rows) for columns of few values."""
    branches: list[exp.Query] = []
    for number, column in enumerate(columns):
        ref = _ref(column.name)
        branches.append(
            _select(
                [
                    _as(exp.Literal.number(number), "c"),
                    _as(exp.cast(ref.copy(), exp.DataType.Type.TEXT), "v"),
                    _as(exp.Count(this=exp.Star()), "n"),
                ],
                _rows(parts, [column], max_rows),
            )
            .where(_filled(ref.copy()), copy=False)
            .group_by(ref.copy(), copy=False)
        )
    whole = branches[0]
    for branch in branches[1:]:
        whole = exp.union(whole, branch, distinct=False, copy=False)
    return whole.sql(dialect=dialect or None)


def newest_sql(parts: Sequence[str | None], column: str | None, dialect: str) -> str:
    """One row: how many rows, and the greatest value of a column (null without one)."""
    newest = exp.Max(this=_ref(column)) if column else exp.Null()
    query = _select(_named([exp.Count(this=exp.Star()), newest]), _table(parts))
    return query.sql(dialect=dialect or None)


class DayAsked(NamedTuple):
    """What one number of a day is: of which column, and what of it."""

    column: str
    statistic: Literal["filled", "distinct", "sum", "category"]
    value: str = ""


def daily_sql(
    parts: Sequence[str | None],
    at: Asked,
    columns: Sequence[Asked],
    dialect: str,
    *,
    days: int,
    categories: Mapping[str, Sequence[str]],
) -> tuple[str, tuple[DayAsked, ...]]:
    """A statement of one row a day, newest first, (day, rows, then the figures named beside it)."""
    day = _day(at)
    plan: list[DayAsked] = []
    wanted: list[exp.Expression] = []
    for column in columns:
        for asked, one in _of_a_day(column, categories.get(column.name, ())):
            plan.append(asked)
            wanted.append(one)
    rows = exp.Count(this=exp.Star())
    query = (
        _select([_as(day.copy(), "day"), _as(rows, "n"), *_named(wanted)], _table(parts))
        .where(_filled(_ref(at.name)), copy=False)
        .group_by(day.copy(), copy=False)
        .order_by(exp.Ordered(this=day.copy(), desc=True), copy=False)
        .limit(days, copy=False)
    )
    return query.sql(dialect=dialect or None), tuple(plan)


def _of_a_day(column: Asked, categories: Sequence[str]) -> list[tuple[DayAsked, exp.Expression]]:
    found: list[tuple[DayAsked, exp.Expression]] = [
        (DayAsked(column.name, "filled"), _statistic("filled", column))
    ]
    if column.kind in ("text", "uuid", "number"):
        found.append((DayAsked(column.name, "distinct"), _statistic("distinct", column)))
    if column.counts_only:
        return found
    if column.kind in ("number", "boolean"):
        found.append((DayAsked(column.name, "sum"), _statistic("sum", column)))
    for value in categories:
        is_it = exp.EQ(
            this=exp.cast(_ref(column.name), exp.DataType.Type.TEXT),
            expression=exp.Literal.string(value),
        )
        found.append((DayAsked(column.name, "category", value), exp.Count(this=_one_if(is_it))))
    return found


def _statistic(statistic: Statistic, column: Asked) -> exp.Expression:
    ref = _ref(column.name)
    if statistic == "filled":
        return exp.Count(this=ref)
    if statistic == "distinct":
        return exp.Count(this=exp.Distinct(expressions=[ref]))
    if statistic == "min":
        return exp.Min(this=ref)
    if statistic == "max":
        return exp.Max(this=ref)
    if statistic == "blank":
        empty = exp.EQ(this=exp.Trim(this=ref), expression=exp.Literal.string(""))
        return exp.Count(this=_one_if(empty))
    if column.kind == "boolean":
        return exp.Count(this=_one_if(ref))
    return exp.Sum(this=ref)


def _one_if(condition: exp.Expression) -> exp.Expression:
    return exp.Case().when(condition, exp.Literal.number(1))


def _day(at: Asked) -> exp.Expression:
    """The day of a moment; of ISO text its first ten characters, which no cast can break."""
    if at.kind == "text":
        return exp.Substring(
            this=_ref(at.name), start=exp.Literal.number(1), length=exp.Literal.number(10)
        )
    return exp.cast(_ref(at.name), exp.DataType.Type.DATE)


def _rows(
    parts: Sequence[str | None], columns: Sequence[Asked], max_rows: int
) -> exp.Table | exp.Subquery:
    if not max_rows:
        return _table(parts)
    refs: list[exp.Expression] = [_ref(column.name) for column in columns]
    query = _select(refs or [exp.Literal.number(1)], _table(parts))
    query.set("limit", exp.Limit(expression=exp.Literal.number(max_rows)))
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("looked_at")))


def _select(wanted: Sequence[exp.Expression], rows: exp.Expression) -> exp.Select:
    """Built by hand: the builder copies what it is given, which is most of the cost."""
    return exp.Select(expressions=list(wanted), from_=exp.From(this=rows))


def _filled(column: exp.Expression) -> exp.Expression:
    return exp.Not(this=exp.Is(this=column, expression=exp.Null()))


def _as(one: exp.Expression, name: str) -> exp.Alias:
    return exp.Alias(this=one, alias=exp.to_identifier(name))


def _named(wanted: Sequence[exp.Expression]) -> list[exp.Expression]:
    return [_as(one, f"f{number}") for number, one in enumerate(wanted)]


def _table(parts: Sequence[str | None]) -> exp.Table:
    named = [exp.to_identifier(part, quoted=True) for part in parts if part]
    catalog, db, this = [None] * (3 - len(named)) + named
    return exp.Table(catalog=catalog, db=db, this=this)


def _ref(name: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(name, quoted=True))
