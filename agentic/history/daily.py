"""A relation day by day, from its own rows: anomalies can be judged before anything is remembered.

One statement a relation. The days are those of the source's `loaded_at_field`, else of the column
that looks most like the time of a load or of an event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agentic.history.profiling import TIMEOUT_S, Ask, number
from agentic.history.shapes import ColumnProfile, DailySeries, Day, DayColumn, RelationProfile
from agentic.sql.figures import Asked, DayAsked, daily_sql
from agentic.warehouse import Connection, Relation

DAYS = 60
COLUMNS = 40
CATEGORIES = 8
"""Values of one column that are followed; columns of more values are none of categories."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|$)")
_LOADED = re.compile(
    r"(?i)(^|_)(loaded|load|ingest(ed)?|sync(ed)?|extracted|batched|inserted|_sdc)(_|$)"
)
_EVENT = re.compile(
    r"(?i)(^|_)(order(ed)?|created|event|occurred|placed|booked|paid|transaction|txn|posted"
    r"|recorded|date|day|at|on|ts|time|timestamp)(_|$|\d)"
)
_MASKED = re.compile(r"\[\w+\]")
_NOT_AN_EVENT = re.compile(
    r"(?i)(birth|born|dob|expir|valid_to|due|end(ed|s)?(_|$)|until|deadline|hire|signup_goal)"
)


def daily_series(
    connection: Connection,
    relation: Relation,
    profile: RelationProfile,
    *,
    at: str = "",
    days: int = DAYS,
    timeout_s: float = TIMEOUT_S,
) -> DailySeries | None:
    """The last `days` days that have rows; None where no column has a time.

    `profile` is the relation's own (its kinds, masks and categories are used); `at` is the declared
    column, `loaded_at_field` say. Raises WarehouseError.
    """

    def ask(sql: str, rows: int) -> Sequence[Sequence[Any]]:
        return connection.query(sql, max_rows=rows, timeout_s=timeout_s).rows

    return daily_by(ask, connection.dialect, relation, profile, at=at, days=days)


def daily_by(
    ask: Ask,
    dialect: str,
    relation: Relation,
    profile: RelationProfile,
    *,
    at: str = "",
    days: int = DAYS,
) -> DailySeries | None:
    """As `daily_series`, through `ask`."""
    column = time_column(profile, at)
    if column is None:
        return None
    asked = [
        Asked(one.name, one.kind, one.masked)
        for one in profile.columns[:COLUMNS]
        if one.name != column.name
    ]
    categories = {
        one.name: [top.value for top in one.top if not _MASKED.search(top.value)]
        for one in profile.columns
        if 1 < len(one.top) <= CATEGORIES
    }
    parts = (relation.database, relation.schema, relation.identifier)
    sql, plan = daily_sql(
        parts,
        Asked(column.name, column.kind),
        asked,
        dialect,
        days=days,
        categories=categories,
    )
    found = sorted((_day(row, plan) for row in ask(sql, days)), key=lambda one: one.day)
    return DailySeries(str(relation), column.name, tuple(found), sql)


def time_column(profile: RelationProfile, declared: str = "") -> ColumnProfile | None:
    """The column whose days to follow: the declared one if it is there, else the best candidate."""
    named = profile.column(declared) if declared else None
    if named is not None and _is_time(named):
        return named
    candidates = [
        one for one in profile.columns if _is_time(one) and not _NOT_AN_EVENT.search(one.name)
    ]
    return max(candidates, key=_rank, default=None)


def _is_time(column: ColumnProfile) -> bool:
    if column.masked or not column.distinct:
        return False
    if column.kind in ("date", "timestamp"):
        return True
    ends = (column.min, column.max)
    return column.kind == "text" and all(isinstance(e, str) and _ISO.match(e) for e in ends)


def _rank(column: ColumnProfile) -> tuple[int, int, int, str, str]:
    """An event's time before a load's: a load of many days has one load time. Then fewest nulls,
    and the newest."""
    several = int((column.distinct or 0) > 2)
    named = 2 if _EVENT.search(column.name) and not _LOADED.search(column.name) else 1
    return (several, int(column.null_rate < 0.05), named, str(column.max)[:10], column.name)


def _day(row: Sequence[Any], plan: Sequence[DayAsked]) -> Day:
    day, rows = str(row[0])[:10], int(row[1])
    columns: dict[str, dict[str, Any]] = {}
    for asked, value in zip(plan, row[2:], strict=True):
        figures = columns.setdefault(asked.column, {"counts": {}})
        if asked.statistic == "filled":
            figures["nulls"] = rows - int(value)
        elif asked.statistic == "distinct":
            figures["distinct"] = int(value)
        elif asked.statistic == "sum":
            figures["sum"] = number(value)
        else:
            figures["counts"][asked.value] = int(value)
    return Day(day, rows, {name: DayColumn(**figures) for name, figures in columns.items()})
