"""A task in words: handed to a specialist, killed there, gone on with, proved and opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentic.store import AuditTrail, Journal, anchor_of, open_store
from tests.support.tiny import Tiny, make_tiny

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - name: lead
    extends: agentic.triage
    engine: scripted
    tools: [context, submit_report]
    delegates: [builder]
  - name: builder
    extends: agentic.triage
    engine: scripted
    tools: [context, create_model, submit_report]
    delegates: []
"""
RULES = "version: 1\nchange: {allow: [path:models]}\n"
ASKED = "Add a mart with the revenue of each day"
MART = "select ordered_at, sum(revenue) as revenue from {{ ref('daily') }} group by ordered_at\n"
PATH = "models/marts/by_day.sql"
KILLED = """
import os, signal
from agentic.store import Journal
whole = Journal.end
def end(self, opened, value, shape):
    done = whole(self, opened, value, shape)
    if "/" in self.run_id and opened.kind == "tool":
        os.kill(os.getpid(), signal.SIGKILL)
    return done
Journal.end = end
"""


def report(summary: str) -> dict[str, Any]:
    return {
        "what_happened": summary,
        "impacted_assets": [],
        "severity": "low",
        "root_cause": None,
        "confidence": 0.9,
        "evidence": [
            {"text": "the daily mart", "citations": [{"kind": "node", "ref": "model.tiny.daily"}]}
        ],
        "steps_to_fix": [],
        "steps_to_prevent": [],
    }


def script(folder: Path) -> dict[str, str]:
    def call(name: str, **given: Any) -> dict[str, Any]:
        return {"calls": [{"name": name, "input": given}]}

    end = {"decision": "fix", "title": "feat(by_day): revenue of each day"}
    turns = {
        "builder": [
            call("create_model", path=PATH, text=MART, why="asked for"),
            call("submit_report", report=report("by_day sums daily"), **end),
        ],
        "lead": [
            call("builder", task="Write the mart by_day over daily.", nodes=["daily"]),
            call("submit_report", report=report("a mart was asked for"), **end),
        ],
    }
    file = folder / "script.json"
    file.write_text(json.dumps(turns))
    return {"AGENTIC_SCRIPT": str(file)}


def test_a_request_killed_in_a_specialist_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path, files={"agents.yml": AGENTS, "guardrails.yml": RULES})
    tiny.dbt("build", check=True)
    env = script(tmp_path)
    asked = ("run", "lead", "--request", ASKED, "--apply", "--output", "json")

    killed = tiny.agentic(*asked, env=env, prelude=KILLED)
    assert (killed.returncode, killed.stdout) == (-9, "")
    done = tiny.agentic(*asked, env=env)

    run = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr  # a proposal to review is left for a person
    assert (run["incident"]["kind"], run["status"]) == ("request", "success"), run["reason"]
    assert run["finding"] is None
    assert run["proposal"] == {
        "title": "feat(by_day): revenue of each day",
        "files": [PATH],
        "draft": False,
    }
    assert {check["result"] for check in run["checks"]} == {"pass"}
    assert "1 relation is new" in str(run["checks"])
    assert tiny.git("show", f"{run['branch']}:{PATH}") == MART.strip()
    assert run["branch"].startswith("agentic/add-a-mart-with-the-revenue-of-each-day-")
    body = Path(run["pull_request"]).read_text()
    assert "## What was asked" in body
    assert ASKED in body
    assert_done_once(tiny, run)
    # It is no incident that a build could show: nothing stays open, nothing is closed by a build.
    assert tiny.agentic("incidents").returncode == 0


def assert_done_once(tiny: Tiny, run: dict[str, Any]) -> None:
    """One run; the specialist's step that was finished is not done again, and is counted."""
    store = open_store(tiny.root, project="tiny", clock=lambda: "2026-01-01T00:00:00+00:00")
    assert [row["run_id"] for row in store.history()] == [run["run_id"]]
    trail = AuditTrail(store, anchor_of(tiny.root))
    assert trail.verify() is None
    made = [row["action"] for row in trail.records(run["run_id"]) if row["actor"] != "agentic"]
    assert made.count("create_model") == 1
    assert run["usage"]["tool_calls"] == 4
    steps = Journal(store, run["run_id"]).all_steps()
    assert [step.name for step in steps if step.kind == "tool"] == [
        "builder",
        "create_model",
        "submit_report",
        "submit_report",
    ]


def test_without_a_model_words_are_for_a_person(broken: Tiny) -> None:
    run = broken.run("agentic.triage", "--request", ASKED)

    assert (run["status"], run["decision"], run["engine"]) == ("escalated", "escalate", "rules")
    assert "no rule of `triage` works from these words" in run["reason"]
    assert "ANTHROPIC_API_KEY" in run["reason"]
