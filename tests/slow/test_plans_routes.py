"""Routes, retries, limits, reviews and kills of a plan; its steps change nothing: no dbt builds."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import ConfigError
from agentic.store import Journal
from tests.support.plans import Desktop, call, report, steps, turn
from tests.support.terminal import answer
from tests.support.tiny import Tiny, make_tiny
from tests.support.warm_dbt import WarmDbt

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - {name: looker, extends: agentic.triage, tools: [context, report]}
  - {name: writer, extends: agentic.triage}
plans:
  - name: work
    limits: {tool_calls: 12}
    steps:
"""
SEEN = report("Looked.", "no_change")
NODE = "{id: %s, tool: get_node, input: {node: %s}, %s}"


@pytest.fixture(scope="module")
def dbt() -> Iterator[WarmDbt]:
    served = WarmDbt()
    yield served
    served.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    rails = "version: 1\napprove: {by: [local]}\n"
    return make_tiny(tmp_path_factory.mktemp("plans"), files={"guardrails.yml": rails})


@pytest.fixture
def desktop(tiny: Tiny, tmp_path: Path) -> Desktop:
    return Desktop(tiny.root, tiny.profiles, tmp_path / "script.json")


def plan(tiny: Tiny, *lines: str) -> None:
    tiny.write("agents.yml", AGENTS + "".join(f"      - {line}\n" for line in lines))


def test_a_failure_is_tried_again_and_then_takes_its_route(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(
        tiny,
        NODE % ("first", "nowhere", "retries: 1, on_success: never, on_failure: look"),
        NODE % ("never", "daily", ""),
        "{id: look, agent: looker, task: Say why.}",
    )
    desktop.plays(monkeypatch, {"Step `look`": [SEEN]}, dbt=dbt.executable)

    result = desktop.run("work")

    assert steps(result) == [("first", "failed"), ("first", "failed"), ("look", "done")]
    assert (result.status, result.decision) == ("no_op", "no_change")
    assert result.branch is None
    assert "nowhere" in result.extra["steps"][0]["reason"]


def test_a_loop_ends_at_its_bound_and_limits_are_of_the_whole_plan(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(
        tiny,
        "{id: look, agent: looker, retries: 2, on_success: check}",
        NODE % ("check", "nowhere", "on_failure: look"),
    )
    desktop.plays(monkeypatch, {"Step `look`": [SEEN]}, dbt=dbt.executable)

    looped = desktop.run("work", "go round")
    seen = [name for name, _ in steps(looped)]
    plan(tiny, "{id: look, agent: looker, retries: 9, on_success: check}",
         NODE % ("check", "nowhere", "on_failure: look"))  # fmt: skip
    desktop.opened = None
    spent = desktop.run("work", "go round")

    assert seen == ["look", "check"] * 3
    assert looped.status == "escalated"
    assert "started 3 times" in looped.reason
    assert spent.status == "escalated"
    assert "tool_calls" in spent.reason
    assert spent.usage.tool_calls == 12


def test_a_no_leads_back_with_its_reason_and_a_yes_goes_on(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(
        tiny,
        "{id: look, agent: looker, review: true, retries: 1, on_success: end, on_review: look}",
        NODE % ("end", "daily", ""),
    )
    more = report("Looked.", "no_change", rationale="The mart is fine too.")
    turns = {"since: local:": [turn(call("get_node", node="daily")), more], "Step `look`": [SEEN]}
    desktop.plays(monkeypatch, turns, dbt=dbt.executable)

    first = desktop.run("work", "look twice")
    again = desktop.run("work", "look twice")
    desktop.reject(first, "read the mart too")
    second = desktop.run("work", "look twice")
    code, shown = answer(tiny, str(second.extra["approval"]))
    third = desktop.run("work", "look twice")

    assert (first.status, steps(first)) == ("awaiting_approval", [("look", "waits")])
    assert again.run_id == first.run_id == third.run_id
    assert again.extra["approval"] == first.extra["approval"]
    assert second.extra["steps"][0]["review"]["reason"] == "read the mart too"
    assert second.extra["steps"][1]["run_id"] != first.extra["steps"][0]["run_id"]
    assert code == 0, shown
    assert "Plan        work, step look" in shown
    assert steps(third) == [("look", "done"), ("look", "done"), ("end", "done")]
    assert third.decision == "no_change"


def test_a_plan_that_changed_is_begun_anew_and_asks_anew(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = "{id: look, agent: looker, review: true, %s}"
    plan(tiny, step % "retries: 1")
    desktop.plays(monkeypatch, {"Step `look`": [SEEN]}, dbt=dbt.executable)

    first = desktop.run("work", "change")
    plan(tiny, step % "retries: 2")
    desktop.opened = None
    second = desktop.run("work", "change")

    asks = [desktop.desk().approvals.find(str(one.extra["approval"])) for one in (first, second)]
    assert first.run_id != second.run_id
    assert [ask.state for ask in asks] == ["void", "pending"]


def test_a_killed_plan_goes_on_at_the_step_it_was_at(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(
        tiny,
        "{id: one, agent: looker, on_success: two}",
        "{id: two, agent: looker, on_success: three}",
        NODE % ("three", "daily", ""),
    )
    desktop.plays(monkeypatch, {"looker": [SEEN]}, dbt=dbt.executable)
    prelude = """
import os, signal
from agentic.runtime import plans
whole = plans.do_step
def do_step(session, start):
    done = whole(session, start)
    if start.step.id == "two": os.kill(os.getpid(), signal.SIGKILL)
    return done
plans.do_step = do_step
"""
    env = {
        "AGENTIC_ENGINE": "scripted",
        "AGENTIC_SCRIPT": str(desktop.script),
        "AGENTIC_DBT": str(dbt.executable),
    }

    asked = ("run", "work", "--request", "be killed", "--output", "json")
    killed = tiny.agentic(*asked, env=env, prelude=prelude)
    done = tiny.agentic(*asked, env=env)

    assert killed.returncode == -signal.SIGKILL
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert [(one["step"], one["status"]) for one in run["steps"]] == [
        ("one", "done"), ("two", "done"), ("three", "done"),
    ]  # fmt: skip
    assert (run["plan"], run["decision"], run["branch"]) == ("work", "no_change", None)
    store = desktop.session().store
    result = store.result(run["run_id"])
    assert result is not None
    mine = [row for row in store.history(20) if row["started_at"] >= result.started_at]
    # The plan's own run and one a step: none was begun a second time.
    assert len(mine) == 4
    names = [step.name for step in Journal(store, result.run_id).steps()]
    assert names == ["work", "one", "two", "three"]


def written(*step: dict[str, Any]) -> dict[str, Any]:
    return {"name": "mend", "description": "mend it in two steps", "steps": list(step)}


def test_a_plan_that_an_engine_writes_is_checked_kept_and_acts_once_after_a_yes(
    tiny: Tiny, desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(tiny, NODE % ("look", "daily", ""))
    desktop.opened = None
    blind = written(
        {"id": "a", "agent": "writer", "task": "Write.", "on_success": "b"},
        {"id": "b", "agent": "writter", "task": "Write more."},
    )
    good = written(
        {"id": "a", "agent": "looker", "task": "Look.", "on_success": "b"},
        {"id": "b", "tool": "get_node", "input": {"node": "daily"}},
    )
    turns = {
        "Step `a`": [SEEN],
        "Plan it.": [
            turn(call("create_remediation_plan", **blind)),
            turn(call("create_remediation_plan", **good)),
            report("There is a plan.", "escalate", next_step="run the plan"),
        ],
    }
    desktop.plays(monkeypatch, turns, dbt=dbt.executable)
    env = {
        "AGENTIC_ENGINE": "scripted",
        "AGENTIC_SCRIPT": str(desktop.script),
        "AGENTIC_DBT": str(dbt.executable),
    }

    done = tiny.agentic("run", "looker", "--request", "Plan it.", "--output", "json", env=env)
    run = json.loads(done.stdout)
    asked = desktop.run_written(run["run_id"])
    desktop.approve(asked)
    result = desktop.run_written(run["run_id"])
    once_more = desktop.run_written(run["run_id"])

    assert run["written_plan"]["steps"][0]["id"] == "a"
    first = next(
        step.output
        for step in Journal(desktop.session().store, run["run_id"]).steps()
        if step.name == "create_remediation_plan"
    )
    assert "AC203 there is no agent 'writter'" in first["content"]["error"]
    assert (asked.status, steps(asked)) == ("awaiting_approval", [])
    assert steps(result) == [("a", "done"), ("b", "done")]
    assert once_more.status == "awaiting_approval"
    assert once_more.run_id != result.run_id


def test_a_file_with_a_faulty_plan_is_refused_with_positions(
    desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desktop.plays(monkeypatch, {}, dbt=dbt.executable)
    file = tmp_path / "plan.yml"
    file.write_text("name: mend\nsteps:\n  - {id: a, agent: lookr}\n")

    with pytest.raises(ConfigError) as caught:
        desktop.run_written(str(file))

    assert [str(issue).split("plan.yml:")[1][:9] for issue in caught.value.issues] == ["3:20 AC20"]
