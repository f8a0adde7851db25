"""Names that one file gives and uses itself: each name once, each connection there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentic.config.agents_spec import AgentsFile
from agentic.config.document import Document
from agentic.exceptions import Issue


def duplicates(document: Document, spec: AgentsFile) -> Iterator[Issue]:
    """AC115 for each name that its list has twice, and each step id that its plan has twice."""
    for section in ("agents", "tools", "triggers", "outputs", "plans"):
        yield from _twice(document, (section,), "name", getattr(spec, section) or ())
    for number, plan in enumerate(spec.plans):
        yield from _twice(document, ("plans", number, "steps"), "id", plan.steps)


def _twice(
    document: Document, path: tuple[str | int, ...], key: str, items: Sequence[Any]
) -> Iterator[Issue]:
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        name = getattr(item, key)
        if name in seen:
            line = document.at((*path, seen[name], key)).line
            yield document.issue(
                (*path, number, key),
                "AC115",
                f"{key} {name!r} is used twice in {path[-1]}",
                hint=f"the first is at line {line}",
            )
        seen.setdefault(name, number)
