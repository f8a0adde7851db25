"""The incident's clock stops a run that is under way, and no other."""

from __future__ import annotations

import pytest

from agentic.records import Limits
from agentic.runtime.budget import Budget, deadline_of

SEEN = "2026-01-01T00:00:00.000000+00:00"
DUE = deadline_of(SEEN, 1800)


def budget(started: str, now: str, deadline: str = DUE) -> Budget:
    return Budget(Limits(duration_s=10**6), started, lambda: now, deadline=deadline)


def at(minute: int) -> str:
    return f"2026-01-01T00:{minute:02d}:00.000000+00:00"


@pytest.mark.parametrize(
    ("started", "now", "stops", "late"),
    [
        (0, 29, False, False),
        (0, 30, True, False),
        (29, 31, True, False),
        (30, 30, False, True),
        (31, 59, False, True),
    ],
)
def test_only_a_run_that_was_under_way_is_stopped(
    started: int, now: int, stops: bool, late: bool
) -> None:
    one = budget(at(started), at(now))

    assert (one.overdue() is not None, one.started_late) == (stops, late)
    assert (one.exceeded() is not None) is stops


def test_the_denial_says_since_when() -> None:
    denial = budget(at(0), at(45)).exceeded()

    assert denial is not None
    assert (denial.code, denial.rule) == ("AG113", "escalate.after")
    assert "2026-01-01T00:30:00" in denial.reason


def test_an_incident_that_nobody_dated_has_no_deadline() -> None:
    assert deadline_of("", 1800) == ""
    assert budget(at(0), at(59), deadline="").overdue() is None
