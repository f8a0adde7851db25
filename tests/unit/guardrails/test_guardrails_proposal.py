"""Decisions on whole proposals, over a real project: rules, scope, protection, blast radius."""

from __future__ import annotations

from pathlib import Path

import pytest
from guardrails_library import LIBRARY, situation

from agentic.guardrails import ProposalVerdict, judge_proposal
from agentic.guardrails.proposal import changed_nodes
from agentic.records import Edit

STG = "models/staging/stg_loans.sql"
MEMBERS = "models/staging/stg_members.sql"
MART = "models/marts/member_activity.sql"
ALLOW = "change: {allow: ['path:models/staging']}"


def edit(path: str, after: str | None = None) -> Edit:
    before = (LIBRARY / path).read_text() if (LIBRARY / path).exists() else None
    return Edit(path, before, f"{before}-- a remark\n" if after is None else after)


def judge(root: Path, *edits: Edit, rails: str = ALLOW, agent: str = "") -> ProposalVerdict:
    return judge_proposal(edits, situation(root, rails, agent))


def test_an_allowed_folder(tmp_path: Path) -> None:
    found = judge(tmp_path, edit(STG))

    assert (found.decision.verdict, found.asks) == ("allow", ())


def test_what_no_rule_names_asks(tmp_path: Path) -> None:
    found = judge(tmp_path, edit(STG), rails="")

    assert found.decision.verdict == "ask"
    assert len(found.asks) == 1
    assert found.asks[0].reason.startswith(f"{STG}: ")


@pytest.mark.parametrize(
    "rails",
    [
        "change: {allow: ['path:models'], deny: ['stg_loans']}",
        "change: {deny: ['stg_loans'], allow: ['path:models']}",
        "change: {allow: ['path:models'], ask: ['stg_loans'], deny: ['path:models/staging']}",
    ],
)
def test_the_strictest_rule_wins_in_any_order(tmp_path: Path, rails: str) -> None:
    assert judge(tmp_path, edit(STG), rails=rails).decision.verdict == "deny"


def test_one_file_that_asks_makes_the_proposal_ask(tmp_path: Path) -> None:
    found = judge(tmp_path, edit(STG), edit(MART))

    assert found.decision.verdict == "ask"
    assert [one.reason.split(":")[0] for one in found.asks] == [MART]


@pytest.mark.parametrize(
    "path",
    ["guardrails.yml", "agents.yml", "profiles.yml", "../outside.sql", ".github/workflows/ci.yml"],
)
def test_files_that_are_never_an_agents(tmp_path: Path, path: str) -> None:
    rails = "change: {allow: ['path:.', 'path:*', 'path:**']}"

    assert judge(tmp_path, edit(path, "x: 1\n"), rails=rails).decision.verdict == "deny"


def test_a_node_that_protects_itself(tmp_path: Path) -> None:
    found = judge(
        tmp_path, edit("models/marts/loans.sql"), rails="change: {allow: ['path:models']}"
    )

    assert found.decision.verdict == "deny"
    assert "loans" in found.decision.reason


def test_a_node_outside_the_agents_scope(tmp_path: Path) -> None:
    found = judge(tmp_path, edit(STG), agent=", select: 'stg_members'")

    assert (found.decision.verdict, found.decision.code) == ("deny", "AG120")


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ("nodes_changed: 1", "deny"),
        ("nodes_changed: 2", "allow"),
        ("nodes_changed: 2, nodes_downstream: 0", "deny"),
        ("nodes_changed: 2, nodes_downstream: 50", "allow"),
    ],
)
def test_the_blast_radius(tmp_path: Path, limits: str, verdict: str) -> None:
    rails = f"{ALLOW}\nlimits: {{{limits}}}"

    found = judge(tmp_path, edit(STG), edit(MEMBERS), rails=rails)

    assert found.decision.verdict == verdict
    if verdict == "deny":
        assert found.decision.code == "AG150"


def test_an_edit_that_changes_nothing_is_no_change(tmp_path: Path) -> None:
    text = (LIBRARY / MART).read_text()

    assert judge(tmp_path, Edit(MART, text, text)).decision.verdict == "allow"


def test_changed_nodes_are_those_whose_file_it_is(tmp_path: Path) -> None:
    given = situation(tmp_path)

    assert changed_nodes([edit(STG), edit(MART)], given) == (
        "model.library.member_activity",
        "model.library.stg_loans",
    )
    assert "source.library.desk.loans" in changed_nodes([edit("models/staging/staging.yml")], given)
