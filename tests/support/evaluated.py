"""Which evals vouch for which prompts: evals/prompts.json.

    make evaluate            run every test marked `evaluates`, and write the record
    make evaluate LIVE=1     those against the real service too; needs ANTHROPIC_API_KEY

An eval vouches for what its agent's model was sent when it ran: the model id, the effort, the
rendered prompt, the tools' names, descriptions and schemas. A test of the fast suite compares the
record with the agents of today. What an eval proves is in the record: a scripted engine plays given
turns, so its success proves the plumbing and says nothing of what a model would do.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentic.compiler.prompts import prompt_of
from agentic.config import STANDARD_PREFIX, AgentsFile, read_document, standard_agents
from agentic.config.validate import validate
from agentic.records import Compiled, CompiledAgent, content_hash
from tests.support.shop import check_shop

ROOT = Path(__file__).parents[2]
STANDARD = STANDARD_PREFIX.rstrip(".")
RECORD = ROOT / "evals" / "prompts.json"
PROVES = {
    "scripted": "the plumbing alone: prompt, tools, report and checks fit together; the turns were "
    "given, so it says nothing of what a model would do",
    "live": "what this model did with this prompt on that day",
}


SENT = ("engine", "model", "effort", "instructions", "tools", "delegates", "output")
"""What an agent of an example may say that changes what its model is sent."""


def place_names() -> list[str]:
    """Every agent that can call a model: the standard ones, and those of the examples that are sent
    something else than the one that they extend."""
    names = [name for name, spec in standard_agents().items() if spec.engine != "rules"]
    for example in sorted((ROOT / "examples").glob("*/agents.yml")):
        spec = validate(read_document(example, "agents.yml"), AgentsFile)
        assert spec is not None, example
        names += [
            f"{example.parent.name}.{agent.name}"
            for agent in spec.agents or ()
            if agent.extends is None or any(getattr(agent, key) is not None for key in SENT)
        ]
    return names


@cache
def compiled_at(place: str) -> tuple[Compiled, CompiledAgent]:
    """A place's agent, compiled on a small project that never changes, so that no other file moves
    a hash."""
    where, _, name = place.rpartition(".")
    compiled = _compiled("" if where == STANDARD else where)
    return compiled, next(agent for agent in compiled.agents if agent.name == name)


@cache
def _compiled(example: str) -> Compiled:
    source = ROOT / "examples" / example if example else ROOT
    # In a folder of its own: the shop's files are written there.
    with tempfile.TemporaryDirectory(prefix="agentic-prompts-") as folder:
        root = Path(folder)
        for file in ("agents.yml", "guardrails.yml"):
            shutil.copy(source / file, root / file)
        if (source / "prompts").is_dir():
            shutil.copytree(source / "prompts", root / "prompts")
        _, checked, issues = check_shop(root)
    errors = [issue for issue in issues if issue.severity == "error"]
    assert errors == [], errors
    return checked.compiled


def places() -> dict[str, dict[str, str]]:
    """What the model of each place is sent, by name."""
    found = {}
    for name in place_names():
        sent = prompt_of(*compiled_at(name))
        found[name] = {
            "model": sent.model,
            "effort": sent.effort,
            "prompt": sent.prompt_hash,
            "tools": sent.tools_hash,
        }
    return found


def of(place: Mapping[str, str]) -> str:
    """One hash for all that an eval vouches for."""
    return content_hash(dict(place))[:16]


def stale(record: Mapping[str, Any], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What has to be evaluated again, a sentence each."""
    agents, found = record.get("agents", {}), []
    for name, place in now.items():
        known = agents.get(name)
        if known is None or not known["evals"]:
            found.append(f"{name} has no eval")
            continue
        moved = [key for key, value in place.items() if known.get(key) != value]
        if moved:
            found.append(f"{name}: {' and '.join(moved)} changed since its evals ran")
        elif not any(one["of"] == of(place) and one["result"] == "pass" for one in known["evals"]):
            found.append(f"{name}: no eval of this prompt passed")
    return found + [f"{name} is no agent any more" for name in agents if name not in now]


def read_record() -> dict[str, Any]:
    """The committed record; empty when there is none."""
    if not RECORD.is_file():
        return {}
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


class Evaluations:
    """A pytest plugin: what became of each marked test."""

    def __init__(self) -> None:
        self.results: dict[str, dict[tuple[str, str], str]] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = (yield).get_result()
        if call.when != "call" and report.passed:
            return
        became = {"passed": "pass", "failed": "fail"}.get(report.outcome, "not run")
        for mark in item.iter_markers("evaluates"):
            engine = mark.kwargs.get("engine", "scripted")
            for name in mark.args:
                kept = self.results.setdefault(name, {})
                kept[item.nodeid, engine] = "fail" if "fail" in kept.values() else became


def write(results: Mapping[str, Mapping[tuple[str, str], str]]) -> None:
    """The record with these results; evals that did not run stay while they vouch for today's."""
    now, before = places(), read_record().get("agents", {})
    agents = {}
    for name, place in now.items():
        ran = [
            _entry(place, key, result, now_live=key[1] == "live")
            for key, result in results.get(name, {}).items()
            if result != "not run"
        ]
        done = {(one["eval"], one["engine"]) for one in ran}
        kept = [
            one
            for one in before.get(name, {}).get("evals", ())
            if (one["eval"], one["engine"]) not in done and one["of"] == of(place)
        ]
        evals = sorted([*ran, *kept], key=lambda one: (one["engine"], one["eval"]))
        agents[name] = {**place, "evals": evals}
    record = {"version": 1, "written_by": "make evaluate", "proves": PROVES, "agents": agents}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _entry(
    place: Mapping[str, str], key: tuple[str, str], result: str, *, now_live: bool
) -> dict[str, str]:
    entry = {"eval": key[0], "engine": key[1], "result": result, "of": of(place)}
    if now_live:
        entry["on"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    return entry


def _marks(file: Path) -> bool:
    return "mark.evaluates(" in file.read_text(encoding="utf-8")


def main() -> int:
    """Run the marked tests and write the record; pytest's exit code, or 1 for what is stale."""
    marks = "evaluates" if os.environ.get("LIVE") else "evaluates and not live"
    plugin = Evaluations()
    files = [str(file) for file in sorted((ROOT / "tests").rglob("test_*.py")) if _marks(file)]
    code = int(pytest.main(["-q", "-m", marks, *files], plugins=[plugin]))
    write(plugin.results)
    left = stale(read_record(), places())
    print("\n".join([f"wrote {RECORD.relative_to(ROOT)}", *left]))
    return code or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main())
