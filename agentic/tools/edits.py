"""Tools that build the proposal up: edits stay on the bench, the user's tree is not written."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agentic.records import Edit
from agentic.sql import rewrite
from agentic.tools.bench import Bench
from agentic.tools.live import live_columns
from agentic.tools.nodes import find_node
from agentic.tools.paths import current_text, file_text, relative_path
from agentic.tools.registry import ToolError, tool

Path = Annotated[str, Meta(description="relative to the dbt project", min_length=1)]
Why = Annotated[str, Meta(description="one sentence: why this change")]
EDITABLE = (".sql", ".yml", ".yaml", ".csv", ".md", ".py")


class TextEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One replacement; `old` must occur exactly once in the file."""

    old: str
    new: str


@tool(toolset="edits", effect="workspace")
def edit_file(
    bench: Bench,
    *,
    path: Path,
    edits: Annotated[list[TextEdit], Meta(min_length=1, max_length=50)],
    why: Why = "",
) -> dict[str, Any]:
    """Propose replacements in one existing file; each old text must match exactly once.

    Edits accumulate in the proposal; the guardrails judge them, the checks prove them.
    """
    key = _editable(path)
    before = current_text(bench, key)
    if before is None:
        raise ToolError(f"there is no file {key}", hint="create_model makes a new one.")
    after = before
    for number, edit in enumerate(edits, start=1):
        after = _replace_once(after, edit, where=f"{key}, edit {number}")
    return _store(bench, key, after, why)


def _replace_once(text: str, edit: TextEdit, *, where: str) -> str:
    if not edit.old:
        raise ToolError(f"{where}: the old text is empty")
    count = text.count(edit.old)
    if count != 1:
        found = "is not in the file" if not count else f"occurs {count} times"
        raise ToolError(
            f"{where}: the old text {found}", hint="Give more of the lines around it, exactly."
        )
    return text.replace(edit.old, edit.new)


@tool(toolset="edits", effect="workspace")
def create_model(
    bench: Bench,
    *,
    path: Path,
    text: Annotated[str, Meta(description="the whole file", min_length=1, max_length=60_000)],
    why: Why = "",
) -> dict[str, Any]:
    """Propose a new SQL or YAML file inside the project; refuses to overwrite one."""
    key = _editable(path)
    if current_text(bench, key) is not None:
        raise ToolError(f"{key} exists", hint="edit_file changes an existing file.")
    return _store(bench, key, text, why)


@tool(toolset="edits", effect="workspace")
def rename_column(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of the model that reads the column")],
    old: Annotated[str, Meta(description="the name that the code reads")],
    new: Annotated[str, Meta(description="the name that its parent has now")],
    parent: Annotated[str, Meta(description="unique_id of the source, seed or model read")] = "",
    why: Why = "",
) -> dict[str, Any]:
    """Propose that a model reads a parent's column under its new name and keeps its own outputs."""
    one = find_node(bench, node)
    key = _editable(one.original_file_path)
    before = current_text(bench, key)
    if before is None:
        raise ToolError(f"there is no file {key}")
    parents = [parent] if parent else bench.graph.parents(one.unique_id)
    found = [text for uid in parents if (text := _renamed(bench, before, uid, old, new))]
    if len(found) != 1:  # without a parent the column must be read from one of them alone
        raise ToolError(
            f"{key}: {old!r} cannot be renamed to {new!r} safely",
            hint="Read the file and use edit_file.",
        )
    return _store(bench, key, found[0], why)


def _renamed(bench: Bench, text: str, parent: str, old: str, new: str) -> str | None:
    live = live_columns(bench, parent)
    return rewrite.rename_source_column(
        text,
        old=old,
        new=new,
        relation_markers=relation_markers(bench, parent),
        dialect=bench.dialect,
        columns=[name for name, _, _ in live or ()],
    )


def relation_markers(bench: Bench, parent: str) -> tuple[str, ...]:
    """How a model's Jinja names a parent: `source('shop','orders')`, or `ref('orders')`."""
    one = find_node(bench, parent)
    if one.unique_id.startswith("source."):
        return (f"source({one.unique_id.split('.')[2]!r},{one.name!r})",)
    return (f"ref({one.name!r})",)


@tool(toolset="edits", effect="workspace")
def write_test(
    bench: Bench,
    *,
    path: Path,
    text: Annotated[str, Meta(description="the singular test's SQL", min_length=1)],
    why: Why = "",
) -> dict[str, Any]:
    """Propose a new singular test: a select that returns the rows that are wrong."""
    key = _editable(path)
    roots = tuple(f"{folder}/" for folder in bench.project.test_paths)
    if not key.startswith(roots) or not key.endswith(".sql"):
        raise ToolError(f"{key} is not a test's path", hint=f"Tests lie in {', '.join(roots)}.")
    if current_text(bench, key) is not None:
        raise ToolError(f"{key} exists: tests are added, never replaced")
    return _store(bench, key, text, why)


def _editable(path: str) -> str:
    key = relative_path(path)
    if not key.endswith(EDITABLE):
        raise ToolError(f"{key} is no file that a proposal may hold", hint=", ".join(EDITABLE))
    return key


def _store(bench: Bench, path: str, after: str, why: str) -> dict[str, Any]:
    earlier = bench.edits.get(path)
    before = earlier.before if earlier else file_text(bench, path)
    reasons = "; ".join(dict.fromkeys(r for r in (earlier.why if earlier else "", why) if r))
    bench.edits[path] = Edit(path=path, before=before, after=after, why=reasons)
    return {"path": path, "changed_lines": _changed_lines(before or "", after)}


def _changed_lines(before: str, after: str) -> list[str]:
    old, new = before.splitlines(), after.splitlines()
    removed = [f"-{line}" for line in old if line not in new]
    added = [f"+{line}" for line in new if line not in old]
    return [re.sub(r"\s+$", "", line)[:200] for line in (removed + added)[:40]]
