"""The policy's world is the manifest less what the guardrails take away."""

from __future__ import annotations

from pathlib import Path

import pytest
from guardrails_library import MANIFEST, TARGET, compiled, situation

from agentic.guardrails import world_of
from agentic.policy import World, judge_sql


def world(root: Path, rails: str = "") -> World:
    return world_of(MANIFEST, compiled(root, rails).guardrails, TARGET)


def test_every_relation_of_the_project_and_no_test(tmp_path: Path) -> None:
    found = world(tmp_path)

    assert set(found.relations) == {
        "main.genres",
        "main.loans",
        "main.member_activity",
        "main.recent_loans",
        "main.stg_loans",
        "main.stg_members",
        "history.members_history",
        "raw.loan_rows",
        "raw.members",
    }
    assert (found.default_schema, found.build_schemas) == ("main", ("agentic_*",))


@pytest.mark.parametrize(
    ("rails", "sql", "verdict"),
    [
        ("", "select member_id from raw.members", "allow"),
        ("", "select * from raw.members", "deny"),  # email is tagged pii
        ("read: {mask: ['tag:pii']}", "select * from raw.members", "allow"),
        ("read: {deny: ['source:desk']}", "select * from raw.members", "deny"),
        ("read: {deny: ['source:desk']}", "select member_id from main.stg_members", "allow"),
        ("read: {deny: ['relation:raw.*']}", "select 1 from raw.loan_rows", "deny"),
        (
            "read: {deny: ['relation:*.members_history']}",
            "select 1 from history.members_history",
            "deny",
        ),
        ("read: {deny: ['column:raw.members.name']}", "select * from raw.members", "deny"),
        ("read: {deny: ['column:raw.members.name']}", "select count(*) from raw.members", "allow"),
        ("read: {deny: ['tag:mart']}", "select 1 from main.member_activity", "deny"),
        ("read: {mask: ['source:desk.members']}", "select * from raw.members", "allow"),
    ],
)
def test_a_rule_reaches_the_verdict(tmp_path: Path, rails: str, sql: str, verdict: str) -> None:
    found = judge_sql(sql, dialect="duckdb", role="reader", world=world(tmp_path, rails))

    assert found.verdict == verdict, found


def test_an_unqualified_name_means_the_targets_schema(tmp_path: Path) -> None:
    given = world(tmp_path)

    assert (
        judge_sql("select 1 from loans", dialect="duckdb", role="reader", world=given).verdict
        == "allow"
    )
    assert (
        judge_sql("select 1 from loan_rows", dialect="duckdb", role="reader", world=given).verdict
        == "deny"
    )


def test_a_name_that_two_nodes_have_means_neither(tmp_path: Path) -> None:
    given = situation(tmp_path)

    assert given.node_named("stg_loans") == "model.library.stg_loans"
    assert given.node_named("loans") is None  # a model and a source
    assert given.node_named("nobody") is None
