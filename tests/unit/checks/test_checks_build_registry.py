"""The order of checks, and what a failed static check spares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentic.checks import Subject, check, registry, run_checks
from agentic.exceptions import WorkspaceError
from agentic.records import CheckResult, Outcome, Proposal


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(registry, "_CHECKS", {})
    yield []


def subject() -> Subject:
    nothing: Any = None
    return Subject(
        proposal=Proposal(title="t", edits=()),
        project=nothing,
        manifest=nothing,
        graph=nothing,
        dialect="duckdb",
    )


def planted(
    code: str, result: Outcome, ran: list[str], order: int = 0, builds: bool = False
) -> None:
    @check(code, f"check {code}", order, builds=builds)
    def run(_: Subject) -> CheckResult:
        ran.append(code)
        return CheckResult(code=code, name=code, result=result, detail="")


def test_static_checks_run_first_whatever_their_order(checks: list[str]) -> None:
    planted("AP010", "pass", checks, order=1, builds=True)
    planted("AP002", "pass", checks, order=9)
    planted("AP001", "pass", checks, order=10)

    report = run_checks(subject())

    assert checks == ["AP002", "AP001", "AP010"]
    assert report.ready


def test_a_failed_static_check_spares_the_builds(checks: list[str]) -> None:
    planted("AP001", "fail", checks)
    planted("AP002", "pass", checks)
    planted("AP010", "pass", checks, builds=True)
    told: list[str] = []

    report = run_checks(subject(), on_result=lambda one: told.append(one.code))

    assert checks == ["AP001", "AP002"]
    assert told == ["AP001", "AP002", "AP010"]
    assert report.results[2].result == "not_compared"
    assert "AP001 failed" in report.results[2].detail
    assert report.failed


def test_a_failed_build_does_not_hide_the_checks_after_it(checks: list[str]) -> None:
    planted("AP010", "fail", checks, order=1, builds=True)
    planted("AP012", "pass", checks, order=2, builds=True)

    run_checks(subject())

    assert checks == ["AP010", "AP012"]


def test_an_error_is_never_a_pass(checks: list[str]) -> None:
    @check("AP010", "build", builds=True)
    def run(_: Subject) -> CheckResult:
        raise WorkspaceError("no room", hint="Make room.")

    report = run_checks(subject())

    assert report.results[0].result == "not_compared"
    assert report.results[0].detail == "no room (Make room.)"
    assert not report.ready


def test_a_code_is_registered_once(checks: list[str]) -> None:
    planted("AP001", "pass", checks)

    with pytest.raises(ValueError, match="AP001"):
        planted("AP001", "pass", checks)
