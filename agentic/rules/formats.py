"""Date and time formats: how SQL recognises them by pattern, how each dialect parses them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from agentic.rules.numbers import matches
from agentic.sql import quote

_DAY = "(0?[1-9]|[12][0-9]|3[01])"
_MONTH = "(0?[1-9]|1[0-2])"
_YEAR = "[0-9]{4}"
_NAME = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_HOUR, _HOUR12, _SIXTY = "([01]?[0-9]|2[0-3])", "(0?[1-9]|1[0-2])", "[0-5][0-9]"

DATES = {
    "%Y-%m-%d": f"{_YEAR}-{_MONTH}-{_DAY}",
    "%d/%m/%Y": f"{_DAY}/{_MONTH}/{_YEAR}",
    "%m/%d/%Y": f"{_MONTH}/{_DAY}/{_YEAR}",
    "%d.%m.%Y": f"{_DAY}[.]{_MONTH}[.]{_YEAR}",
    "%d-%m-%Y": f"{_DAY}-{_MONTH}-{_YEAR}",
    "%m-%d-%Y": f"{_MONTH}-{_DAY}-{_YEAR}",
    "%Y/%m/%d": f"{_YEAR}/{_MONTH}/{_DAY}",
    "%Y.%m.%d": f"{_YEAR}[.]{_MONTH}[.]{_DAY}",
    "%Y%m%d": f"{_YEAR}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
    "%d %b %Y": f"{_DAY} {_NAME} {_YEAR}",
    "%d-%b-%Y": f"{_DAY}-{_NAME}-{_YEAR}",
    "%b %d, %Y": f"{_NAME} {_DAY}, {_YEAR}",
    "epoch_s": "[0-9]{10}",
    "epoch_ms": "[0-9]{13}",
    "epoch_us": "[0-9]{16}",
}
"""strptime format -> pattern; patterns bound day and month, so that 13 is no month."""

TIMES = {
    "": "",
    " %H:%M": f" {_HOUR}:{_SIXTY}",
    " %H:%M:%S": f" {_HOUR}:{_SIXTY}:{_SIXTY}",
    " %H:%M:%S.%f": f" {_HOUR}:{_SIXTY}:{_SIXTY}[.][0-9]+",
    "T%H:%M:%S": f"T{_HOUR}:{_SIXTY}:{_SIXTY}",
    "T%H:%M:%SZ": f"T{_HOUR}:{_SIXTY}:{_SIXTY}Z",
    " %I:%M %p": f" {_HOUR12}:{_SIXTY} [AaPp][Mm]",
    " %I:%M:%S %p": f" {_HOUR12}:{_SIXTY}:{_SIXTY} [AaPp][Mm]",
}

_TOKENS: dict[str, dict[str, str]] = {
    "postgres": {
        "%Y": "YYYY", "%m": "MM", "%d": "DD", "%b": "Mon", "%H": "HH24", "%I": "HH12",
        "%M": "MI", "%S": "SS", "%f": "US", "%p": "AM", "T": '"T"', "Z": '"Z"',
    },
    "snowflake": {
        "%Y": "YYYY", "%m": "MM", "%d": "DD", "%b": "MON", "%H": "HH24", "%I": "HH12",
        "%M": "MI", "%S": "SS", "%f": "FF", "%p": "AM", "T": '"T"', "Z": '"Z"',
    },
    "spark": {
        "%Y": "yyyy", "%m": "MM", "%d": "dd", "%b": "MMM", "%H": "HH", "%I": "hh",
        "%M": "mm", "%S": "ss", "%f": "SSS", "%p": "a", "T": "'T'", "Z": "'Z'",
    },
}  # fmt: skip
_SAME = {"redshift": "postgres", "materialize": "postgres", "databricks": "spark"}


class Fit(msgspec.Struct, frozen=True):
    """How many of a column's values each pattern matches."""

    filled: int
    """Values that are not null."""
    dates: dict[str, int]
    times: dict[str, int]

    def formats(self) -> tuple[str, ...]:
        """Every format that fits all values; two of them when day and month are ambiguous."""
        if not self.filled:
            return ()
        days = [name for name, count in self.dates.items() if count == self.filled]
        hours = [name for name, count in self.times.items() if count == self.filled]
        return tuple(day + hour for day in days for hour in hours)

    def nearest(self) -> tuple[str, int]:
        """The date part that fits most values, and how many it does not fit."""
        name = max(self.dates, key=lambda one: self.dates[one])
        return name, self.filled - self.dates[name]


def fit_sql(columns: Sequence[str], relation: str, dialect: str) -> str:
    """One statement that counts, for text columns, how many values match each pattern."""
    parts = [part for column in columns for part in _counts(column, dialect)]
    named = [f"{part} as n{number}" for number, part in enumerate(parts)]
    return f"select {', '.join(named)} from {relation}"  # noqa: S608 -- quoted names, own patterns


def _counts(column: str, dialect: str) -> list[str]:
    name = f"trim(cast({quote(column, dialect)} as varchar(64)))"
    dates = [f"^{pattern}($|[ T])" for pattern in DATES.values()]
    # A time is what follows the date: the year of `31/12/2024` must not be taken for one.
    times = [f"[0-9]{pattern}$" if pattern else "^[^:]*$" for pattern in TIMES.values()]
    hits = [f"count(case when {matches(name, p, dialect)} then 1 end)" for p in dates + times]
    return [f"count({quote(column, dialect)})", *hits]


def fits_of(row: Sequence[object]) -> list[Fit]:
    """The counts of `fit_sql`, one Fit a column."""
    numbers = [int(str(value or 0)) for value in row]
    width = 1 + len(DATES) + len(TIMES)
    return [_fit_of(numbers[start : start + width]) for start in range(0, len(numbers), width)]


def _fit_of(numbers: list[int]) -> Fit:
    days = dict(zip(DATES, numbers[1 : 1 + len(DATES)], strict=True))
    hours = dict(zip(TIMES, numbers[1 + len(DATES) :], strict=True))
    return Fit(numbers[0], days, hours)


def parse_template(form: str, dialect: str, *, as_date: bool) -> str:
    """The expression that parses `{col}` in a format, as a date or as a timestamp."""
    kind = "date" if as_date else "timestamp"
    if form in EPOCHS:
        parsed = epoch_template(form, dialect)
        return f"cast({parsed} as date)" if as_date else parsed
    if form.startswith("%Y-%m-%d"):
        return f"cast({{col}} as {kind})"
    if dialect in ("", "duckdb"):
        parsed = f"strptime({{col}}, '{form}')"
        return f"cast({parsed} as date)" if as_date else parsed
    if dialect == "bigquery":
        return f"parse_{kind}('{form}', {{col}})"
    own = _SAME.get(dialect, dialect)
    written = _written(form, _TOKENS.get(own, _TOKENS["postgres"]))
    if as_date:
        return f"to_date({{col}}, '{written}')"
    parsed = f"to_timestamp({{col}}, '{written}')"
    return f"cast({parsed} as timestamp)" if own == "postgres" else parsed


EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
"""Units a second, of the time since 1970 in UTC."""


def epoch_of(low: float, high: float) -> str:
    """The epoch unit in which both ends lie between 1990 and 2100; empty when there is none."""
    for form, units in EPOCHS.items():
        if 631_152_000 * units <= low <= high <= 4_102_444_800 * units:
            return form
    return ""


def epoch_template(form: str, dialect: str) -> str:
    """The expression that makes a timestamp, in UTC and without a zone, of time since 1970."""
    units, whole = EPOCHS[form], "cast({col} as bigint)"
    if dialect in ("", "duckdb"):
        factor = 1_000_000 // units
        return f"make_timestamp({whole} * {factor})" if factor > 1 else f"make_timestamp({whole})"
    if dialect == "bigquery":
        name = {1: "seconds", 1_000: "millis"}.get(units, "micros")
        return f"datetime(timestamp_{name}({whole}))"
    if dialect == "snowflake":
        return f"to_timestamp_ntz({whole}, {len(str(units)) - 1})"
    if dialect in ("spark", "databricks"):
        name = {1: "seconds", 1_000: "millis"}.get(units, "micros")
        return f"timestamp_{name}({whole})"
    scaled = "{col}" if units == 1 else f"{{col}} / {units}.0"
    return f"(to_timestamp(cast({scaled} as double precision)) at time zone 'UTC')"


def tolerant_template(form: str, dialect: str, *, as_date: bool) -> str:
    """As `parse_template`, and ISO text as before: unit tests' own rows are written in it."""
    kind = "date" if as_date else "timestamp"
    parsed = parse_template(form, dialect, as_date=as_date)
    if form.startswith("%Y-%m-%d"):
        return parsed
    return f"case when {{col}} like '____-%' then cast({{col}} as {kind}) else {parsed} end"


def _written(form: str, tokens: dict[str, str]) -> str:
    return _PIECE.sub(lambda piece: tokens.get(piece[0], piece[0]), form)


_PIECE = re.compile(r"%[A-Za-z]|[TZ]")
