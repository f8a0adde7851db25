"""Whether an answer was the right one for what was injected."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.evals.injection import Injected
from agentic.evals.outcome import best_match, judge_run

RENAMED = Injected(
    cls="src_column_renamed",
    layer="raw",
    node="source.clinic.ward.visits",
    column="arrived",
    observed="arrival",
    expected_decision="fix",
    detail="",
)
DOUBLED = Injected(
    cls="duplicate_rows",
    layer="raw",
    node="source.clinic.ward.visits",
    column="visit_id",
    expected_decision="escalate",
    detail="",
)


def run_of(injected: Injected, **changes: Any) -> dict[str, Any]:
    fix = injected.expected_decision == "fix"
    run: dict[str, Any] = {
        "status": "success" if fix else "escalated",
        "decision": injected.expected_decision,
        "finding": {
            "class": injected.cls,
            "root_cause": {"node": injected.node, "column": injected.column},
            "owner": "ward@example.com",
            "evidence": [{"text": "twice", "rows": [{"visit_id": 1}]}],
        },
        "checks": [{"code": "AP010", "result": "pass"}] if fix else [],
        "branch": "agentic/visits-1" if fix else None,
        "pull_request": "pr_body.md" if fix else None,
    }
    return {**run, **changes}


def wrong(injected: Injected, run: dict[str, Any]) -> list[str]:
    return [claim.text for claim in judge_run(injected, run) if not claim.holds]


@pytest.mark.parametrize("injected", [RENAMED, DOUBLED], ids=["fix", "escalate"])
def test_the_right_answer_holds_in_full(injected: Injected) -> None:
    assert wrong(injected, run_of(injected)) == []


@pytest.mark.parametrize(
    ("injected", "changes", "expected"),
    [
        (RENAMED, {"branch": None}, ["there is a branch"]),
        (RENAMED, {"checks": []}, ["checks ran and none failed"]),
        (
            RENAMED,
            {"checks": [{"code": "AP020", "result": "fail"}]},
            ["checks ran and none failed"],
        ),
        (RENAMED, {"decision": "escalate"}, ["the decision is fix"]),
        (RENAMED, {"status": "error"}, ["a change was proposed"]),
        (DOUBLED, {"branch": "agentic/visits-1"}, ["there is no branch"]),
        (DOUBLED, {"decision": "fix"}, ["the decision is escalate"]),
    ],
    ids=["no-branch", "no-checks", "failed-check", "gave-up", "error", "branched", "repaired"],
)
def test_a_wrong_part_is_named(
    injected: Injected, changes: dict[str, Any], expected: list[str]
) -> None:
    assert wrong(injected, run_of(injected, **changes)) == expected


def test_an_escalation_needs_owner_and_samples() -> None:
    run = run_of(DOUBLED)
    run["finding"] |= {"owner": "", "evidence": [{"text": "twice", "rows": []}]}

    assert wrong(DOUBLED, run) == ["the owner is named", "sample rows are shown"]


def test_a_missing_table_has_no_samples_to_show() -> None:
    gone = Injected(
        cls="source_table_missing",
        layer="raw",
        node="source.clinic.ward.visits",
        expected_decision="escalate",
        detail="",
    )
    run = run_of(gone)
    run["finding"]["evidence"] = []

    assert wrong(gone, run) == []


def test_a_draft_is_a_proposed_change_too() -> None:
    assert wrong(RENAMED, run_of(RENAMED, status="awaiting_approval")) == []


def test_the_column_is_compared_without_case() -> None:
    run = run_of(RENAMED)
    run["finding"]["root_cause"]["column"] = "ARRIVED"

    assert wrong(RENAMED, run) == []


def test_the_run_about_the_fault_is_judged_not_the_first_one() -> None:
    other = run_of(RENAMED, finding={"class": "stale_source", "root_cause": {"node": "x"}})
    right = run_of(RENAMED)

    assert best_match(RENAMED, [other, right]) is right
    assert best_match(RENAMED, []) is None
