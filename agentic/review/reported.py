"""What an agent reported, as a section of the body: of a request all of it, else what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentic.records import RunResult
from agentic.review.words import inline, plain_text

ITEMS = 20
CITED = 3


def reported(run: RunResult) -> str:
    """The section, empty where there is no report. The root cause, the change and the nodes below
    stand in the body already: an incident report adds its severity and how to prevent the next one.
    """
    report = run.output_report
    if not report:
        return ""
    if run.finding is not None:
        steps = report.get("steps_to_prevent")
        known = steps[:ITEMS] if isinstance(steps, list) else []
        lines = "\n".join(f"- {plain_text(str(step))}" for step in known)
        return f"## How to prevent it\n\n{lines}\n" if lines else ""
    parts = [plain_text(str(report[key])) for key in ("summary", "what_happened") if key in report]
    facts = [f"- {_fact(fact)}" for fact in _facts(report)[:ITEMS]]
    if not parts and not facts:
        return ""
    return "\n\n".join([f"## Report\n\n`{inline(run.output)}`", *parts, "\n".join(facts)]) + "\n"


def severity(run: RunResult) -> str:
    """A sentence; empty where the report names no severity."""
    said = (run.output_report or {}).get("severity")
    return f"Severity: {plain_text(said)}." if isinstance(said, str) and run.finding else ""


def _facts(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = report.get("evidence")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _fact(fact: Mapping[str, Any]) -> str:
    cited = [
        f"`{inline(str(one.get('ref', '')))[:120]}`"
        for one in fact.get("citations") or ()
        if isinstance(one, Mapping)
    ]
    where = f" ({', '.join(cited[:CITED])})" if cited else ""
    return plain_text(str(fact.get("text", ""))) + where
