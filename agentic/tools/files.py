"""Tools that read the project's files and its history; nothing outside the project."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, page
from agentic.tools.nodes import distances, find_node
from agentic.tools.paths import (
    MAX_BYTES,
    TEXT,
    current_text,
    file_text,
    inside,
    project_files,
    refuse_rows,
    relative_path,
)
from agentic.tools.registry import ToolError, tool

if TYPE_CHECKING:
    from agentic.project import Commit, Repo

READ_CHARS = 50_000
TEXT_BUDGET = 45_000
HITS = 60
SEARCH_S = 3.0
CHANGES = 60
DIFF_CHARS = 1_600


@tool(toolset="context", effect="read")
def read_file(
    bench: Bench,
    *,
    path: Annotated[str, Meta(description="relative to the dbt project")],
    revision: Annotated[str, Meta(description="a commit; empty: now, the proposal laid over")] = "",
) -> dict[str, Any]:
    """One text file of the project, with the proposal's edits applied, or as it was in a commit."""
    key = relative_path(path)
    refuse_rows(bench, key)
    found = _at_revision(bench, key, revision) if revision else _now(bench, key)
    if found is None:
        near = [p for p in _names(bench) if Path(p).name == Path(key).name]
        raise ToolError(f"there is no file {key}", hint=", ".join(near[:5]))
    cut = len(found) > READ_CHARS
    return {"path": key, "text": found[:READ_CHARS], "truncated": cut, "lines": found.count("\n")}


def _now(bench: Bench, path: str) -> str | None:
    real = inside(bench, path)
    if path in bench.edits or not real.is_file() or real.stat().st_size <= MAX_BYTES:
        return current_text(bench, path)
    with real.open("rb") as file:
        return file.read(READ_CHARS + 1).decode("utf-8", "replace")


def _at_revision(bench: Bench, path: str, revision: str) -> str | None:
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,99}", revision):
        raise ToolError(f"{revision!r} is not a commit")
    return _repo(bench).show(revision, prefix(bench) + path)


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
    lines = [
        (name, number, line)
        for name in _names(bench)
        if not paths or paths in name
        for number, line in enumerate(_lines(bench, name), start=1)
    ]
    plain = not (len(pattern) > 2 and pattern[0] == pattern[-1] == "/")
    found = _matching(expression, [line[2][:2000] for line in lines], plain=plain)
    hits = [
        {"path": name, "line": number, "text": line.strip()[:240]}
        for (name, number, line), hit in zip(lines, found, strict=True)
        if hit
    ]
    return {"pattern": pattern, "matches": hits[:HITS], "total": len(hits)}


def _lines(bench: Bench, name: str) -> list[str]:
    try:
        return (current_text(bench, name) or "").splitlines()
    except ToolError:
        return []  # larger than a tool reads, or not to be read: nothing to search in


_SEARCH = """
import json, re, sys
pattern, lines = json.load(sys.stdin)
found = re.compile(pattern, re.IGNORECASE).search
json.dump([bool(found(line)) for line in lines], sys.stdout)
"""


def _matching(expression: re.Pattern[str], lines: list[str], *, plain: bool) -> list[bool]:
    """Which lines match. A regular expression runs in a process of its own, since a hostile one can
    take for ever and holds the interpreter while it does. Raises ToolError after SEARCH_S."""
    if plain:
        return [bool(expression.search(line)) for line in lines]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input=json.dumps([expression.pattern, lines]),
            capture_output=True,
            text=True,
            timeout=SEARCH_S,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise ToolError("the regular expression takes too long", hint="Search a text.") from error
    return [bool(one) for one in json.loads(done.stdout)]


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
    node: Annotated[str, Meta(description="only what can have changed this node")] = "",
    more: More = "",
) -> dict[str, Any]:
    """What changed in the project lately: uncommitted files first, then the last commits.

    Each change has the file's text before and after; renamed and deleted files included. With a
    node: the changes to its file, its YAML, its macros and everything upstream of it, as diffs.
    """
    if bench.repo is None:
        return {"repository": False, "uncommitted": [], "commits": []}
    if node:
        return {"repository": True, **changes_of_node(bench, node, commits, more)}
    return {"repository": True, **_changes(bench, commits)}


def _changes(bench: Bench, commits: int) -> dict[str, Any]:
    room = _Room(TEXT_BUDGET)
    report: dict[str, Any] = {"head": _repo(bench).head(), "uncommitted": [], "commits": []}
    for one in changed_files(bench, commits):
        found = room.change(one.path, one.before, one.after)
        if one.commit is None:
            report["uncommitted"].append(found)
            continue
        commit = one.commit
        if not report["commits"] or report["commits"][-1]["sha"] != commit.sha:
            entry = {"sha": commit.sha, "when": commit.date, "author": commit.author}
            report["commits"].append({**entry, "subject": commit.subject, "files": []})
        report["commits"][-1]["files"].append(found)
    return report


class Changed(NamedTuple):
    """One file that changed."""

    path: str
    before: str | None
    after: str | None
    commit: Commit | None
    """None: it is not committed."""


def changed_files(
    bench: Bench, commits: int, only: Collection[str] | None = None
) -> Iterator[Changed]:
    """Files that changed, the uncommitted first; with `only`, of these alone."""
    repo, start = _repo(bench), prefix(bench)
    for key in _readable(bench, repo.changed_paths()):
        if only is None or key in only:
            yield Changed(key, repo.show("HEAD", start + key), text_now(bench, key), None)
    for commit in repo.log([start or "."], limit=commits) if commits else ():
        if repo.git("rev-list", "--max-count=1", "--min-parents=1", commit.sha) != commit.sha:
            continue  # the first commit adds everything: there is no "before" to compare with
        for key in _readable(bench, commit.paths):
            if only is None or key in only:
                name = start + key
                before, after = repo.show(f"{commit.sha}^", name), repo.show(commit.sha, name)
                yield Changed(key, before, after, commit)


def changes_of_node(bench: Bench, name: str, commits: int, more: str) -> dict[str, Any]:
    """Changes that reach a node, the nearest to it first within each commit, as diffs."""
    node = find_node(bench, name)
    files = _files_above(bench, node.unique_id)
    rows = []
    for one in changed_files(bench, commits, files):
        distance, why = files[one.path]
        commit = one.commit
        told = {
            "path": one.path,
            "of": why,
            "edges_up": distance or None,
            "commit": commit.sha[:10] if commit else "uncommitted",
            "when": commit.date[:19] if commit else None,
            "author": commit.author if commit else None,
            "subject": commit.subject[:120] if commit else None,
            "diff": _diff(one),
        }
        rows.append(lean(told))
    return {
        "node": node.unique_id,
        "looked_at_commits": commits,
        **page(rows, more, name="changes"),
    }


def _files_above(bench: Bench, unique_id: str) -> dict[str, tuple[int, str]]:
    """Files that can change what a node holds: (edges up, of which node or macro)."""
    found: dict[str, tuple[int, str]] = {}
    for uid, edges in distances(bench, unique_id, up=True).items():
        one = bench.manifest.all.get(uid)
        if one is None:
            continue
        yaml = (one.patch_path or "").rpartition("://")[2]
        macros = [bench.manifest.macros.get(name) for name in one.depends_on_macros]
        paths = [(one.original_file_path, uid), (yaml, uid)]
        paths += [(macro.original_file_path, macro.unique_id) for macro in macros if macro]
        for path, why in paths:
            if path and (path not in found or found[path][0] > edges):
                found[path] = (edges, why)
    return found


def _diff(one: Changed) -> str:
    """Changed lines with their numbers, few around them; a CSV's first rows alone."""
    before = (_head(one.path, one.before) or "").splitlines()
    after = (_head(one.path, one.after) or "").splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
    text = "\n".join(lines)
    return text if len(text) <= DIFF_CHARS else text[:DIFF_CHARS] + "\n... read_file has the rest"


class _Room:
    """Hands out text until the answer is as large as one may be; then names the files alone."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def change(self, path: str, before: str | None, after: str | None) -> dict[str, Any]:
        pair = [_head(path, before), _head(path, after)]
        size = sum(len(text or "") for text in pair)
        if size > self.left:
            return {"path": path, "before": None, "after": None, "text_omitted": True}
        self.left -= size
        return {"path": path, "before": pair[0], "after": pair[1]}


def _head(path: str, text: str | None) -> str | None:
    """Rows of a CSV say nothing of code: its header and a few rows are enough."""
    if text is None or not path.endswith(".csv"):
        return text
    return "".join(text.splitlines(keepends=True)[:5])[:2000]


def _readable(bench: Bench, paths: Iterable[str]) -> list[str]:
    """Repository paths as project paths; those outside the project or unreadable are left out."""
    start, found = prefix(bench), []
    for name in paths:
        if not name.startswith(start) or Path(name).suffix not in TEXT:
            continue
        with suppress(ToolError):
            key = relative_path(name[len(start) :])
            inside(bench, key)
            found.append(key)
    return found[:CHANGES]


def _repo(bench: Bench) -> Repo:
    if bench.repo is None:
        raise ToolError("the project is in no git repository")
    return bench.repo


def text_now(bench: Bench, path: str) -> str | None:
    """The text in the user's tree; None when there is no such file or it is no text."""
    try:
        return file_text(bench, path)
    except ToolError:
        return None
