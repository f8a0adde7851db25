"""Silent changes of a relation: seen against its own days and its past, and quiet on green data."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from agentic.history import ColumnProfile, DailySeries, Day, DayColumn, RelationProfile, TopValue
from agentic.history.anomalies import against_before, notices, over_days

FIRST = date(2026, 1, 5)


def column(name: str = "amount", **given: Any) -> ColumnProfile:
    figures = {"type": "DECIMAL", "kind": "number", "distinct": 800, "sum": 50_000.0, **given}
    return ColumnProfile(name=name, **figures)


def profile(*columns: ColumnProfile, rows: int = 1000, at: str = "2026-03-01") -> RelationProfile:
    return RelationProfile("raw.payments", rows, columns, looked_at=rows, at=at)


def days(
    seed: int = 1, length: int = 60, *, last: float = 1.0, rows: float = 1.0, nulls: float = 0.0
) -> DailySeries:
    """Days of about 100 rows and a mean of 50; the newest one changed as told."""
    dice = random.Random(seed)
    found = []
    for number in range(length):
        newest = number == length - 1
        count = round(100 * (1 + 0.1 * dice.gauss(0, 1)) * (rows if newest else 1))
        mean = 50 * (1 + 0.05 * dice.gauss(0, 1)) * (last if newest else 1)
        empty = round(count * (nulls if newest else 0))
        day = (FIRST + timedelta(days=number)).isoformat()
        figures = DayColumn(nulls=empty, distinct=count, sum=mean * (count - empty))
        found.append(Day(day, count, {"amount": figures}))
    return DailySeries("raw.payments", "paid_at", tuple(found))


def paid_at(series: DailySeries, hour: str = "23:10:00") -> ColumnProfile:
    newest = f"{series.days[-1].day}T{hour}"
    return ColumnProfile("paid_at", "TIMESTAMP", "timestamp", distinct=900, max=newest)


def test_a_green_relation_raises_nothing() -> None:
    raised = []
    for seed in range(40):
        series = days(seed)
        dice = random.Random(seed)
        past = [
            profile(
                column(sum=50_000 * (1 + 0.1 * dice.gauss(0, 1))), rows=900 + dice.randint(0, 200)
            )
            for _ in range(4)
        ]
        raised += notices(profile(column(), paid_at(series)), series, past)

    assert raised == []


@pytest.mark.parametrize(
    ("factor", "scale"), [(100.0, "cents"), (0.01, "cents"), (1000.0, "millis"), (60.0, "minutes")]
)
def test_another_unit_is_seen_against_the_last_build(factor: float, scale: str) -> None:
    now = profile(column(sum=50_000 * factor * 1.04), rows=1030)

    (found,) = against_before(now, [profile(column())])

    assert (found.change, found.column) == ("unit_scale_change", "amount")
    assert scale in found.scale
    assert found.ratio == pytest.approx(factor, rel=0.05)


def test_another_unit_is_seen_on_the_newest_day() -> None:
    series = days(last=100.0)

    (found,) = over_days(profile(column(), paid_at(series)), series)

    assert (found.change, found.since) == ("unit_scale_change", series.days[-1].day)
    assert found.score is not None
    assert found.score > 6


@pytest.mark.parametrize("factor", [1.3, 2.0, 5.0, 7.5])
def test_a_better_day_is_no_unit(factor: float) -> None:
    series = days(last=factor)

    assert over_days(profile(column(), paid_at(series)), series) == ()
    assert against_before(profile(column(sum=50_000 * factor)), [profile(column())]) == ()


def test_missing_rows_are_seen_on_a_day_that_is_whole() -> None:
    series = days(rows=0.15)

    (found,) = over_days(profile(column(), paid_at(series)), series)

    assert found.change == "volume_drop"
    assert found.now < 25 < 80 < found.before


def test_a_day_that_is_loaded_in_part_is_not_judged_by_its_rows() -> None:
    series = days(rows=0.15)

    assert over_days(profile(column(), paid_at(series, "09:30:00")), series) == ()


def test_rows_lost_against_every_build_before() -> None:
    now = profile(column(sum=10_000), rows=200)

    assert [n.change for n in against_before(now, [profile(column())])] == ["volume_drop"]
    # A relation that shrinks now and then is one that is replaced.
    small = profile(column(sum=9_000), rows=180)
    assert against_before(now, [profile(column()), small]) == ()


def test_keys_that_are_null_since_a_day() -> None:
    series = days(nulls=0.9)

    (found,) = over_days(profile(column(), paid_at(series)), series)

    assert (found.change, found.column, found.since) == (
        "null_keys",
        "amount",
        series.days[-1].day,
    )


def test_one_category_in_place_of_three() -> None:
    def channel(**shares: float) -> ColumnProfile:
        top = tuple(TopValue(name, round(1000 * s), s) for name, s in shares.items())
        return ColumnProfile("channel", "VARCHAR", "text", distinct=len(top), top=top)

    past = [profile(channel(web=0.4, app=0.3 + n / 100, store=0.3 - n / 100)) for n in range(3)]

    (found,) = against_before(profile(channel(web=1.0)), past)

    assert (found.change, found.column) == ("value_shift", "channel")
    assert against_before(profile(channel(web=0.5, app=0.3, store=0.2)), past) == ()
    assert against_before(profile(channel(web=1.0)), past[:2]) == ()


def test_keys_and_small_relations_are_not_judged() -> None:
    key = column("customer_id", sum=1e9)
    assert against_before(profile(key), [profile(column("customer_id"))]) == ()
    assert against_before(profile(column(), rows=3), [profile(column(), rows=19)]) == ()
    assert notices(profile(column()), None, []) == ()
