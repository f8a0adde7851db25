"""`agentic lineage --impact`: what a column's change, or the code that changed, breaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agentic.cli.lineage_shown import lines, traced
from agentic.cli.options import Flags
from agentic.cli.output import emit_json, emit_text, note, plain
from agentic.lineage import drawing

if TYPE_CHECKING:
    from agentic.lineage import Consequences, Impact, NodeChange
    from agentic.project import Project

_PARTS = (
    ("tests", "tests"),
    ("contracts", "contracts"),
    ("exposures", "exposures"),
    ("metrics", "metrics"),
)


def show_impact(flags: Flags, text: str) -> None:
    """What a change of `NODE.COLUMN` breaks."""
    from agentic.cli.lineage import read_manifest
    from agentic.cli.selection import node_and_column
    from agentic.exceptions import SelectorError
    from agentic.lineage import Graph, impact
    from agentic.project import find_project

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    manifest = read_manifest(project)
    graph = Graph(manifest)
    uid, column = node_and_column(text, manifest)
    lineage = traced(flags, project, manifest, [uid, *graph.descendants(uid)])
    known = lineage.columns(uid)
    if column.lower() not in {one.lower() for one in known} and "*" not in known:
        raise SelectorError(
            f"{uid} has no column {column!r}", hint=f"Its columns: {', '.join(known) or 'none'}."
        )
    found = impact(uid, column, manifest=manifest, graph=graph, lineage=lineage)
    if flags.as_json:
        emit_json(_json(found))
    elif flags.output != "text":
        _draw(flags, [uid, *found.nodes, *found.exposures], graph, f"Impact of {text}")
    else:
        _impact_text(found)


def _impact_text(found: Impact) -> None:
    rest = "" if found.complete else ", incomplete"
    _say(f"{drawing.label(found.node)}.{found.column}: {found.verdict}{rest}")
    _list("read by", found.readers)
    _reached(found, set())


def show_change(flags: Flags, since: str) -> None:
    """What the code that changed since a revision, uncommitted changes included, breaks."""
    from agentic.cli.lineage import read_manifest
    from agentic.lineage import Graph, changes_of, consequences
    from agentic.project import find_project
    from agentic.sql import dialect_of

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    manifest = read_manifest(project)
    graph = Graph(manifest)
    dialect = dialect_of(manifest.metadata.adapter_type or "")
    before, after = _texts(project, since)
    touched = [uid for uid, node in manifest.nodes.items() if node.original_file_path in before]
    below = {uid for one in touched for uid in (one, *graph.descendants(one))}
    lineage = traced(flags, project, manifest, sorted(below))
    changes = changes_of(before, after, manifest=manifest, lineage=lineage, dialect=dialect)
    if any(change.difference.unknown.startswith("the macro") for change in changes):
        lineage = traced(flags, project, manifest, list(graph))
    found = consequences(changes, manifest=manifest, graph=graph, lineage=lineage, dialect=dialect)
    if flags.as_json:
        emit_json({"since": since, **_json(found)})
    elif flags.output != "text":
        own = [change.node for change in found.changes if change.node in graph]
        _draw(flags, [*own, *found.nodes, *found.exposures], graph, f"Impact since {since}")
    else:
        _change_text(found, since)


def _texts(project: Project, since: str) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Files that differ, by path below the project: as they were, and as they lie there now."""
    from agentic.project import Repo

    repo = Repo.open(project.root)
    old, now = repo.resolve(since), repo.snapshot("state that agentic lineage compares")
    inside = project.root.resolve().relative_to(repo.root.resolve()).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    paths = [path for path in repo.diff_paths(old, now) if path.startswith(prefix)]
    before = {path.removeprefix(prefix): repo.show(old, path) for path in paths}
    after = {path.removeprefix(prefix): repo.show(now, path) for path in paths}
    return before, after


def _change_text(found: Consequences, since: str) -> None:
    if not found.changes:
        note(f"No node's code changed since {since}.")
        return
    rest = "" if found.complete else ", incomplete"
    _say(f"changes since {since}: {found.verdict}{rest}")
    for change in found.changes:
        _say(f"  {_label(change.node)}: {', '.join(_words(change))}")
    _list("cannot be built", found.fails)
    _reached(found, set(found.rows))


def _words(change: NodeChange) -> list[str]:
    difference = change.difference
    if change.change in ("added", "removed"):
        return [f"{change.change} (non-breaking)" if change.change == "added" else "removed"]
    if change.change == "none":
        return ["no change"]
    found = []
    for one in difference.columns:
        if one.kind == "renamed":
            found.append(f"{one.column} renamed to {one.now}")
        else:
            found.append(f"{one.column} {one.kind}")
    if difference.rows:
        found.append("rows change")
    if difference.reordered:
        found.append("columns in another order")
    if difference.config:
        found.append("another config")
    if difference.unknown:
        found.append(f"unknown: {difference.unknown}")
    return found


def _reached(found: Impact | Consequences, rows: set[str]) -> None:
    """Everything below, as both kinds of impact have it."""
    for title, name in _PARTS:
        _list(title, getattr(found, name))
    if found.owners:
        _say(f"owners: {', '.join(found.owners)}")
    for one in found.columns:
        _say(f"  {_label(one.node)}.{one.column} ({one.kind})")
    named = {one.node for one in found.columns} - rows
    for uid in found.nodes:
        if uid not in named:
            _say(f"  {_label(uid)} (its rows)")
    for uid, reason in found.unknown:
        _say(f"  {_label(uid)} (unknown: {reason})")


def _json(found: Impact | Consequences) -> dict[str, Any]:
    from agentic.records import dump

    line: dict[str, Any] = dump(found)
    line["unknown"] = [{"node": node, "reason": reason} for node, reason in found.unknown]
    line["complete"] = found.complete
    return line


def _draw(flags: Flags, uids: Sequence[str], graph: Any, title: str) -> None:
    if flags.output == "mermaid":
        lines(drawing.mermaid(uids, graph))
    else:
        emit_text(drawing.html(uids, graph, title=title))


def _label(uid: str) -> str:
    return drawing.label(uid) if "." in uid and "/" not in uid else uid


def _list(title: str, uids: Iterable[str]) -> None:
    names = ", ".join(_label(uid) for uid in uids)
    if names:
        _say(f"{title}: {names}")


def _say(text: str) -> None:
    emit_text(plain(text))
