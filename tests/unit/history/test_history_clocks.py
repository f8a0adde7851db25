"""Moments of another zone and first zeros are seen against the last profiles, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from agentic.history import ColumnProfile, RelationProfile
from agentic.history.anomalies import moved_clocks, new_zeros, notices
from agentic.history.clocks import clock_shift

FIRST, LAST = datetime(2026, 1, 1, 0, 7, 31), datetime(2026, 3, 1, 23, 40, 2)


def held(
    hours: float = 0.0,
    *,
    rows: int = 400,
    first_id: int = 1,
    last: float | None = None,
    name: str = "at",
    first: datetime = FIRST,
    **more: Any,
) -> RelationProfile:
    """Orders whose moments are some hours off."""
    end = LAST + timedelta(hours=hours if last is None else last)
    ids = ColumnProfile(
        "id", "BIGINT", "number", distinct=rows, min=first_id, max=first_id + rows - 1
    )
    at = {"distinct": rows, "min": (first + timedelta(hours=hours)).isoformat(), **more}
    moments = ColumnProfile(name, "TIMESTAMP", "timestamp", max=end.isoformat(), **at)
    units = ColumnProfile("units", "INTEGER", "number", distinct=9, min=1, max=9, sum=2000.0)
    return RelationProfile("raw.orders", rows, (ids, moments, units), rows, at="2026-03-02")


@pytest.mark.parametrize("hours", [9, -8, 5.5, -3.5, 5.75, 14])
def test_the_same_rows_by_another_clock_are_seen(hours: float) -> None:
    assert clock_shift(held(hours), held(), "at") == hours
    assert clock_shift(held(hours, rows=430, last=60), held(), "at") == hours


@pytest.mark.parametrize(
    "now",
    [
        held(),
        held(0.1),
        held(48),
        held(9, last=0),
        held(9, first_id=30),
        held(9, rows=380),
        held(9, distinct=12),
        held(0, rows=430, last=24),
    ],
)
def test_other_rows_other_minutes_and_other_days_are_no_zone(now: RelationProfile) -> None:
    assert clock_shift(now, held(), "at") is None


def test_round_moments_of_more_rows_tell_no_zone() -> None:
    midnight = datetime(2026, 1, 1)

    assert clock_shift(held(9, first=midnight), held(first=midnight), "at") == 9
    assert clock_shift(held(9, rows=430, first=midnight), held(first=midnight), "at") is None


def test_a_zone_is_told_once_and_only_if_every_profile_says_so() -> None:
    (found,) = moved_clocks(held(9), [held(), held()])

    assert (found.change, found.column, found.now) == ("timezone", "at", 9.0)
    assert moved_clocks(held(9), [held(), held(9)]) == ()
    assert [one.change for one in notices(held(9), None, [held()])] == ["timezone"]


def zeros(least: float | None, **more: Any) -> RelationProfile:
    units = ColumnProfile("units", "INTEGER", "number", distinct=9, min=least, max=9, **more)
    return RelationProfile("raw.orders", 400, (units,), 400, at="2026-03-02")


def test_a_first_zero_is_seen_where_every_profile_was_above() -> None:
    (found,) = new_zeros(zeros(0), [zeros(1), zeros(2)])

    assert (found.change, found.column, found.before) == ("division_by_zero", "units", 1.0)


@pytest.mark.parametrize(
    ("now", "before"),
    [(0, [0]), (0, [1, 0]), (0, []), (1, [2]), (-1, [1]), (0, [None]), (None, [1])],
)
def test_zeros_of_old_are_no_news(now: float | None, before: list[float | None]) -> None:
    assert new_zeros(zeros(now), [zeros(one) for one in before]) == ()
