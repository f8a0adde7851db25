"""Robust statistics: exact on small cases; few alarms on noise, sure ones on broken loads."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from agentic.history import statistics as st

FIRST = date(2026, 1, 1)
SERIES = 40
"""Series a kind of noise; 200 in all, each judged once."""


def days(values: list[float]) -> list[tuple[date, float]]:
    return [(FIRST + timedelta(days=n), value) for n, value in enumerate(values)]


def poisson(mean: float, dice: random.Random) -> float:
    limit, number, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        number += 1
        product *= dice.random()
    return float(number)


WEEK = (1.0, 1.0, 1.0, 1.0, 1.3, 2.0, 0.4)
NOISE: dict[str, Callable[[int, random.Random], float]] = {
    "normal, 20 %": lambda n, dice: 100 * (1 + 0.2 * dice.gauss(0, 1)),
    "log-normal, 50 %": lambda n, dice: 100 * math.exp(0.5 * dice.gauss(0, 1)),
    "counts around 20": lambda n, dice: poisson(20, dice),
    "counts around 3": lambda n, dice: poisson(3, dice),
    "weekdays": lambda n, dice: 1000 * WEEK[n % 7] * (1 + 0.1 * dice.gauss(0, 1)),
}


def drawn(kind: str, length: int, number: int) -> list[tuple[date, float]]:
    dice = random.Random(f"{kind}:{length}:{number}")
    return days([NOISE[kind](n, dice) for n in range(length)])


def test_quantile_median_and_deviation_are_the_textbooks() -> None:
    assert st.quantile([1, 2, 3, 4], 0.25) == 1.75
    assert st.median([3, 1, 2]) == 2
    assert st.mad([1, 1, 2, 2, 4, 6, 9]) == 1
    assert st.modified_z(9, [1, 1, 2, 2, 4, 6, 9]) == pytest.approx(0.6745 * 7, rel=1e-3)
    assert st.modified_z(5, [5, 5, 5]) == 0
    assert st.modified_z(6, [5, 5, 5]) == math.inf


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.5)])
def test_a_quantile_of_nothing_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        st.quantile(values, share)


def test_the_deviation_withstands_a_fifth_of_wrong_values() -> None:
    dice = random.Random(1)
    clean = [100 + dice.gauss(0, 10) for _ in range(80)]

    wrong = st.robust_sigma([*clean, *[10_000.0] * 20])

    assert wrong < 2 * st.robust_sigma(clean)


@pytest.mark.parametrize("length", [15, 30, 63])
def test_noise_raises_at_most_one_alarm_in_a_hundred_series(length: int) -> None:
    alarms = {
        kind: sum(
            st.judge(drawn(kind, length, n), counts="count" in kind) is not None
            for n in range(SERIES)
        )
        for kind in NOISE
    }

    assert sum(alarms.values()) <= len(NOISE) * SERIES / 100, alarms


@pytest.mark.parametrize("kind", ["normal, 20 %", "counts around 20", "weekdays"])
def test_a_hundredfold_and_a_loss_of_four_fifths_are_seen(kind: str) -> None:
    seen = {"up": 0, "down": 0}
    for n in range(SERIES):
        series = drawn(kind, 40, n)
        day, value = series[-1]
        up = st.judge([*series[:-1], (day, value * 100)], counts="count" in kind)
        down = st.judge([*series[:-1], (day, value * 0.2)], counts="count" in kind)
        seen["up"] += up is not None and up.score > 0
        seen["down"] += down is not None and down.score < 0

    assert seen["up"] == SERIES
    assert seen["down"] >= 0.7 * SERIES, seen


def test_a_short_history_says_nothing() -> None:
    assert st.judge(days([10.0] * 13 + [1000.0])) is None
    assert st.judge(days([10.0] * 14 + [1000.0])) is not None
    assert st.judge([]) is None


def test_a_quiet_sunday_is_no_anomaly_and_a_quiet_friday_is() -> None:
    shop = [1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 0.0, 0.0]  # the first of 2026 is a Thursday
    values = [shop[(FIRST + timedelta(days=n)).weekday()] for n in range(45)]
    sunday, friday = values[:39], values[:37]

    assert (FIRST + timedelta(days=38)).weekday() == 6
    assert st.judge(days(sunday)) is None
    found = st.judge(days([*friday[:-1], 0.0]))
    assert found is not None
    assert found.expected.seasonal


def test_a_level_that_stays_is_a_step_with_its_first_day() -> None:
    dice = random.Random(3)
    values = [100 * (1 + 0.1 * dice.gauss(0, 1)) for _ in range(40)]
    values[36:] = [value * 100 for value in values[36:]]

    found = st.judge(days(values))

    assert found is not None
    assert (found.kind, found.since) == ("step", FIRST + timedelta(days=36))
    assert found.ratio == pytest.approx(100, rel=0.3)


def test_the_first_wrong_day_does_not_teach_what_is_usual() -> None:
    values = [100.0 + n % 5 for n in range(30)] + [10_000.0, 100.0]

    assert st.judge(days(values)) is None


def test_zero_after_full_days_is_an_anomaly_and_after_few_rows_is_none() -> None:
    assert st.judge(days([200.0 + n % 7 for n in range(30)] + [0.0]), counts=True) is not None
    assert st.judge(days([float(1 + n % 4) for n in range(30)] + [0.0]), counts=True) is None


@pytest.mark.parametrize(
    ("ratio", "name"),
    [
        (100.0, "cents"),
        (0.0101, "cents"),
        (1000, "millis"),
        (60.4, "minutes"),
        (1 / 24, "hours and days"),
        (2.5, "inches"),
    ],
)
def test_a_known_unit_is_named(ratio: float, name: str) -> None:
    scale = st.scale_of(ratio)

    assert scale is not None
    assert name in scale.name


@pytest.mark.parametrize("ratio", [1.0, 5.0, 0.2, 0.0, -3.0, math.inf, math.nan])
def test_no_other_ratio_is_a_unit(ratio: float) -> None:
    assert st.scale_of(ratio) is None


def test_shares_move_by_what_moved() -> None:
    assert st.share_distance({"a": 50, "b": 50}, {"a": 1, "b": 1}) == 0
    assert st.share_distance({"a": 1}, {"b": 1}) == 1
    assert st.share_distance({"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}) == pytest.approx(0.25)
    assert st.share_distance({}, {"a": 1}) == 0


def test_sampling_alone_moves_shares_by_about_the_stated_distance() -> None:
    dice, rows = random.Random(5), 200
    moved = []
    for _ in range(60):
        drawn_now = [dice.choice("abcd") for _ in range(rows)]
        now = {name: drawn_now.count(name) for name in "abcd"}
        moved.append(st.share_distance(dict.fromkeys("abcd", 1), now))

    assert sum(moved) / len(moved) == pytest.approx(st.share_noise(4, rows), rel=0.25)
