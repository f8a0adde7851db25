"""Questions that several rules ask, each as one tool call with its answer in a plain shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.records import ToolCall, ToolResult
from agentic.rules.case import Case, Steps


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
    if not wanted:
        return {}
    result = yield from ask("get_schema", node=wanted[0], also=wanted[1:])
    if result.is_error or not isinstance(result.content, dict):
        return {}
    found = {wanted[0]: result.content, **result.content.get("others", {})}
    return {uid: _shape(raw) for uid, raw in found.items() if raw.get("relation")}


def _shape(raw: dict[str, Any]) -> Shape:
    columns = {c["name"].lower(): Column(c["name"], c["type"]) for c in raw.get("columns", [])}
    return Shape(exists=bool(raw.get("exists")), relation=str(raw["relation"]), columns=columns)


def rows_of(sql: str, *, max_rows: int = 50) -> Steps[list[dict[str, Any]] | None]:
    """Rows of a read statement by column name; None when it failed or was not allowed."""
    result = yield from ask("run_sql", sql=sql, max_rows=max_rows)
    if result.is_error or not isinstance(result.content, dict):
        return None
    names = result.content.get("columns", [])
    return [dict(zip(names, row, strict=False)) for row in result.content.get("rows", [])]


def changes_of(case: Case) -> Steps[list[FileChange]]:
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
