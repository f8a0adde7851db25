"""Questions that several rules ask, each as one tool call with its answer in a plain shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.masking import MASK
from agentic.records import ToolCall, ToolResult
from agentic.rules.case import Steps

ASKED_AT_ONCE = 50
"""Relations in one get_schema call: its answer has to stay below the boundary's cap."""


class Column(msgspec.Struct, frozen=True):
    """A live column."""

    name: str
    type: str


class Shape(msgspec.Struct, frozen=True):
    """What a relation looks like now; `columns` is keyed by the lower-case name."""

    exists: bool
    relation: str
    columns: dict[str, Column]


class FileChange(msgspec.Struct, frozen=True):
    """One changed file; `before` is None for a new file, `after` for a deleted one."""

    path: str
    before: str | None
    after: str | None
    origin: str
    """`uncommitted`, or the commit's short name."""
    when: str = ""


def ask(name: str, **values: Any) -> Steps[ToolResult]:
    """One tool call; the driver gives it its id."""
    result = yield ToolCall(id="", name=name, input=values)
    return result


def shapes_of(nodes: Sequence[str]) -> Steps[dict[str, Shape]]:
    """The live shape of each node; nodes that could not be asked are left out."""
    wanted = list(dict.fromkeys(nodes))
    found: dict[str, Shape] = {}
    for first in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[first : first + ASKED_AT_ONCE]
        result = yield from ask("get_schema", node=part[0], also=part[1:])
        if result.decision is not None and len(part) > 1:
            # The first one may not be asked; the others may.
            found |= yield from shapes_of(part[1:])
            continue
        if result.is_error or "others" not in result.content:
            continue
        answers = {part[0]: result.content, **result.content["others"]}
        found |= {uid: _shape(raw) for uid, raw in answers.items() if raw.get("relation")}
    return found


def _shape(raw: dict[str, Any]) -> Shape:
    columns = {name.lower(): Column(name, kind) for name, kind in raw.get("columns", {}).items()}
    return Shape(exists=bool(raw.get("exists")), relation=str(raw["relation"]), columns=columns)


def rows_of(sql: str, *, max_rows: int = 50) -> Steps[list[dict[str, Any]] | None]:
    """Rows of a read statement by column name; None when it failed or was not allowed.

    Asked for one row, it is figures: where one of them is masked, None as well.
    """
    result = yield from ask("run_sql", sql=sql, max_rows=max_rows)
    if result.is_error or not isinstance(result.content, dict):
        return None
    names, rows = result.content.get("columns", []), result.content.get("rows", [])
    if max_rows == 1 and any(MASK in row for row in rows):
        return None
    return [dict(zip(names, row, strict=False)) for row in rows]


def recent_changes() -> Steps[list[FileChange]]:
    """What changed lately, the uncommitted first; empty where there is no history."""
    result = yield from ask("recent_changes")
    if result.is_error or not isinstance(result.content, dict):
        return []
    content = result.content
    found = [_change(raw, "uncommitted", "") for raw in content.get("uncommitted", [])]
    for commit in content.get("commits", []):
        origin, when = str(commit.get("sha", ""))[:10], str(commit.get("when", ""))
        found += [_change(raw, origin, when) for raw in commit.get("files", [])]
    return found


def _change(raw: dict[str, Any], origin: str, when: str) -> FileChange:
    return FileChange(raw["path"], raw.get("before"), raw.get("after"), origin, when)


def text_of(path: str) -> Steps[str | None]:
    """A project file's text as the proposal has it; None when there is none or it is cut."""
    if not path:
        return None
    result = yield from ask("read_file", path=path)
    if result.is_error or not isinstance(result.content, dict) or result.content.get("truncated"):
        return None
    return str(result.content["text"])
