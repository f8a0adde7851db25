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
from pathlib import Path
from typing import Any

import pytest

from agentic.compiler import prompts_of
from agentic.config import STANDARD_PREFIX
from agentic.records import Compiled, content_hash
from tests.support.shop import check_shop

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "evals" / "prompts.json"
PROVES = {
    "scripted": "the plumbing alone: prompt, tools, report and checks fit together; the turns were "
    "given, so it says nothing of what a model would do",
    "live": "what this model did with this prompt on that day",
}


def places() -> dict[str, dict[str, str]]:
    """Every standard agent, since each can call a model: what its model is sent, by name.

    Compiled on a small project that never changes, so that no other file moves a hash.
    """
    return {
        STANDARD_PREFIX + one.agent: {
            "model": one.model,
            "effort": one.effort,
            "prompt": one.prompt_hash,
            "tools": one.tools_hash,
        }
        for one in prompts_of(standard_compiled())
        if one.engine != "rules"
    }


def standard_compiled() -> Compiled:
    """The shipped agents on the shop's lineage, in a folder of its own: it writes the project."""
    with tempfile.TemporaryDirectory(prefix="agentic-prompts-") as name:
        root = Path(name)
        for file in ("agents.yml", "guardrails.yml"):
            shutil.copy(ROOT / file, root / file)
        shutil.copytree(ROOT / "prompts", root / "prompts")
        _, checked, issues = check_shop(root)
    assert issues == (), issues
    return checked.compiled


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
