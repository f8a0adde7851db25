"""What an agent reported, as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from agentic.records import RunResult

WIDTH = 200
ITEMS = 12
_SAID = frozenset(
    {"what_happened", "impacted_assets", "root_cause", "confidence", "evidence", "steps_to_fix"}
)
"""Of an incident report: the finding above says them already."""


def report_text(run: RunResult) -> str:
    """The report as an outline; what the finding says already is left out. Empty without one."""
    report = run.output_report
    if not report:
        return ""
    told = _SAID if run.finding is not None and run.output == "incident_report" else frozenset()
    shown = {key: value for key, value in report.items() if key not in told}
    head = click.style("Report      ", bold=True) + run.output
    return "\n".join([head, *_outline(shown, 1)])


def _outline(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _entry(str(key), part, depth)
    elif isinstance(value, list):
        for part in value[:ITEMS]:
            first, *rest = [*_outline(part, depth + 1)] or [""]
            yield f"{pad}· {first.strip()}"
            yield from rest
        if len(value) > ITEMS:
            yield f"{pad}… and {len(value) - ITEMS} more"
    else:
        yield f"{pad}{_short(value)}"


def _entry(key: str, part: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if part in (None, "", [], {}):
        return
    if key == "citations":
        yield f"{pad}({_cited(part)})"
    elif isinstance(part, Mapping | list):
        yield f"{pad}{_words(key)}:"
        yield from _outline(part, depth + 1)
    else:
        yield f"{pad}{_words(key)}: {_short(part)}"


def _words(key: object) -> str:
    return str(key).replace("_", " ")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _cited(citations: Any) -> str:
    if not isinstance(citations, list):
        return _short(citations)
    return ", ".join(
        _short(f"{one.get('kind')} {one.get('ref')}" if isinstance(one, Mapping) else one)
        for one in citations
    )
