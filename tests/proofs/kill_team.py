"""kill -9 wherever a run with specialists can be cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentic.store import AuditTrail, Journal, anchor_of, open_store
from tests.proofs.registry import Outcome, proof
from tests.support.tiny import Tiny, make_tiny

AGENTS = """\
version: 1
agents:
  - name: lead
    extends: agentic.triage
    engine: scripted
    tools: [context, report]
    delegates: [rows, code, builder]
  - {name: rows, extends: agentic.data_specialist, engine: scripted}
  - {name: code, extends: agentic.code_specialist, engine: scripted}
  - name: builder
    extends: agentic.triage
    engine: scripted
    tools: [context, create_model, report]
    delegates: []
"""
POINTS = [("_begin", "before"), ("_begin", "after"), ("_end", "before"), ("_end", "after")]
KILL = """
import os, signal, threading
from agentic.store import journal
calls, lock = [0], threading.Lock()
original = journal.Journal.{method}
def patched(self, *args, **kwargs):
    with lock:
        calls[0] += 1
        mine = calls[0] == {number}
    if mine and "{when}" == "before": os.kill(os.getpid(), signal.SIGKILL)
    original(self, *args, **kwargs)
    if mine: os.kill(os.getpid(), signal.SIGKILL)
journal.Journal.{method} = patched
"""
ASKED = ("run", "lead", "--request", "What would a mart by day need?", "--output", "json")
MART = "select ordered_at from {{ ref('daily') }}\n"


@proof(
    "kill_9_team",
    "A run with an orchestrator, two specialists at the same time and one that edits, killed at "
    "any journalled step of any of them, ends the same when the same words are typed again: one "
    "run, the same steps, no call done twice that was written down.",
)
def killed_in_any_specialist(folder: Path) -> Outcome:
    """Every entry of every journal of the run, before and after it is written."""
    made = make_tiny(folder, files={"agents.yml": AGENTS})
    made.dbt("build", check=True)
    env = {"AGENTIC_SCRIPT": str(_script(folder))}
    expected = _ended(made, env)
    steps = expected["steps"]
    broken: list[str] = []
    kills = 0
    for number in range(1, len(steps) + 1):
        for method, when in POINTS:
            _forget(made)
            prelude = KILL.format(method=method, when=when, number=number)
            killed = made.agentic(*ASKED, env=env, prelude=prelude)
            again = _ended(made, env)
            if killed.returncode != -9:
                broken.append(f"entry {number}, {when} {method}: not killed, {killed.returncode}")
            broken += [
                f"entry {number}, {when} {method}: {name} is {again[name]}"
                for name in expected
                if again[name] != expected[name]
            ]
            kills += 1
    figures = {"steps": len(steps), "points at each": len(POINTS), "kills": kills}
    return Outcome(figures, broken)


def _ended(tiny: Tiny, env: dict[str, str]) -> dict[str, Any]:
    """How the run ends when it is left alone, and everything that it wrote down."""
    done = tiny.agentic(*ASKED, env=env)
    run = json.loads(done.stdout or "{}")
    store = open_store(tiny.root, project="tiny", clock=lambda: "2026-01-01T00:00:00+00:00")
    steps = Journal(store, run.get("run_id", "")).all_steps()
    found = {name: run.get(name) for name in ("status", "decision", "reason", "report")}
    found["tool_calls"] = run.get("usage", {}).get("tool_calls")
    found["runs"] = len(store.history())
    found["audit"] = AuditTrail(store, anchor_of(tiny.root)).verify()
    found["steps"] = [f"{step.scope} {step.kind} {step.name}" for step in steps]
    found["open"] = [step.name for step in steps if step.ended_at is None]
    store.engine.dispose()
    return found


def _forget(tiny: Tiny) -> None:
    """The state of a project in which agentic never ran."""
    home = tiny.root / ".agentic"
    for file in home.glob("*"):
        if file.is_file():
            file.unlink()


def _script(folder: Path) -> Path:
    def calls(*made: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        return {"calls": [{"name": name, "input": given} for name, given in made]}

    def end(decision: str) -> dict[str, Any]:
        return calls(("submit_report", {"decision": decision, "title": "t", "report": _REPORT}))

    node = {"node": "model.tiny.daily"}
    turns = {
        "rows": [calls(("get_schema", node), ("lineage_upstream", node)), end("no_change")],
        "code": [calls(("get_node", node)), end("no_change")],
        "builder": [
            calls(("create_model", {"path": "models/marts/by_day.sql", "text": MART})),
            end("fix"),
        ],
        "lead": [
            calls(("rows", {"task": "Look at rows."}), ("code", {"task": "Look at code."})),
            calls(("builder", {"task": "Draft it."})),
            end("escalate"),
        ],
    }
    file = folder / "script.json"
    file.write_text(json.dumps(turns))
    return file


_REPORT = {
    "what_happened": "a question",
    "impacted_assets": [],
    "severity": "low",
    "root_cause": None,
    "confidence": 0.9,
    "evidence": [
        {"text": "daily", "citations": [{"kind": "node", "ref": "model.tiny.daily"}]},
    ],
    "steps_to_fix": [],
    "steps_to_prevent": [],
}
