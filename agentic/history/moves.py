"""Which figures of a relation differ between two profiles; pure, and exact but for rounding."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

import msgspec

from agentic.history.shapes import ColumnProfile, RelationProfile, Value

_SAME = 1e-6
"""Relative difference up to which two sums are one: floats are added in any order."""


class Move(msgspec.Struct, frozen=True):
    """One figure before and now."""

    column: str
    """Empty for the number of rows."""
    figure: str
    before: Value
    now: Value

    @property
    def text(self) -> str:
        """`amount: sum 120 → 80`."""
        place = f"{self.column}: {self.figure}" if self.column else self.figure
        return f"{place} {_short(self.before)} → {_short(self.now)}"


def moves(
    before: RelationProfile, now: RelationProfile, *, clocks: bool = True
) -> tuple[Move, ...]:
    """What differs, rows first; columns that only one of the two has, or that changed their kind,
    are no move. Of a relation that was sampled only the rows count.

    `clocks=False` leaves dates and times out: those of code that asks for the present.
    """
    found = [Move("", "rows", before.rows, now.rows)] if before.rows != now.rows else []
    if any(one.looked_at != one.rows for one in (before, now)):
        return tuple(found)
    new = now.by_name
    for name, old in before.by_name.items():
        one = new.get(name)
        if one is None or one.kind != old.kind or one.masked != old.masked:
            continue
        if clocks or old.kind not in ("date", "timestamp"):
            found += _column(old, one)
    return tuple(found)


def _column(old: ColumnProfile, new: ColumnProfile) -> Iterator[Move]:
    for figure in ("nulls", "distinct", "sum", "min", "max"):
        was, now = getattr(old, figure), getattr(new, figure)
        if was is not None and now is not None and not _equal(was, now):
            yield Move(old.name, figure, was, now)
            return
    shares = {one.value: one.rows for one in old.top}
    others = {one.value: one.rows for one in new.top}
    moved = sorted(
        value for value in {**shares, **others} if shares.get(value) != others.get(value)
    )
    if shares and others and moved:
        yield Move(
            old.name, f"rows of {moved[0]}", shares.get(moved[0], 0), others.get(moved[0], 0)
        )


def _equal(was: Value, now: Value) -> bool:
    if isinstance(was, int | float) and isinstance(now, int | float):
        return isclose(was, now, rel_tol=_SAME, abs_tol=1e-9)
    return was == now


def _short(value: Value) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
