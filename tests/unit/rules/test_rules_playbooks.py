"""A project's own rules: when they speak, what they ask, and that the shipped list is whole."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import OWNER, World, case_of, failed, model, source

from agentic.config.playbooks import standard_order
from agentic.policy.changes.paths import judge_path
from agentic.records import CompiledPlaybook, PlaybookEdit, PlaybookStep
from agentic.rules import Case, rules
from agentic.rules.registry import _RULES


def followed(case: Case, *playbooks: CompiledPlaybook, order: tuple[str, ...] = ()) -> Case:
    return Case(
        case.incident, case.manifest, case.graph, case.dialect, case.project, playbooks, order
    )


def playbook(**more: Any) -> CompiledPlaybook:
    given: dict[str, Any] = {
        "name": "vendor_late",
        "when": "incident.kind == 'run_error' and 'orders' in incident.node",
        "decision": "wait",
        "summary": "The vendor is late with {{ incident.node }}.",
        "cls": "vendor_late",
        "question": "Ask again at noon.",
        "where": "playbooks/mine.yml:3",
        **more,
    }
    return CompiledPlaybook(**given)


NODES = [source("orders"), model("orders", "select 1", ["source.shop.raw.orders"])]
INCIDENT = failed("model.shop.orders", "permission denied for table orders")


def test_a_playbook_speaks_before_the_rules() -> None:
    world = World()

    report = world.run(followed(case_of(NODES, INCIDENT), playbook()))

    assert report["decision"] == "wait"
    finding = report["finding"]
    assert (finding["code"], finding["cls"]) == ("AR002", "vendor_late")
    assert finding["summary"] == "The vendor is late with model.shop.orders."
    assert any(one["where"] == "playbooks/mine.yml:3" for one in finding["evidence"])


def test_a_playbook_that_does_not_apply_leaves_the_rules_alone() -> None:
    report = World().run(
        followed(case_of(NODES, INCIDENT), playbook(when="incident.kind == 'source_stale'"))
    )

    assert report["finding"]["cls"] == "permission_denied"


def test_a_playbook_that_cannot_be_followed_leaves_the_rules_alone() -> None:
    asking = playbook(
        steps=(PlaybookStep("rows", "run_sql", {"sql": "select 1"}),),
        holds="steps.rows.rows[0][0] > 1",
    )

    report = World(refused={"run_sql"}).run(followed(case_of(NODES, INCIDENT), asking))

    assert report["finding"]["cls"] == "permission_denied"


@pytest.mark.parametrize(("rows", "cls"), [(3, "vendor_late"), (0, "permission_denied")])
def test_what_a_step_answers_decides(rows: int, cls: str) -> None:
    asking = playbook(
        steps=(PlaybookStep("late", "run_sql", {"sql": "select '{{ incident.node }}'"}),),
        holds="steps.late.rows[0][0] > 1",
    )
    world = World(answers=[("model.shop.orders", [{"n": rows}])])

    report = world.run(followed(case_of(NODES, INCIDENT), asking))

    assert report["finding"]["cls"] == cls


def test_a_playbook_about_a_finding_changes_what_is_decided() -> None:
    after = playbook(
        name="grants_come_at_night",
        cls="grants_come_at_night",
        when="finding.class == 'permission_denied' and finding.confidence > 0.5",
        after_rules=True,
        owner="dba@example.com",
        summary="{{ finding.summary }} Grants are renewed at night.",
    )

    report = World().run(followed(case_of(NODES, INCIDENT), after))

    assert report["decision"] == "wait"
    assert report["finding"]["cls"] == "permission_denied"
    assert report["finding"]["owner"] == "dba@example.com"
    assert report["finding"]["summary"].endswith("renewed at night.")


def test_a_fix_of_a_playbook_goes_through_edit_file() -> None:
    fixing = playbook(
        decision="fix",
        edits=(PlaybookEdit("models/orders.sql", "select 1", "select 2", "two"),),
    )
    world = World()

    world.run(followed(case_of(NODES, INCIDENT), fixing))

    (call,) = [call for call in world.calls if call.name == "edit_file"]
    assert call.input == {
        "path": "models/orders.sql",
        "edits": [{"old": "select 1", "new": "select 2"}],
        "why": "two",
    }


def test_a_refused_fix_of_a_playbook_is_an_escalation() -> None:
    fixing = playbook(
        decision="fix",
        edits=(PlaybookEdit("profiles.yml", "a", "b"),),
    )

    report = World(refused={"edit_file"}).run(followed(case_of(NODES, INCIDENT), fixing))

    assert report["decision"] == "escalate"


def test_the_owner_stays_where_a_playbook_names_none() -> None:
    about = playbook(node="source.shop.raw.orders")

    report = World().run(followed(case_of(NODES, INCIDENT), about))

    assert report["finding"]["owner"] == OWNER


def test_the_shipped_playbook_lists_every_rule_once() -> None:
    names = sorted(one.function.__name__ for one in _RULES.values())

    assert sorted(standard_order()) == names


def test_a_project_s_own_order_comes_first() -> None:
    last = standard_order()[-1]

    order = [one.function.__name__ for one in rules([last, "no_such_rule"])]

    assert order[0] == last
    assert order[1:] == [name for name in standard_order() if name != last]


@pytest.mark.parametrize("path", ["playbooks/mine.yml", "Playbooks/mine.yml"])
def test_playbooks_are_never_an_agent_s_to_edit(path: str) -> None:
    found = judge_path(path, "version: 1\n")

    assert found is not None
    assert (found.verdict, found.code) == ("deny", "GUARDRAIL_SELF_EDIT")


def test_a_model_folder_of_that_name_is_no_playbook() -> None:
    assert judge_path("models/playbooks/mart.sql", "select 1") is None
