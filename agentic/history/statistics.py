"""Robust statistics over daily series: what is usual, what is an outlier, a step, another unit.

Pure functions over (date, value). A median and the median absolute deviation stand for mean and
standard deviation, because the past holds faults of its own: half of the points may be wrong before
the median breaks down. Sources: Hampel 1974 (median absolute deviation); Iglewicz and Hoaglin 1993
(the modified z-score, its factor 0.6745 = 1 / 1.4826); Rousseeuw and Croux 1993 (the consistency
factor 1.4826, and where the deviation is zero, the quantile range instead).

The price of an alarm is a person's morning, so each needs two things at once: improbable against
the series' own noise (`Rules.score`) and large enough to matter (`Rules.factor`). The measured rate
of false alarms on stationary noise is in `tests/unit/history/test_history_statistics.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

Series = Sequence[tuple[date, float]]
"""Values by day, in the order of the days; a day without a value is simply not there."""

MAD_TO_SIGMA = 1.4826
"""1 / (the normal distribution's 0.75 quantile): the deviation of normal noise from its median."""
IQR_TO_SIGMA = 1.349
"""Distance of the normal distribution's quartiles, in standard deviations."""


TAILS_TO_SIGMA = 3.29
"""Distance of the normal distribution's 0.05 and 0.95 quantiles, in standard deviations."""


class Rules(msgspec.Struct, frozen=True):
    """When a value is an anomaly; the defaults are made for few alarms."""

    least_points: int = 14
    """Days of history below which nothing is said."""
    season_from: int = 21
    """Days of history from which on weekdays are told apart: three of each."""
    window: int = 63
    """Days of history that count: nine weeks, so that a year's growth is not noise."""
    score: float = 6.0
    """Robust standard deviations (of the logarithm, for a series above zero)."""
    factor: float = 1.8
    """Least ratio to the expected value, up or down, for a series above zero."""
    plain_score: float = 3.0
    """Least robust standard deviations of the plain ratio downwards, for a series above zero."""
    beyond: float = 1.25
    """Least ratio to the second most extreme value of the window, for a series above zero."""


DEFAULT = Rules()


class Expected(msgspec.Struct, frozen=True):
    """What a day's value should be, from the days before it."""

    value: float
    low: float
    high: float
    """Outside of low and high the value is an anomaly."""
    sigma: float
    """Robust standard deviation, of the logarithm where `logarithmic`."""
    points: int
    seasonal: bool
    logarithmic: bool


class Anomaly(msgspec.Struct, frozen=True):
    """A value, or the level since a day, that the past does not explain."""

    kind: Literal["outlier", "step"]
    since: date
    value: float
    """The newest value; for a step the median since."""
    expected: Expected
    score: float
    """Distance from the expected value in robust standard deviations, with its sign."""

    @property
    def ratio(self) -> float:
        """Value by expected value; infinite where zero was expected."""
        return self.value / self.expected.value if self.expected.value else math.inf


def median(values: Sequence[float]) -> float:
    """The middle value: the 0.5 quantile. Raises ValueError for no values."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile with linear interpolation (Hyndman and Fan 1996, type 7; SQL's quantile_cont).

    Raises ValueError for no values or a share outside 0 to 1.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError("a quantile needs values and a share from 0 to 1")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mad(values: Sequence[float]) -> float:
    """Median absolute deviation: median(|x - median(x)|) (Hampel 1974)."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def robust_sigma(values: Sequence[float]) -> float:
    """A standard deviation that up to a quarter of wrong values does not move.

    The larger of 1.4826 * MAD and IQR / 1.349: equal for normal noise; for a skewed or a coarse
    series, where the MAD can be zero, the range of the quartiles still speaks.
    """
    spread = quantile(values, 0.75) - quantile(values, 0.25)
    return max(MAD_TO_SIGMA * mad(values), spread / IQR_TO_SIGMA)


def modified_z(value: float, values: Sequence[float]) -> float:
    """0.6745 * (x - median) / MAD (Iglewicz and Hoaglin 1993); infinite off a constant series."""
    deviation = mad(values)
    off = value - median(values)
    if not deviation:
        return 0.0 if not off else math.copysign(math.inf, off)
    return off / (MAD_TO_SIGMA * deviation)


def expected_on(
    day: date, history: Series, *, counts: bool = False, rules: Rules = DEFAULT
) -> Expected | None:
    """The value that the history lets expect on a day; None where it is too short.

    A series above zero is judged by its logarithm, since what people call usual is a ratio: half
    is as far as double. Elsewhere the values themselves are. From `rules.season_from` days on,
    each weekday has a level of its own (the median of that weekday), if that leaves less noise.
    Sigma is the robust deviation of what remains, and no smaller than the noise of counting
    (1 / sqrt(expected), for `counts`) or 2 % of the level: a series that never moved would
    otherwise alarm at its first cent. The usual range also holds whatever the window held twice
    (the second least and second greatest value, `rules.beyond` wider): heavy tails come again.
    """
    past = [(when, value) for when, value in history if when < day][-rules.window :]
    if len(past) < rules.least_points:
        return None
    logarithmic = all(value > 0 for _, value in past)
    changed = [(when, math.log(value) if logarithmic else value) for when, value in past]
    level, rest, seasonal = _level(day, changed, rules)
    sigma = max(robust_sigma(rest), _least_sigma(level, changed, logarithmic, counts))
    if not logarithmic:  # zeros and signs: the quartiles may all be zero while the rest is not
        sigma = max(sigma, (quantile(rest, 0.95) - quantile(rest, 0.05)) / TAILS_TO_SIGMA)
    reach = rules.score * sigma
    if not logarithmic:
        return Expected(level, level - reach, level + reach, sigma, len(past), seasonal, False)
    reach = max(reach, math.log(rules.factor))
    seen = sorted(value for _, value in past)
    # Near zero a logarithm makes much of little: downwards the plain ratio has to be far off too.
    plain = math.exp(level) * (1 - rules.plain_score * robust_sigma([math.exp(r) for r in rest]))
    low = min(math.exp(level - reach), seen[1] / rules.beyond, plain)
    high = max(math.exp(min(700.0, level + reach)), seen[-2] * rules.beyond)
    return Expected(math.exp(level), low, high, sigma, len(past), seasonal, True)


def _level(
    day: date, changed: Sequence[tuple[date, float]], rules: Rules
) -> tuple[float, list[float], bool]:
    """The level on a day, what remains of each value above its level, and if weekdays were used."""
    values = [value for _, value in changed]
    plain = median(values)
    rest = [value - plain for value in values]
    if len(changed) < rules.season_from:
        return plain, rest, False
    days: dict[int, list[float]] = {}
    for when, value in changed:
        days.setdefault(when.weekday(), []).append(value)
    if len(days.get(day.weekday(), ())) < 3:
        return plain, rest, False
    levels = {weekday: median(found) for weekday, found in days.items()}
    seasonal = [value - levels[when.weekday()] for when, value in changed]
    # A level taken from few points fits them too well: it has to earn its place.
    if robust_sigma(seasonal) * 1.2 < robust_sigma(rest):
        return levels[day.weekday()], seasonal, True
    return plain, rest, False


def _least_sigma(
    level: float, changed: Sequence[tuple[date, float]], logarithmic: bool, counts: bool
) -> float:
    if logarithmic:
        return max(0.02, 1 / math.sqrt(max(math.exp(level), 1.0)) if counts else 0.0)
    typical = median([abs(value) for _, value in changed])
    return max(0.02 * typical, math.sqrt(typical) if counts else 0.0, 1e-12)


def outlier(series: Series, *, counts: bool = False, rules: Rules = DEFAULT) -> Anomaly | None:
    """The newest value, if the days before it do not explain it; None where all is usual.

    score = (x - expected) / sigma, of logarithms for a series above zero. A value of zero or less
    in a series that was always above zero is judged as the smallest that could be: half of the
    least value before, or of one row for `counts`.
    """
    if not series:
        return None
    day, value = series[-1]
    found = expected_on(day, series[:-1], counts=counts, rules=rules)
    if found is None or not _side(value, found, series):
        return None
    return Anomaly("outlier", day, value, found, _score(value, found, series))


def _judged(value: float, found: Expected, series: Series) -> float:
    """The value, or where a logarithm needs more than zero, half of the least value above it."""
    if not found.logarithmic:
        return value
    return max(value, min(v for _, v in series if v > 0) / 2)


def _side(value: float, found: Expected, series: Series) -> int:
    """1 above the usual range, -1 below it, 0 inside."""
    judged = _judged(value, found, series)
    return (judged > found.high) - (judged < found.low)


def _score(value: float, found: Expected, series: Series) -> float:
    judged = _judged(value, found, series)
    if not found.logarithmic:
        return (judged - found.value) / found.sigma
    return (math.log(judged) - math.log(found.value)) / found.sigma


def step(
    series: Series, *, days: int = 3, counts: bool = False, rules: Rules = DEFAULT
) -> Anomaly | None:
    """A level that moved and stayed: each of the last days is an outlier on the same side.

    The newest days are compared with the history before the first of them, longest run first (up
    to a week), so that the first wrong days do not teach what is usual. None for fewer than `days`.
    """
    if len(series) < rules.least_points + days or not _outside(
        series[-1], series[:-days], counts, rules
    ):
        return None
    for length in range(min(7, len(series) - rules.least_points), days - 1, -1):
        newest, past = series[-length:], series[:-length]
        found = [expected_on(when, past, counts=counts, rules=rules) for when, _ in newest]
        if any(one is None for one in found):
            continue
        sides = {
            _side(value, one, series)
            for (_, value), one in zip(newest, found, strict=True)
            if one is not None
        }
        if sides in ({1}, {-1}) and found[0] is not None:
            level = median([value for _, value in newest])
            return Anomaly("step", newest[0][0], level, found[0], _score(level, found[0], series))
    return None


def _outside(newest: tuple[date, float], past: Series, counts: bool, rules: Rules) -> bool:
    found = expected_on(newest[0], past, counts=counts, rules=rules)
    return found is not None and _side(newest[1], found, [*past, newest]) != 0


def judge(series: Series, *, counts: bool = False, rules: Rules = DEFAULT) -> Anomaly | None:
    """A step where there is one, else an outlier of the newest value, else None."""
    return step(series, counts=counts, rules=rules) or outlier(series, counts=counts, rules=rules)


class Scale(msgspec.Struct, frozen=True):
    """A known ratio between two units."""

    factor: float
    """New value by old value."""
    name: str


SCALES: tuple[Scale, ...] = tuple(
    Scale(factor, f"{name}{'' if factor > 1 else ', the other way round'}")
    for base, name in (
        (10.0, "a decimal place"),
        (100.0, "hundredths for wholes (cents, percent)"),
        (1000.0, "thousandths for wholes (millis, grams for kilograms)"),
        (1_000_000.0, "millionths for wholes (micros)"),
        (60.0, "minutes and hours, or seconds and minutes"),
        (3600.0, "seconds and hours"),
        (24.0, "hours and days"),
        (2.54, "inches and centimetres"),
        (1.609344, "miles and kilometres"),
        (2.20462, "pounds and kilograms"),
        (3.28084, "feet and metres"),
    )
    for factor in (base, 1 / base)
)
"""Ratios that a changed unit leaves; exact by definition, but for 2.20462 and 3.28084."""


def scale_of(ratio: float, *, tolerance: float = 0.15) -> Scale | None:
    """The known scale nearest to a ratio, on the logarithm, within a tolerance; else None.

    |ln(ratio) - ln(factor)| <= ln(1 + tolerance).
    """
    if not ratio > 0 or math.isinf(ratio):
        return None
    off = {scale: abs(math.log(ratio / scale.factor)) for scale in SCALES}
    best = min(SCALES, key=lambda scale: off[scale])
    return best if off[best] <= math.log1p(tolerance) else None


def share_distance(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """Total variation distance of two sets of shares: sum(|p - q|) / 2, from 0 to 1.

    Counts do as well: both sides are brought to shares first. 0 where one side is empty, since
    nothing can be said.
    """
    left, right = sum(before.values()), sum(now.values())
    if left <= 0 or right <= 0:
        return 0.0
    names = before.keys() | now.keys()
    moved = [abs(before.get(n, 0.0) / left - now.get(n, 0.0) / right) for n in names]
    return math.fsum(moved) / 2


def share_noise(parts: int, rows: float) -> float:
    """The distance that sampling alone can bring: sqrt((parts - 1) / (2 * pi * rows)) on average.

    For `rows` drawn from `parts` equal shares each |p - q| has mean sqrt(2 p (1 - p) / (pi rows));
    half of their sum is largest for equal shares.
    """
    if parts < 2 or rows <= 0:
        return 0.0
    return math.sqrt((parts - 1) / (2 * math.pi * rows))
