"""What raw relations above a red test held after the last green build, and hold now."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agentic.history.statistics import scale_of
from agentic.rules.case import Case, Steps
from agentic.rules.past import against_last_good
from agentic.rules.trail import failed_data_tests

ASKED = 6
"""Raw relations that are compared."""
_UNKNOWN = 2
"""Relations without a memory after which no more are asked."""
FEWEST_ROWS = 20
LOST = 0.5
_EXACT = 0.12
"""How far a ratio may lie from a unit's: rows came and went since the last good build."""
_NO_MEASURE = re.compile(r"(?i)(^|_)(id|key|ref|code|no|number|year|month|day|zip|version)$")
_OF_ROWS = ("unique", "unique_combination_of_columns", "accepted_values")
"""Tests that missing rows and other units leave green."""


class RawMove(msgspec.Struct, frozen=True):
    """A raw relation that is not what it was when the build was green."""

    node: str
    rows_before: int
    rows: int
    changed: tuple[dict[str, Any], ...] = ()

    @property
    def lost(self) -> bool:
        """Most of its rows are gone."""
        return self.rows_before >= FEWEST_ROWS and self.rows < LOST * self.rows_before

    @property
    def rescaled(self) -> tuple[str, float, float, str] | None:
        """(column, mean before, mean now, units) of the first measure that is another unit's.

        None where it holds other rows than it did: half, or twice as many, have another mean.
        """
        if not self.rows_before / 2 <= self.rows <= self.rows_before * 2:
            return None
        for one in self.changed:
            column, means = str(one.get("column") or ""), one.get("mean")
            if not isinstance(means, list) or len(means) != 2 or _NO_MEASURE.search(column):
                continue
            before, now = (float(value or 0) for value in means)
            scale = scale_of(now / before, tolerance=_EXACT) if before and now else None
            if scale is not None and not 0.15 < scale.factor < 9:
                return column, before, now, scale.name
        return None


def raw_moves(case: Case) -> Steps[tuple[RawMove, ...]]:
    """Raw relations above the failed tests that may turn red by it, compared once a case."""
    known: list[RawMove] = case.once(("raw", "moves"), list)
    asked: list[str] = case.once(("raw", "moves", "asked"), list)
    tests = [one for one in failed_data_tests(case) if one.kind not in _OF_ROWS]
    if asked or not tests:
        return tuple(known)
    unknown = 0
    for uid in case.above("source", "seed")[:ASKED]:
        asked.append(uid)
        found = yield from against_last_good(uid)
        if found is not None:
            known.append(RawMove(uid, found.rows_before, found.rows, found.changed))
        elif (unknown := unknown + 1) >= _UNKNOWN and not known:
            break
    return tuple(known)
