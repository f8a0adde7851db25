"""Tools that read the project's files and its history; nothing outside the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.paths import current_text, file_text, project_files, relative_path
from agentic.tools.registry import ToolError, tool

READ_CHARS = 60_000
CHANGE_CHARS = 30_000
HITS = 60
CHANGES = 60


@tool(toolset="context", effect="read")
def read_file(
    bench: Bench,
    *,
    path: Annotated[str, Meta(description="relative to the dbt project")],
    revision: Annotated[str, Meta(description="a commit; empty: now, the proposal laid over")] = "",
) -> dict[str, Any]:
    """One text file of the project, with the proposal's edits applied, or as it was in a commit."""
    key = relative_path(path)
    found = _at_revision(bench, key, revision) if revision else current_text(bench, key)
    if found is None:
        near = [p for p in _names(bench) if Path(p).name == Path(key).name]
        raise ToolError(f"there is no file {key}", hint=", ".join(near[:5]))
    cut = len(found) > READ_CHARS
    return {"path": key, "text": found[:READ_CHARS], "truncated": cut, "lines": found.count("\n")}


def _at_revision(bench: Bench, path: str, revision: str) -> str | None:
    if bench.repo is None:
        raise ToolError("the project is in no git repository")
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,99}", revision):
        raise ToolError(f"{revision!r} is not a commit")
    return bench.repo.show(revision, prefix(bench) + path)


def prefix(bench: Bench) -> str:
    """Where the dbt project lies in its repository: empty, or `folder/`."""
    if bench.repo is None:
        return ""
    here = Path(bench.project.root).resolve().relative_to(Path(bench.repo.root).resolve())
    return "" if here == Path() else f"{here.as_posix()}/"


def _names(bench: Bench) -> list[str]:
    root = Path(bench.project.root).resolve()
    return [file.relative_to(root).as_posix() for file in project_files(bench)]


@tool(toolset="context", effect="read")
def search_code(
    bench: Bench,
    *,
    pattern: Annotated[str, Meta(description="text, or /regular expression/", min_length=2)],
    paths: Annotated[str, Meta(description="only files whose path holds this text")] = "",
) -> dict[str, Any]:
    """Lines of the project's files that hold a text or match a regular expression."""
    expression = _expression(pattern)
    hits: list[dict[str, Any]] = []
    for name in _names(bench):
        if paths and paths not in name:
            continue
        try:
            content = current_text(bench, name) or ""
        except ToolError:
            continue  # larger than a tool reads, or not text: nothing to search in
        for number, line in enumerate(content.splitlines(), start=1):
            if expression.search(line[:2000]):
                hits.append({"path": name, "line": number, "text": line.strip()[:240]})
    return {"pattern": pattern, "matches": hits[:HITS], "total": len(hits)}


def _expression(pattern: str) -> re.Pattern[str]:
    if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        try:
            return re.compile(pattern[1:-1], re.IGNORECASE)
        except re.error as error:
            raise ToolError(f"{pattern} is not a regular expression: {error}") from error
    return re.compile(re.escape(pattern), re.IGNORECASE)


@tool(toolset="context", effect="read")
def recent_changes(
    bench: Bench,
    *,
    commits: Annotated[int, Meta(description="how many commits to look back", ge=0, le=30)] = 5,
) -> dict[str, Any]:
    """What changed in the project lately: uncommitted files first, then the last commits.

    Each change has the file's text before and after; renamed and deleted files included.
    """
    if bench.repo is None:
        return {"repository": False, "uncommitted": [], "commits": []}
    return {"repository": True, **_changes(bench, commits)}


def _changes(bench: Bench, commits: int) -> dict[str, Any]:
    raise NotImplementedError


def text_now(bench: Bench, path: str) -> str | None:
    """The text in the user's tree, cut; None when there is no such file or it is no text."""
    try:
        found = file_text(bench, path)
    except ToolError:
        return None
    return None if found is None else found[:CHANGE_CHARS]
