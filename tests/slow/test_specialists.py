"""The orchestrator with its four specialists on a real broken project, through the real SDK."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

import pytest

from agentic.store import Journal, open_store
from tests.support.github import TOKEN, GitHub
from tests.support.hook_server import HookServer
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - {name: lead, extends: agentic.orchestrator, when: [run_error]}
connections:
  host:
    github:
      token: "{{ env_var('GH_TOKEN') }}"
      url: "{{ env_var('GH_URL') }}"
      repository: shop/dbt
"""
RULES = "version: 1\nchange: {allow: [path:models]}\n"
FOUR = ("data_specialist", "code_specialist", "logs_specialist", "metrics_specialist")
RAW, STAGING = "source.tiny.raw.orders", "model.tiny.stg_orders"
ASKED = {
    "data_specialist": [("get_schema", {"node": RAW}), ("lineage_downstream", {"node": RAW})],
    "code_specialist": [
        ("read_file", {"path": "models/staging/stg_orders.sql"}),
        ("recent_changes", {}),
    ],
    "logs_specialist": [("search_logs", {"text": "amount"}), ("get_node", {"node": STAGING})],
    "metrics_specialist": [("query_metrics", {}), ("get_node", {"node": STAGING})],
}
"""Two reading calls of one turn each: they run at the same time."""


def report(call: str, *, sure: float = 0.9) -> dict[str, Any]:
    """An incident report that cites one call."""
    return {
        "what_happened": "stg_orders reads amount, and raw.orders has amount_usd",
        "impacted_assets": [STAGING],
        "severity": "medium",
        "root_cause": {
            "node": RAW,
            "column": "amount",
            "observed": "amount_usd",
            "explanation": "the vendor renamed it",
        },
        "confidence": sure,
        "evidence": [{"text": "seen", "citations": [{"kind": "call", "ref": call}]}],
        "steps_to_fix": ["read amount_usd"],
        "steps_to_prevent": ["test the source's columns"],
    }


class Crew:
    """Plays the orchestrator and its specialists; tells who speaks by the first message."""

    def __init__(self) -> None:
        self.together = threading.Barrier(len(FOUR), timeout=60)

    def __call__(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        turn, first = len(messages) // 2, str(messages[0]["content"])
        if "<incident>" in first:
            return self.lead(turn)
        name = next(one for one in FOUR if f"as {one}" in first)
        if turn == 0:
            self.together.wait()  # all four are at it, or none goes on
            calls = enumerate(ASKED[name])
            return says(*(_use(tool, given, f"{name}_{n}") for n, (tool, given) in calls))
        given = {"decision": "no_change", "title": name, "report": report(f"toolu_{name}_0")}
        return says(_use("submit_report", given, f"{name}_end"))

    def lead(self, turn: int) -> dict[str, Any]:
        if turn == 0:
            tasks = ((one, {"task": f"Look, as {one}.", "nodes": [STAGING]}) for one in FOUR)
            return says(*(_use(name, given, name) for name, given in tasks), input_tokens=2_000)
        if turn == 1:
            given = {"node": STAGING, "old": "amount", "new": "amount_usd", "why": "renamed"}
            return says(_use("rename_column", given, "rename"))
        finding = {
            "cls": "src_column_renamed",
            "root_cause": {"node": RAW, "column": "amount", "observed": "amount_usd"},
            "confidence": 0.9,
            "summary": "raw.orders calls amount amount_usd",
        }
        cites = report("toolu_data_specialist_0")
        end: dict[str, Any] = {
            "decision": "fix",
            "title": "fix(stg_orders): read amount_usd",
            "finding": finding,
            "report": cites,
            "rename_undone": [[RAW, "amount", "amount_usd"]],
        }
        return says(_use("submit_report", end, "end"))


def _use(name: str, given: dict[str, Any], call: str) -> dict[str, Any]:
    return tool_use(name, given) | {"id": f"toolu_{call}"}


def test_four_specialists_gather_and_one_proposal_is_opened(broken: Tiny) -> None:
    github = hosted(broken)
    with ModelServer(Crew()) as server, HookServer(github.answer) as host:
        env = {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": server.url}
        run = broken.run("--apply", env=env | {"GH_TOKEN": TOKEN, "GH_URL": host.url})

    assert server.violations == []
    assert (run["decision"], run["agent"]) == ("fix", "lead"), run["reason"]
    assert (run["status"], run["pull_request"]) == ("success", github.pulls[0]["html_url"])
    assert github.tip(run["branch"]) == broken.git("rev-parse", run["branch"])
    assert "| `data_specialist: get_schema` | allow |" in github.pulls[0]["body"]
    assert run["report"] == report("toolu_data_specialist_0")
    assert {check["result"] for check in run["checks"]} <= {"pass", "warn"}
    # What the four spent is the run's: two turns and three calls each, and the lead's own.
    assert run["usage"]["tool_calls"] == 4 * 3 + 4 + 2
    assert len(server.requests) == 4 * 2 + 3
    assert run["usage"]["output_tokens"] == 20 * len(server.requests)
    assert_apart(server)
    assert_kept(broken, run["run_id"])


def hosted(tiny: Tiny) -> GitHub:
    """The project with its agents, pushed to a host."""
    tiny.write("agents.yml", AGENTS)
    tiny.write("guardrails.yml", RULES)
    tiny.git("add", "-A")
    tiny.git("commit", "-q", "-m", "agents")
    remote = tiny.repo.parent / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    tiny.git("remote", "add", "origin", str(remote))
    tiny.git("push", "-q", "origin", "main")
    return GitHub(remote)


def assert_apart(server: ModelServer) -> None:
    """Five conversations; no specialist sees another's, nor tools that are not its own."""
    assert len(server.talks) == 5
    for body in server.requests:
        first = str(body["messages"][0]["content"])
        tools = {tool["name"] for tool in body["tools"]}
        if "<incident>" in first:
            assert tools >= {*FOUR, "rename_column"}
            continue
        assert not tools & {*FOUR, "rename_column", "edit_file"}
        assert "Binder Error" in first  # the incident came with the hand-over
        others = [one for one in FOUR if f"as {one}" not in first]
        assert not any(f"toolu_{one}" in json.dumps(body["messages"]) for one in others)


def assert_kept(tiny: Tiny, run_id: str) -> None:
    """Each specialist has a journal of its own, in the order the lead asked."""
    store = open_store(tiny.root, project="tiny", clock=lambda: "2026-01-01T00:00:00+00:00")
    steps = Journal(store, run_id).all_steps()
    assert [step.name for step in steps if not step.scope and step.kind == "tool"] == [
        *FOUR,
        "rename_column",
        "submit_report",
    ]
    for name in FOUR:
        (number,) = {step.seq for step in steps if step.name == name and not step.scope}
        inside = [step for step in steps if step.scope == str(number)]
        assert [step.kind for step in inside] == [
            "handover", "turn", "tool", "tool", "turn", "tool", "outcome",
        ]  # fmt: skip


QUICK = "import agentic.runtime.engines.anthropic as engine\nengine.FIRST_PAUSE_S = 0.001\n"


def test_the_rules_take_over_when_the_service_goes(broken: Tiny) -> None:
    """It fails every specialist first, then the orchestrator: `engine: auto` still has a result."""
    broken.write("agents.yml", AGENTS)

    def brain(messages: list[dict[str, Any]]) -> Any:
        if "<incident>" not in str(messages[0]["content"]) or len(messages) > 1:
            return 529
        return says(*(_use(one, {"task": "Look."}, one) for one in FOUR))

    with ModelServer(brain) as server:
        env = {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": server.url}
        done = broken.agentic("diagnose", "--output", "json", env=env, prelude=QUICK)

    run = json.loads(done.stdout)
    assert server.violations == []
    assert run["finding"]["class"] == "src_column_renamed"
    assert run["engine"] == "rules"
    assert "529" in run["reason"]
    assert "the rules took over" in run["reason"]
