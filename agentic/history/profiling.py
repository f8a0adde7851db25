"""What a relation holds, in one bounded aggregate query, and its commonest values in another.

The one place where a relation is profiled: the tools ask through the policy, the history through
the warehouse's own connection, with the same statements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from agentic.exceptions import AgenticError
from agentic.history.shapes import ColumnProfile, RelationProfile, TopValue, Value
from agentic.masking import mask_value
from agentic.sql.figures import Asked, figures_sql, kind_of, top_values_sql
from agentic.warehouse import Column, Connection, Relation

Ask = Callable[[str, int], Sequence[Sequence[Any]]]
"""Run one statement for at most so many rows."""

MAX_ROWS = 1_000_000
"""Rows that the columns' figures come from; all rows are counted."""
FEW = 40
"""A text column with more values than this has no categories."""
TOP_COLUMNS = 16
COLUMNS = 120
"""Columns of one statement; a wider relation's further columns are counted, not looked into."""
TEXT = 120
"""Characters of a value that are kept."""
TIMEOUT_S = 30.0
EVERYTHING = frozenset({"*"})
"""For `masked`: every column."""


def profile_relation(
    connection: Connection,
    relation: Relation,
    columns: Sequence[str] | None = None,
    *,
    masked: Collection[str] = (),
    max_rows: int = MAX_ROWS,
    timeout_s: float = TIMEOUT_S,
) -> RelationProfile | None:
    """Figures of a relation's columns (None: all); None when there is no such relation.

    `masked` names columns (any case, or `*`) of which only counts are asked. Raises WarehouseError.
    """
    live = connection.columns(relation)
    if live is None:
        return None

    def ask(sql: str, rows: int) -> Sequence[Sequence[Any]]:
        return connection.query(sql, max_rows=rows, timeout_s=timeout_s).rows

    wanted = None if columns is None else {name.lower() for name in columns}
    some = [one for one in live if wanted is None or one.name.lower() in wanted]
    return profile_by(ask, connection.dialect, relation, some, masked=masked, max_rows=max_rows)


def profile_by(
    ask: Ask,
    dialect: str,
    relation: Relation,
    columns: Sequence[Column],
    *,
    masked: Collection[str] = (),
    max_rows: int = MAX_ROWS,
) -> RelationProfile:
    """As `profile_relation`, through `ask`; columns as the warehouse has them now."""
    hidden = {name.lower() for name in masked}
    asked = [
        Asked(one.name, kind_of(one.type), counts_only="*" in hidden or one.name.lower() in hidden)
        for one in columns[:COLUMNS]
    ]
    parts = (relation.database, relation.schema, relation.identifier)
    sql = figures_sql(parts, asked, dialect, max_rows=max_rows)
    row = iter(ask(sql, 1)[0])
    rows, looked_at = int(next(row)), int(next(row))
    found = [
        _column(one, live.type, looked_at, row) for one, live in zip(asked, columns, strict=False)
    ]
    profile = RelationProfile(
        relation=str(relation),
        rows=rows,
        columns=tuple(found),
        looked_at=looked_at,
        queries=(sql,),
    )
    few = [one for one, column in zip(asked, found, strict=True) if _has_few(one, column)]
    if not few:
        return profile
    return _with_top(profile, few[:TOP_COLUMNS], ask, dialect, parts, max_rows)


def _column(asked: Asked, type_text: str, rows: int, row: Iterator[Any]) -> ColumnProfile:
    got = {statistic: next(row) for statistic in asked.statistics}
    nulls = rows - int(got["filled"])
    return ColumnProfile(
        name=asked.name,
        type=type_text,
        kind=asked.kind,
        nulls=nulls,
        null_rate=round(nulls / rows, 6) if rows else 0.0,
        distinct=None if got.get("distinct") is None else int(got["distinct"]),
        min=plain(got.get("min")),
        max=plain(got.get("max")),
        sum=number(got.get("sum")),
        blank=None if got.get("blank") is None else int(got["blank"]),
        masked=asked.counts_only,
    )


def _has_few(asked: Asked, column: ColumnProfile) -> bool:
    if asked.counts_only or asked.kind not in ("text", "boolean"):
        return False
    return 0 < (column.distinct or 0) <= FEW


def _with_top(
    profile: RelationProfile,
    few: Sequence[Asked],
    ask: Ask,
    dialect: str,
    parts: Sequence[str | None],
    max_rows: int,
) -> RelationProfile:
    capped = max_rows if profile.rows > profile.looked_at else 0
    sql = top_values_sql(parts, few, dialect, max_rows=capped)
    by_column: dict[str, list[TopValue]] = {}
    try:
        rows = ask(sql, FEW * 2 * len(few))
    except AgenticError:
        return profile  # the figures stand without their categories
    for index, value, count in rows:
        text = str(mask_value(str(value)))[:TEXT]
        share = round(int(count) / profile.looked_at, 6) if profile.looked_at else 0.0
        by_column.setdefault(few[int(index)].name, []).append(TopValue(text, int(count), share))
    columns = tuple(
        replace(one, top=_ordered(by_column[one.name])) if one.name in by_column else one
        for one in profile.columns
    )
    return replace(profile, columns=columns, queries=(*profile.queries, sql))


def _ordered(values: Sequence[TopValue]) -> tuple[TopValue, ...]:
    return tuple(sorted(values, key=lambda one: (-one.rows, one.value)))


def plain(value: object) -> Value:
    """A value as JSON holds it, texts masked by pattern and cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | Decimal):
        return number(value)
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return str(isoformat())
    return str(mask_value(str(value)))[:TEXT]


def number(value: object) -> float | None:
    """A finite number, or None; a whole one stays exact as far as a float does."""
    if not isinstance(value, int | float | Decimal):
        return None
    found = float(value)
    return found if math.isfinite(found) else None
