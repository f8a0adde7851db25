"""A run on a terminal: what it shows, and what a terminal is never made to do."""

from __future__ import annotations

import click
import pytest
from msgspec.structs import replace

from agentic.cli.output import plain
from agentic.cli.report import run_text, summary_line
from agentic.records import (
    CheckReport,
    CheckResult,
    Edit,
    Evidence,
    Finding,
    Incident,
    Proposal,
    RootCause,
    RunResult,
)

FINDING = Finding(
    code="AR012",
    cls="src_column_renamed",
    root_cause=RootCause("source.shop.raw.orders", "amount", "amount_usd"),
    confidence=0.9,
    summary="The vendor renamed a column.",
    evidence=(Evidence("Rows", "raw.orders", ({"id": 1, "note": "x"},)),),
    lineage=("source.shop.raw.orders", "model.shop.stg_orders"),
    owner="shop-data",
    next_step="Ask shop-data.",
)
RUN = RunResult(
    run_id="20260101-1",
    agent="triage",
    engine="rules",
    incident=Incident("i", "run_error", "model.shop.stg_orders", "Binder Error", "f0"),
    status="success",
    decision="fix",
    finding=FINDING,
    proposal=Proposal("fix(stg_orders): read amount_usd", (Edit("m.sql", "a\n", "b\n"),)),
    report=CheckReport((CheckResult("AP010", "dbt build", "pass", "2 nodes"),)),
)


def shown(run: RunResult, *, applied: bool = False) -> str:
    """Without our own colours."""
    return click.unstyle(run_text(run, applied=applied))


def test_a_proven_fix_says_what_to_type_next() -> None:
    text = shown(RUN)

    parts = ["run error in stg_orders", "raw.orders.amount  src_column_renamed AR012", "  +b"]
    parts += ["AP010  dbt build  pass", "agentic run --apply", "agentic show 20260101-1"]
    assert [part for part in parts if part not in text] == []


def test_an_opened_branch_is_named_with_its_state() -> None:
    run = replace(RUN, branch="agentic/x-1", draft=True, pull_request="/tmp/pr_body.md")
    text = shown(run, applied=True)

    assert "review the branch agentic/x-1 (draft)" in text
    assert "pull request: /tmp/pr_body.md" in text
    assert "run --apply" not in text


def test_an_escalation_names_owner_and_next_step() -> None:
    run = replace(RUN, status="escalated", decision="escalate", proposal=None, report=None)
    text = shown(run, applied=True)

    assert "owner: shop-data" in text
    assert "Next        Ask shop-data." in text
    assert "Change" not in text


@pytest.mark.parametrize("attack", ["\x1b]0;title\x07", "\x1b[2J", "a\rb", "\u202egnp", "\x9b31m"])
def test_nothing_from_outside_steers_the_terminal(attack: str) -> None:
    run = replace(
        RUN,
        incident=replace(RUN.incident, message=attack),
        finding=replace(
            FINDING,
            summary=attack,
            evidence=(Evidence(attack, attack, ({attack: attack},)),),
            owner=attack,
        ),
        proposal=Proposal(attack, (Edit("m.sql", "a\n", f"{attack}\n"),)),
        report=CheckReport((CheckResult("AP010", "dbt build", "pass", attack),)),
        reason=attack,
        extra={"asks": [attack]},
    )
    text = shown(run, applied=True)

    steering = {mark for mark in text if not mark.isprintable()}
    assert steering <= {"\n", "\t"}


def test_lines_and_tabs_stay() -> None:
    assert plain("a\r\n\tb") == "a\n\tb"


def test_the_last_line_counts_decisions() -> None:
    assert summary_line([RUN, RUN, replace(RUN, decision="escalate")]) == (
        "Done. RUNS=3 ESCALATE=1 FIX=2"
    )
