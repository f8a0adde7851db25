"""Decisions on single tool calls, over a real manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from guardrails_library import call, situation
from msgspec.structs import replace

from agentic.guardrails import decide, guardrails
from agentic.guardrails.calls import matches
from agentic.records import page

HIDDEN = 'read: {deny: ["source:desk.members", "column:raw.loan_rows.member_id"]}'
READ_MEMBERS = "select count(*) from raw.members"
READ_LOANS = "select loan_id from main.loans"


def verdict(root: Path, name: str, rails: str = "", agent: str = "", **given: object) -> str:
    decision = decide(*call(name, **given), situation(root, rails, agent))
    assert decision.reason.endswith(".") or decision.code.isupper(), decision
    return f"{decision.verdict} {decision.code}"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("get_node", {"node": "loans"}),
        ("get_schema", {"node": "model.library.stg_loans"}),
        ("profile_column", {"node": "stg_loans", "column": "genre"}),
        ("run_sql", {"sql": READ_LOANS}),
        ("run_sql", {"sql": READ_MEMBERS}),
    ],
)
def test_what_nobody_objects_to(tmp_path: Path, name: str, given: dict[str, object]) -> None:
    assert verdict(tmp_path, name, **given).startswith("allow")


def test_a_tool_that_the_agent_does_not_have(tmp_path: Path) -> None:
    given = situation(tmp_path, agent=", tools: [context, report]")
    decision = decide(*call("run_sql", sql=READ_LOANS), given)

    assert (decision.verdict, decision.code) == ("deny", "AG100")
    assert "get_node" in decision.reason


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("get_schema", {"node": "source.library.desk.members"}, "AG121"),
        ("profile_column", {"node": "source.library.desk.members", "column": "x"}, "AG121"),
        ("profile_column", {"node": "source.library.desk.loans", "column": "member_id"}, "AG121"),
        ("profile_column", {"node": "source.library.desk.loans", "column": "MEMBER_ID"}, "AG121"),
        ("run_sql", {"sql": READ_MEMBERS}, "READ_DENIED"),
        ("run_sql", {"sql": 'select 1 from RAW."MEMBERS"'}, "READ_DENIED"),
        ("explain_query", {"sql": READ_MEMBERS}, "READ_DENIED"),
        ("run_sql", {"sql": "select member_id from raw.loan_rows"}, "PII_OUTPUT"),
    ],
)
def test_what_may_not_be_read_is_denied_in_every_tool(
    tmp_path: Path, name: str, given: dict[str, object], code: str
) -> None:
    assert verdict(tmp_path, name, HIDDEN, **given) == f"deny {code}"


@pytest.mark.parametrize("pattern", ["raw.*", "raw.members", "RAW.mem*", "*.members"])
def test_a_relation_pattern_holds_for_tools_too(tmp_path: Path, pattern: str) -> None:
    rails = f'read: {{deny: ["relation:{pattern}"]}}'

    for name in ("get_schema", "profile_column"):
        given = {"node": "source.library.desk.members"}
        assert verdict(tmp_path, name, rails, **given) == "deny AG121"


def test_other_columns_of_a_relation_with_a_denied_one_may_be_read(tmp_path: Path) -> None:
    given = {"node": "source.library.desk.loans", "column": "loan_id"}

    assert verdict(tmp_path, "profile_column", HIDDEN, **given).startswith("allow")


@pytest.mark.parametrize(
    "sql",
    [
        "delete from main.loans",
        "select 1; drop table main.loans",
        "create table main.x as select 1 as a",
        "copy (select 1) to '/tmp/x'",
        "select * from read_text('/etc/passwd')",
        "select * from nowhere.else_",
        "",
    ],
)
def test_statements_that_are_no_read_of_the_project(tmp_path: Path, sql: str) -> None:
    assert verdict(tmp_path, "run_sql", sql=sql).startswith("deny")


def test_a_node_outside_the_scope(tmp_path: Path) -> None:
    agent = ', select: "+loans"'

    assert verdict(tmp_path, "get_node", agent=agent, node="member_activity") == "deny AG120"
    assert verdict(tmp_path, "get_node", agent=agent, node="stg_loans").startswith("allow")


def test_a_name_that_is_no_node_is_the_tools_matter(tmp_path: Path) -> None:
    assert verdict(tmp_path, "get_node", agent=', select: "loans"', node="nobody") == "allow AG000"


def test_an_external_effect_asks(tmp_path: Path) -> None:
    given = situation(tmp_path)
    made, spec = call("get_node", node="loans")

    decision = decide(made, replace(spec, effect="external"), given)

    assert (decision.verdict, decision.code) == ("ask", "AG170")


def test_the_strictest_answer_wins(tmp_path: Path) -> None:
    given = situation(tmp_path, HIDDEN, ", tools: [context, report]")
    made, spec = call("run_sql", sql=READ_MEMBERS)

    decision = decide(made, replace(spec, effect="external"), given)

    assert decision.verdict == "deny"


def test_every_guardrail_has_a_page() -> None:
    for one in guardrails():
        found = page(one.code)
        assert found is not None
        assert found.what, one.code


@pytest.mark.parametrize(
    ("name", "pattern", "answer"),
    [
        ("raw.loan_rows.x", "raw.loan_rows.x", True),
        ("raw.loan_rows.x", "raw.*.x", True),
        ("raw.loan_rows.x", "*.x", True),
        ("raw.loan_rows.x", "db.raw.loan_rows.x", False),
        ("raw.loan_rows.x", "raw.loan_rows.y", False),
        ("raw.loan_rows.x", "RAW.loan_rows.X", True),
        ("raw.loan_rows.x", "raw.loan*.x", True),
    ],
)
def test_patterns_match_last_parts(name: str, pattern: str, answer: bool) -> None:
    assert matches(name, pattern) is answer
