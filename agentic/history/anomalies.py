"""What changed silently in a relation: its own days against each other, and against what it held.

Pure: profiles and series in, notices out. Every threshold is made for few alarms; a green project
raises none, and `tests/unit/history/test_history_anomalies.py` holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal

import msgspec

from agentic.history.clocks import clock_shift
from agentic.history.shapes import ColumnProfile, DailySeries, Day, RelationProfile
from agentic.history.statistics import (
    Anomaly,
    Rules,
    judge,
    scale_of,
    share_distance,
    share_noise,
)

Change = Literal[
    "volume_drop", "unit_scale_change", "null_keys", "value_shift", "timezone", "division_by_zero"
]

_NO_MEASURE = re.compile(
    r"(?i)(^|_)(id|key|ref|code|no|number|year|month|day|week|hour|lat|lon|latitude|longitude|zip"
    r"|version|seq|index|rank|position|flag)$"
)
FEWEST_ROWS = 20
"""Rows below which a relation is too small to judge."""
LOST = 0.5
"""Rows now by rows before, below which rows are missing: tables grow or are replaced."""
FILLED = 0.02
"""Null rate up to which a column counts as filled."""
EMPTY = 0.3
"""Null rate from which on a column that was filled is not."""
MOVED = 0.35
"""Least distance of category shares."""
_MEAN = Rules(score=8.0, factor=1.8)


class Notice(msgspec.Struct, frozen=True):
    """One thing that changed and that no test saw."""

    change: Change
    column: str
    """Empty where rows are meant."""
    before: float
    now: float
    since: str
    """The first day of it, YYYY-MM-DD; empty where two profiles were compared."""
    basis: str
    """What it was measured against, for a person."""
    scale: str = ""
    """The units whose ratio it is, for `unit_scale_change`."""
    score: float | None = None
    """Robust standard deviations, from the days."""

    @property
    def ratio(self) -> float:
        """Now by before; 0 where before was nothing."""
        return self.now / self.before if self.before else 0.0


def notices(
    now: RelationProfile,
    series: DailySeries | None,
    before: Sequence[RelationProfile],
) -> tuple[Notice, ...]:
    """What changed in a relation; `before` are its profiles after earlier green builds, newest
    first. One notice a change and column: the stored profile is the better witness."""
    clocks = moved_clocks(now, before)
    # Days that begin at another hour hold other rows: nothing is told from them.
    moved = series is not None and series.column in {one.column for one in clocks}
    daily = over_days(now, series) if series and not moved else ()
    found = [*clocks, *against_before(now, before), *daily]
    first: dict[tuple[str, str], Notice] = {}
    for one in found:
        first.setdefault((one.change, one.column), one)
    return tuple(first.values())


def against_before(now: RelationProfile, before: Sequence[RelationProfile]) -> tuple[Notice, ...]:
    """What is different from every one of the last profiles: a value that came and went is noise.

    Rows: fewer than half of the least before. Mean of a number: a known unit's ratio to all of
    them. Null rate: from at most 2 % to at least 30 %. Shares of categories: total variation of at
    least 0.35 and six times what sampling explains. Distinct values: a tenth, of as many rows.
    """
    past = [one for one in before[:5] if one.rows >= FEWEST_ROWS]
    if not past:
        return ()
    basis = f"the last green build{'s' if len(past) > 1 else ''} ({past[0].at[:10]})"
    found: list[Notice] = []
    least = min(one.rows for one in past)
    if now.rows < LOST * least:
        found.append(Notice("volume_drop", "", float(past[0].rows), float(now.rows), "", basis))
    if now.rows < FEWEST_ROWS:
        return tuple(found)
    for column in now.columns:
        old = [one.column(column.name) for one in past]
        if all(one is not None and one.kind == column.kind for one in old):
            pairs = [(p, o) for p, o in zip(past, old, strict=True) if o is not None]
            notice = _column(now, column, pairs, basis)
            found += [notice] if notice else []
    return tuple(found)


def moved_clocks(now: RelationProfile, before: Sequence[RelationProfile]) -> tuple[Notice, ...]:
    """Columns of moments that are whole quarters of an hour off, in rows that are the same.

    `before` and `now` of a notice are hours. Only where every one of the last profiles says so.
    """
    past = [one for one in before[:5] if one.rows >= FEWEST_ROWS]
    found = []
    for column in now.columns if past else ():
        hours = {clock_shift(now, one, column.name) for one in past}
        moved = hours.pop() if len(hours) == 1 else None
        if moved:
            basis = f"the last green build ({past[0].at[:10]})"
            found.append(Notice("timezone", column.name, 0.0, moved, "", basis))
    return tuple(found)


def new_zeros(now: RelationProfile, before: Sequence[RelationProfile]) -> tuple[Notice, ...]:
    """Numbers that were above zero in every one of the last profiles, and whose least is zero."""
    past = [one for one in before[:5] if one.rows >= FEWEST_ROWS]
    found = []
    for column in now.columns if past else ():
        least = [_least(one.column(column.name)) for one in past]
        if column.kind != "number" or column.masked or column.min != 0:
            continue
        if all(one is not None and one > 0 for one in least):
            basis = f"the last green build ({past[0].at[:10]})"
            found.append(Notice("division_by_zero", column.name, least[0] or 0.0, 0.0, "", basis))
    return tuple(found)


def _least(column: ColumnProfile | None) -> float | None:
    value = column.min if column is not None else None
    return float(value) if isinstance(value, int | float) else None


def _column(
    now: RelationProfile,
    column: ColumnProfile,
    past: Sequence[tuple[RelationProfile, ColumnProfile]],
    basis: str,
) -> Notice | None:
    newest = past[0][1]
    if column.null_rate >= EMPTY and max(old.null_rate for _, old in past) <= FILLED:
        return Notice("null_keys", column.name, newest.null_rate, column.null_rate, "", basis)
    if is_measure(column):
        return _scaled(now, column, past, basis)
    moved = _share_moves(now, column, past)
    if moved:
        return Notice("value_shift", column.name, 0.0, moved, "", basis)
    few = [old.distinct for _, old in past if old.distinct]
    were_many = len(few) == len(past) and min(few) >= FEWEST_ROWS
    if were_many and column.distinct and column.distinct * 10 <= min(few):
        return Notice("value_shift", column.name, float(few[0]), float(column.distinct), "", basis)
    return None


def _scaled(
    now: RelationProfile,
    column: ColumnProfile,
    past: Sequence[tuple[RelationProfile, ColumnProfile]],
    basis: str,
) -> Notice | None:
    mean, means = now.mean(column.name), [p.mean(column.name) for p, _ in past]
    if not mean or (column.distinct or 0) < 5 or not all(means):
        return None
    scales = [scale_of(mean / one, tolerance=0.12) for one in means if one]
    if scales[0] is None or any(one != scales[0] for one in scales):
        return None
    off = abs(mean / (means[0] or 1.0) / scales[0].factor - 1)
    if scales[0].factor < 10 and 1 / scales[0].factor < 10 and off > 0.02:
        return None  # a ratio near 2 has many causes: only an exact one is a unit
    return Notice(
        "unit_scale_change", column.name, means[0] or 0.0, mean, "", basis, scales[0].name
    )


def _share_moves(
    now: RelationProfile,
    column: ColumnProfile,
    past: Sequence[tuple[RelationProfile, ColumnProfile]],
) -> float:
    if len(past) < 3 or not column.top or not all(old.top for _, old in past):
        return 0.0
    shares = {top.value: top.share for top in column.top}
    moves = [share_distance({t.value: t.share for t in old.top}, shares) for _, old in past]
    among = [
        share_distance({t.value: t.share for t in one.top}, {t.value: t.share for t in other.top})
        for (_, one), (_, other) in pairwise(past)
    ]
    noise = share_noise(len(shares), float(now.looked_at or now.rows))
    floor = max(MOVED, 6 * noise, 3 * max(among, default=0.0))
    return min(moves) if min(moves) >= floor else 0.0


def is_measure(column: ColumnProfile) -> bool:
    """True for a number that is an amount of something, as far as its name tells."""
    return column.kind == "number" and not column.masked and not _NO_MEASURE.search(column.name)


def over_days(now: RelationProfile, series: DailySeries) -> tuple[Notice, ...]:
    """What the newest days show against the days before: rows, means, nulls.

    The newest day may be half loaded: its rows are judged only where its times reach the evening;
    means do not depend on how much of a day is there.
    """
    days = list(series.days)
    basis = f"{len(days)} days by {series.column}"
    found: list[Notice] = []
    whole = days if _is_whole(now, series) else days[:-1]
    rows = judge([(_date(day), float(day.rows)) for day in whole], counts=True)
    if rows is not None and rows.score < 0 and rows.expected.value >= FEWEST_ROWS / 2:
        found.append(_of(rows, "volume_drop", "", basis))
    for column in now.columns:
        if is_measure(column):
            found += _mean_notice(days, column.name, basis)
        found += _null_notice(days, column, basis)
    return tuple(found)


def _mean_notice(days: Sequence[Day], name: str, basis: str) -> list[Notice]:
    means = []
    for day in days:
        one = day.columns.get(name)
        filled = day.rows - one.nulls if one is not None else 0
        if one is not None and one.sum is not None and filled >= 3:
            means.append((_date(day), one.sum / filled))
    found = judge(means, rules=_MEAN)
    if found is None or found.expected.value <= 0:
        return []
    scale = scale_of(found.ratio, tolerance=0.3)
    # One day's mean may be anything; only a jump to another unit, or days of it, is a change.
    if scale is None and found.kind == "outlier":
        return []
    if scale is not None and 1 / 9 < scale.factor < 9:
        return []
    notice = _of(found, "unit_scale_change" if scale else "value_shift", name, basis)
    return [msgspec.structs.replace(notice, scale=scale.name if scale else "")]


def _null_notice(days: Sequence[Day], column: ColumnProfile, basis: str) -> list[Notice]:
    rates = [
        (day.day, day.columns[column.name].nulls / day.rows)
        for day in days
        if day.rows >= 5 and column.name in day.columns
    ]
    if len(rates) < 14:
        return []
    late = [rate for _, rate in rates[-7:] if rate >= EMPTY]
    early = [rate for _, rate in rates[: -7 if late else None]]
    if rates[-1][1] < EMPTY or max(early, default=1.0) > FILLED:
        return []
    since = next(day for day, rate in rates if rate >= EMPTY)
    return [Notice("null_keys", column.name, 0.0, rates[-1][1], since, basis)]


def _of(found: Anomaly, change: Change, column: str, basis: str) -> Notice:
    return Notice(
        change,
        column,
        found.expected.value,
        found.value,
        found.since.isoformat(),
        basis,
        score=round(found.score, 1),
    )


def _is_whole(now: RelationProfile, series: DailySeries) -> bool:
    """Is the newest day loaded to its end? Told by its last time, or by a load on a later day."""
    ends = [str(c.max or "") for c in now.columns if c.kind in ("date", "timestamp")]
    newest = series.days[-1].day if series.days else ""
    own = now.column(series.column)
    last = str(own.max or "") if own is not None else ""
    return last[11:13] >= "20" or any(end[:10] > newest for end in ends)


def _date(day: Day) -> date:
    return date.fromisoformat(day.day)
