"""Moments that were written by another clock: the same rows, whole quarters of an hour off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agentic.history.shapes import ColumnProfile, RelationProfile, Value

QUARTER = timedelta(minutes=15)
"""Offsets of the world's zones are multiples of it."""
FARTHEST = timedelta(hours=26)
"""From UTC-12 to UTC+14."""
_FEWEST = 5
_TIMES = ("timestamp", "text")


def clock_shift(now: RelationProfile, before: RelationProfile, name: str) -> float | None:
    """Hours by which a column's moments moved; None where its values or its rows are others.

    Told from the first and the last moment of as many rows and as many different moments, where
    what names the rows is what it was; where rows were added, from a first moment that is no round
    time. Moments that a load stamps anew move by anything, and that is no zone.
    """
    here, there = now.column(name), before.column(name)
    if here is None or there is None or here.kind not in _TIMES or here.masked:
        return None
    first = _off(here.min, there.min)
    if first is None or not _is_zone(first) or (here.distinct or 0) < _FEWEST:
        return None
    if not _same_rows(now, before):
        return None
    if now.rows == before.rows:
        same = here.distinct == there.distinct and _off(here.max, there.max) == first
    else:
        moment = _moment(here.min)
        same = moment is not None and bool(moment.minute % 15 or moment.second)
    return first.total_seconds() / 3600 if same else None


def _is_zone(off: timedelta) -> bool:
    return bool(off) and abs(off) <= FARTHEST and not off % QUARTER


def _same_rows(now: RelationProfile, before: RelationProfile) -> bool:
    """What names the rows begins where it began, and ends there too if no row came."""
    if now.rows < before.rows:
        return False
    pairs = [(one, before.column(one.name)) for one in now.columns if _names_rows(one)]
    known = [(one, old) for one, old in pairs if old is not None and old.min is not None]
    keys = [(one, old) for one, old in known if (old.distinct or 0) * 2 >= before.rows] or known
    whole = now.rows == before.rows
    return bool(keys) and all(
        one.min == old.min and (one.max == old.max or not whole) for one, old in keys
    )


def _names_rows(column: ColumnProfile) -> bool:
    return column.min is not None and not column.masked and _moment(column.min) is None


def _off(now: Value, before: Value) -> timedelta | None:
    left, right = _moment(now), _moment(before)
    return left - right if left is not None and right is not None else None


def _moment(value: Value) -> datetime | None:
    """A moment with a time of day; a date alone has no zone."""
    if not isinstance(value, str) or len(value) <= 10:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
