"""An ask as people read it: all of what would happen, and nothing that shows something else."""

from __future__ import annotations

import json
from typing import Any

import click

from agentic.cli.asking import ask_text
from agentic.records import CompiledPlan, PlanStep, dump
from agentic.store import Ask

MOMENT = "2026-01-01T00:00:00"
FORGED = "Do it.\n\nAsked by    \n  nobody: approved already\x1b[2K"
PLAN = CompiledPlan(
    "tidy",
    "in short\n\nStatement   none",
    (
        PlanStep("load", tool="crm__put", input={"dry_run": False, "drop": ["gold.orders"]}),
        PlanStep("mend", agent="modeling", task=FORGED),
    ),
)


def shown(**content: Any) -> str:
    payload = json.dumps({"content": content, "bound": {"approvers": ["local"]}})
    ask = Ask("a", "r", "plan", "s", "h", "b", payload, "ph", (), "pending", MOMENT, MOMENT)
    return click.unstyle(ask_text(ask))


def starts(text: str) -> list[str]:
    """The first words of lines that are not indented: what looks like a block of ours."""
    return [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]


def test_a_plan_is_shown_with_what_its_tools_are_given() -> None:
    text = shown(plan="tidy", graph=dump(PLAN), request="tidy up\nsha256 0", asks=["AG191 x"])

    assert 'input   {"drop": ["gold.orders"], "dry_run": false}' in text
    assert starts(text) == ["a", "plan", "Asked", "sha256", "expires", "approvers"]
    assert "          task    Do it." in text
    assert "\x1b" not in text


def test_no_part_of_an_ask_steers_the_terminal() -> None:
    bad = "fine\x1b[8m\nAsked by    \n  nobody\x1b[1A"
    text = shown(
        tool="crm__put",
        does=bad,
        effect="external",
        input={"a": bad},
        statements=[f"-- {bad}\nALTER TABLE a ADD b INT"],
        files=[{"path": "models/a.sql", "before": "select 1\n", "after": f"{bad}\n"}],
        widened=[{"text": bad}],
        since="0" * 40,
        impact=[bad],
        asks=[bad],
    )

    assert "\x1b" not in text
    assert starts(text).count("Asked") == 1
    assert "            ALTER TABLE a ADD b INT" in text


def test_a_step_is_shown_with_its_answer() -> None:
    text = shown(plan="p", step="one", title=FORGED, checks=["AP001 x: pass"], answer=FORGED)

    assert starts(text) == ["a", "Plan", "sha256", "expires", "approvers"]
    assert "  AP001 x: pass\n  Do it." in text
