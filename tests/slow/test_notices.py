"""Escalations tell people, and an engine's own message waits for a person: on a real project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentic.store import AuditTrail, anchor_of, open_store, utc_now
from tests.support.hook_server import HookServer, Reply
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.terminal import answer
from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - name: triage
    extends: agentic.triage
    when: [run_error]
    tools: [context, report, notify]
connections:
  hook: {webhook: "{{ env_var('HOOK_URL') }}"}
"""
RAILS = """\
version: 1
change: {deny: ["path:models"]}
escalate: {to: [hook]}
approve: {by: [local]}
"""


@pytest.fixture
def tiny(broken: Tiny) -> Tiny:
    broken.write("agents.yml", AGENTS)
    broken.write("guardrails.yml", RAILS)
    return broken


def actions(tiny: Tiny) -> list[str]:
    trail = AuditTrail(open_store(tiny.root, project="tiny", clock=utc_now), anchor_of(tiny.root))
    assert trail.verify() is None
    return [row["action"] for row in trail.records()]


DIE = """
import os
from agentic.store import AuditTrail
append = AuditTrail.append
def die(self, **given):
    if given["action"] == "notice.sent":
        os._exit(9)
    return append(self, **given)
AuditTrail.append = die
"""


def test_an_escalation_tells_people_once_even_over_a_kill(tiny: Tiny) -> None:
    with HookServer() as server:
        env = {"HOOK_URL": f"{server.url}/secret-path-1"}
        shown = tiny.run(env=env)
        assert (shown["status"], server.seen) == ("escalated", [])

        killed = tiny.agentic("run", "--apply", env=env, prelude=DIE)
        assert killed.returncode == 9
        resumed = tiny.run("--apply", env=env)
        again = tiny.run("--apply", env=env)

    assert (resumed["status"], again["status"]) == ("escalated", "escalated")
    assert len({seen.headers["Idempotency-Key"] for seen in server.seen}) == 1
    assert len(server.seen) == 2  # the one that was cut off, and the same again
    body = server.seen[0].body
    assert body["facts"]["node"] == "model.tiny.stg_orders"
    assert body["facts"]["run_id"] == resumed["run_id"]
    assert any("src_column_renamed" in line for line in body["lines"])
    assert actions(tiny).count("notice.sent") == 1
    texts = [file.read_text(errors="ignore") for file in (tiny.root / "logs").glob("agentic*")]
    assert not any("secret-path-1" in text for text in texts)


def test_a_service_that_fails_costs_the_run_nothing(tiny: Tiny) -> None:
    elsewhere = HookServer()
    with elsewhere, HookServer() as server:
        server.answer = lambda _: Reply(302, headers={"Location": elsewhere.url})
        env = {"HOOK_URL": server.url}
        run = tiny.run("--apply", env=env)
        server.answer = lambda _: Reply(200)
        second = tiny.run("--apply", env=env)

    assert run["status"] == "escalated"
    assert run["finding"]["class"] == "src_column_renamed"
    assert "hook was not told: 127.0.0.1 answered 302" in run["reason"]
    assert "was not told" not in second["reason"]
    assert elsewhere.seen == []
    assert len(server.seen) == 2
    assert [one for one in actions(tiny) if one.startswith("notice.")] == [
        "notice.failed",
        "notice.sent",
    ]


REPORT = {
    "finding": {
        "cls": "src_column_renamed",
        "root_cause": {"node": "source.tiny.raw.orders", "column": "amount"},
        "confidence": 0.9,
        "summary": "amount is gone",
    },
    "decision": "escalate",
    "title": "amount is gone",
}
MESSAGE = {"to": "hook", "title": "amount is gone from raw.orders", "dry_run": False}


def brain(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell people, confirm it, report."""
    turn = len(messages) // 2
    if turn == 0:
        return says(tool_use("notify", MESSAGE, number=0))
    said = messages[-1]["content"][0]["content"] if turn == 1 else ""
    if turn == 1:
        value = said.split('"confirm":"')[1][:8]
        return says(tool_use("notify", MESSAGE | {"confirm": value}, number=1))
    return says(tool_use("submit_report", REPORT, number=2))


def test_what_an_engine_wants_outside_is_confirmed_asked_and_done_once(
    tiny: Tiny, tmp_path: Path
) -> None:
    tiny.write("guardrails.yml", RAILS.replace("escalate: {to: [hook]}\n", ""))
    with HookServer() as server, ModelServer(brain) as service:
        env = {
            "HOOK_URL": server.url,
            "ANTHROPIC_API_KEY": service.key,
            "ANTHROPIC_BASE_URL": service.url,
            "AGENTIC_ENGINE": "anthropic",
        }
        asked = tiny.run("--apply", env=env)
        waits = tiny.run("--apply", env=env)
        assert server.seen == []
        code, said = answer(tiny, asked["run_id"])
        done = tiny.run("--apply", env=env)
        turns = len(service.requests)
        anew = tiny.run("--apply", env=env)

    assert (asked["status"], asked["decision"]) == ("awaiting_approval", "wait")
    assert (waits["run_id"], waits["status"]) == (asked["run_id"], "awaiting_approval")
    assert code == 0, said
    assert '"title": "amount is gone from raw.orders"' in said
    assert "external effect" in said
    assert (done["run_id"], done["status"]) == (asked["run_id"], "escalated")
    assert turns == 3  # nothing was asked of the service twice
    (seen,) = server.seen
    assert seen.body["title"] == MESSAGE["title"]
    # Another run asks anew: what was approved happened.
    assert anew["run_id"] != asked["run_id"]
    assert anew["status"] == "awaiting_approval"
    records = trail(tiny)
    codes = [payload.get("code") for action, payload in records if action == "notify"]
    assert codes[:3] == ["AG170", "AG171", "AG170"]
    echoed = [payload["input"].get("confirm") for action, payload in records if action == "notify"]
    assert echoed[0] is None
    assert len(echoed[2] or "") == 8


def trail(tiny: Tiny) -> list[tuple[str, dict[str, Any]]]:
    found = AuditTrail(open_store(tiny.root, project="tiny", clock=utc_now), anchor_of(tiny.root))
    return [(row["action"], json.loads(row["payload"])) for row in found.records()]


def test_a_no_ends_the_run(tiny: Tiny) -> None:
    tiny.write("guardrails.yml", RAILS.replace("escalate: {to: [hook]}\n", ""))
    with HookServer() as server, ModelServer(brain) as service:
        env = {
            "HOOK_URL": server.url,
            "ANTHROPIC_API_KEY": service.key,
            "ANTHROPIC_BASE_URL": service.url,
            "AGENTIC_ENGINE": "anthropic",
        }
        asked = tiny.run("--apply", env=env)
        assert tiny.agentic("reject", asked["run_id"], "--reason", "by phone").returncode == 0
        ended = tiny.run("--apply", env=env)

    assert (ended["run_id"], ended["status"]) == (asked["run_id"], "escalated")
    assert "by phone" in ended["reason"]
    assert server.seen == []
