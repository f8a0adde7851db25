"""Compare two relations by key, in the warehouse: only counts come back, never rows.

Values are compared exactly: no tolerance unless one is asked for. Where a key cannot pair rows
(there is none, or it is null or repeated), the relations are compared as multisets of rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from agentic.sql import exp
from agentic.warehouse import Column, Connection, Relation

_KINDS = (
    (
        "number",
        re.compile(r"^u?(tiny|small|big|huge)?int|^integer|^numeric|^decimal|^serial", re.I),
    ),
    ("float", re.compile(r"^(real|float|double)", re.I)),
    ("temporal", re.compile(r"^(date|timestamp)", re.I)),
    ("text", re.compile(r"^(varchar|char|text|string|bpchar|character)", re.I)),
    ("boolean", re.compile(r"^bool", re.I)),
    ("time", re.compile(r"^(time\b|interval)", re.I)),
    ("uuid", re.compile(r"^uuid", re.I)),
)
_LEFT, _RIGHT = "l", "r"
_TIMEOUT_S = 300.0


class RelationDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How the right relation differs from the left one."""

    compared: bool
    """False: nothing was compared, and the counts mean nothing; `why` says why."""
    why: str = ""
    rows_left: int = 0
    rows_right: int = 0
    by: Literal["key", "rows", ""] = ""
    """`key`: rows were paired; `rows`: multisets of whole rows, so that no cell can be named."""
    key: tuple[str, ...] = ()
    only_left: int = 0
    """Rows (by key: keys) that the right relation lacks."""
    only_right: int = 0
    keys_lost: int = 0
    """Distinct keys that the right relation lacks, also where rows could not be paired."""
    keys_new: int = 0
    changed: dict[str, int] = {}
    """Column -> cells that differ, by key alone; columns without a difference are left out."""
    rows_changed: int = 0
    keys_null: tuple[int, int] = (0, 0)
    """Rows with a null in their key, left and right."""
    keys_duplicate: tuple[int, int] = (0, 0)
    """Rows beyond the first of their key, left and right."""
    columns_left: tuple[str, ...] = ()
    """Columns that only the left relation has."""
    columns_right: tuple[str, ...] = ()
    types: dict[str, tuple[str, str]] = {}
    """Column -> its two types, where they differ."""

    @property
    def equal(self) -> bool:
        """True when compared, and every row, value and column name is the same."""
        return (
            self.compared and self.same_values and not self.columns_left and not self.columns_right
        )

    @property
    def same_values(self) -> bool:
        return not (self.only_left or self.only_right or self.changed)


def diff_relations(
    connection: Connection,
    left: Relation,
    right: Relation,
    *,
    key: Sequence[str] | None,
    columns: Collection[str] | None = None,
    tolerance: float = 0.0,
) -> RelationDiff:
    """Compare `right` with `left`.

    `key`: columns that identify a row; None or unusable: as multisets. `columns`: compare these
    alone. `tolerance`: relative, for floating-point columns that are paired by key. Raises
    WarehouseError when a statement fails.
    """
    sides = connection.columns(left), connection.columns(right)
    for relation, found in zip((left, right), sides, strict=True):
        if found is None:
            return RelationDiff(compared=False, why=f"there is no relation {relation}")
    shape = _shape(sides[0] or (), sides[1] or (), columns)
    ask = _Asker(connection, left, right)
    rows = ask.number(_LEFT, exp.Count(this=exp.Star())), ask.number(_RIGHT, _count_all())
    start = RelationDiff(
        compared=True,
        rows_left=rows[0],
        rows_right=rows[1],
        columns_left=shape.left,
        columns_right=shape.right,
        types=shape.types,
    )
    if not shape.pairs:
        return msgspec.structs.replace(start, compared=False, why="no column is in both")
    names = {pair.name.lower(): pair for pair in shape.pairs}
    keys = [names[name.lower()] for name in key or () if name.lower() in names]
    if not keys or len(keys) != len(key or ()):
        lacking = ", ".join(name for name in key or () if name.lower() not in names)
        why = f"the key {lacking} is not in both, so compared as whole rows" if lacking else ""
        return _by_rows(ask, msgspec.structs.replace(start, why=why), shape)
    return _with_key(ask, start, shape, keys, tolerance)


class _Pair(msgspec.Struct, frozen=True):
    """A column that both relations have."""

    name: str
    other: str
    """Its name in the right relation, which may differ in case."""
    kinds: tuple[str, str]

    def side(self, alias: str) -> exp.Expr:
        """The column of one side, in a form that compares by value with the other's."""
        name = self.name if alias == _LEFT else self.other
        column: exp.Expr = exp.column(name, table=alias, quoted=True)
        return exp.cast(column, "text") if self.as_text else column

    @property
    def as_text(self) -> bool:
        numbers = {"number", "float"}
        comparable = self.kinds[0] == self.kinds[1] or set(self.kinds) <= numbers
        return not comparable or self.kinds[0] == "other"


class _Shape(msgspec.Struct, frozen=True):
    pairs: tuple[_Pair, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]
    types: dict[str, tuple[str, str]]


def _shape(
    left: Sequence[Column], right: Sequence[Column], wanted: Collection[str] | None
) -> _Shape:
    others = {column.name.lower(): column for column in right}
    mine = {column.name.lower() for column in left}
    kept = None if wanted is None else {name.lower() for name in wanted}
    both = [(one, others[one.name.lower()]) for one in left if one.name.lower() in others]
    return _Shape(
        pairs=tuple(
            _Pair(one.name, other.name, (_kind(one.type), _kind(other.type)))
            for one, other in both
            if kept is None or one.name.lower() in kept
        ),
        left=tuple(one.name for one in left if one.name.lower() not in others),
        right=tuple(one.name for one in right if one.name.lower() not in mine),
        types={
            one.name: (one.type, other.type)
            for one, other in both
            if one.type.lower() != other.type.lower()
        },
    )


def _kind(type_name: str) -> str:
    if type_name.endswith("]"):
        return "other"
    return next((kind for kind, form in _KINDS if form.match(type_name)), "other")


class _Asker:
    """Runs statements over the two relations, aliased `l` and `r`."""

    def __init__(self, connection: Connection, left: Relation, right: Relation) -> None:
        self._connection = connection
        dialect = connection.dialect
        self._tables = {
            _LEFT: exp.to_table(left.sql(dialect), dialect=dialect, alias=_LEFT),
            _RIGHT: exp.to_table(right.sql(dialect), dialect=dialect, alias=_RIGHT),
        }

    def table(self, alias: str) -> exp.Table:
        return self._tables[alias].copy()

    def numbers(self, select: exp.Select) -> tuple[int, ...]:
        sql = select.sql(self._connection.dialect)
        row = self._connection.query(sql, max_rows=1, timeout_s=_TIMEOUT_S).rows[0]
        return tuple(int(value or 0) for value in row)

    def number(self, alias: str, what: exp.Expr, where: object = None) -> int:
        select = exp.select(what.as_("n")).from_(self.table(alias))
        if isinstance(where, exp.Expr):
            select = select.where(where)
        return self.numbers(select)[0]


def _count_all() -> exp.Count:
    return exp.Count(this=exp.Star())


def _with_key(
    ask: _Asker, start: RelationDiff, shape: _Shape, keys: Sequence[_Pair], tolerance: float
) -> RelationDiff:
    nulls = tuple(_null_keys(ask, alias, keys) for alias in (_LEFT, _RIGHT))
    twice = tuple(_duplicate_keys(ask, alias, keys) for alias in (_LEFT, _RIGHT))
    start = msgspec.structs.replace(
        start,
        key=tuple(pair.name for pair in keys),
        keys_null=(nulls[0], nulls[1]),
        keys_duplicate=(twice[0], twice[1]),
    )
    if any(nulls) or any(twice):
        why = "the key has nulls or repeats, so compared as whole rows"
        lost, new = (_beyond(ask, one, other, keys, distinct=True) for one, other in _BOTH_WAYS)
        start = msgspec.structs.replace(start, why=why, keys_lost=lost, keys_new=new)
        return _by_rows(ask, start, shape)
    return _by_key(ask, start, shape, keys, tolerance)


def _null_keys(ask: _Asker, alias: str, keys: Sequence[_Pair]) -> int:
    where = exp.or_(*(pair.side(alias).is_(exp.null()) for pair in keys))
    return ask.number(alias, _count_all(), where)


def _duplicate_keys(ask: _Asker, alias: str, keys: Sequence[_Pair]) -> int:
    """Rows beyond the first of each key that is not null."""
    columns = [pair.side(alias) for pair in keys]
    beyond = exp.Sub(this=_count_all(), expression=exp.Literal.number(1))
    groups = (
        exp.select(beyond.as_("n"))
        .from_(ask.table(alias))
        .where(exp.and_(*(column.copy().is_(exp.null()).not_() for column in columns)))
        .group_by(*columns)
    )
    return ask.numbers(exp.select(exp.Sum(this=exp.column("n"))).from_(groups.subquery("g")))[0]


def _by_key(
    ask: _Asker, start: RelationDiff, shape: _Shape, keys: Sequence[_Pair], tolerance: float
) -> RelationDiff:
    named = {pair.name for pair in keys}
    values = [pair for pair in shape.pairs if pair.name not in named]
    missing = {alias: keys[0].side(alias).is_(exp.null()) for alias in (_LEFT, _RIGHT)}
    paired = exp.and_(*(missing[alias].copy().not_() for alias in (_LEFT, _RIGHT)))
    differs = [_differs(pair, tolerance) for pair in values]
    conditions: list[exp.Expr] = [missing[_RIGHT], missing[_LEFT]]
    conditions += [exp.and_(paired.copy(), one.copy()) for one in differs]
    if differs:
        conditions.append(exp.and_(paired.copy(), exp.or_(*differs)))
    joined = (
        exp.select(*(_sum_of(one, f"n{i}") for i, one in enumerate(conditions)))
        .from_(ask.table(_LEFT))
        .join(
            ask.table(_RIGHT),
            on=exp.and_(*(exp.EQ(this=k.side(_LEFT), expression=k.side(_RIGHT)) for k in keys)),
            join_type="full outer",
        )
    )
    counts = ask.numbers(joined)
    cells = dict(zip((pair.name for pair in values), counts[2:], strict=False))
    return msgspec.structs.replace(
        start,
        by="key",
        only_left=counts[0],
        only_right=counts[1],
        keys_lost=counts[0],
        keys_new=counts[1],
        changed={name: count for name, count in cells.items() if count},
        rows_changed=counts[-1] if differs else 0,
    )


def _differs(pair: _Pair, tolerance: float) -> exp.Expr:
    left, right = pair.side(_LEFT), pair.side(_RIGHT)
    distinct = exp.NullSafeNEQ(this=left, expression=right)
    if not tolerance or "float" not in pair.kinds or pair.as_text:
        return distinct
    size = exp.Greatest(
        this=exp.Abs(this=left.copy()),
        expressions=[exp.Abs(this=right.copy()), exp.Literal.number(1)],
    )
    gap = exp.Abs(this=exp.Paren(this=exp.Sub(this=left.copy(), expression=right.copy())))
    near = exp.LTE(
        this=gap, expression=exp.Mul(this=size, expression=exp.Literal.number(tolerance))
    )
    return exp.and_(distinct, exp.func("coalesce", near, exp.false()).not_())


def _sum_of(condition: exp.Expr, name: str) -> exp.Expr:
    case = exp.Case().when(condition, exp.Literal.number(1)).else_(exp.Literal.number(0))
    return exp.Sum(this=case).as_(name)


def _by_rows(ask: _Asker, start: RelationDiff, shape: _Shape) -> RelationDiff:
    """Rows that one side has more often than the other."""
    left, right = (
        _beyond(ask, one, other, shape.pairs, distinct=False) for one, other in _BOTH_WAYS
    )
    return msgspec.structs.replace(start, by="rows", only_left=left, only_right=right)


_BOTH_WAYS = ((_LEFT, _RIGHT), (_RIGHT, _LEFT))


def _beyond(ask: _Asker, one: str, other: str, pairs: Sequence[_Pair], *, distinct: bool) -> int:
    """Rows of these columns that one side has and the other has not, or has less often."""
    parts = [
        exp.select(*(pair.side(alias).as_(f"c{i}") for i, pair in enumerate(pairs))).from_(
            ask.table(alias)
        )
        for alias in (one, other)
    ]
    rest = exp.except_(parts[0], parts[1], distinct=distinct)
    return ask.numbers(exp.select(_count_all()).from_(rest.subquery("x")))[0]
