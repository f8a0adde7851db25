"""What a change of the project's code changes: in each node, and in everything below it.

Classes are those that SQLMesh and Recce use: an added column is non-breaking; a removed, renamed
or retyped one, or another expression, is breaking for what is made of it; another filter, join or
grain changes rows, and so all that lies below. A comment or another layout is no change.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from agentic.lineage.relations import Names
from agentic.sql.difference import ColumnChange, Difference, compare_raw

if TYPE_CHECKING:
    from agentic.lineage.columns import ColumnLineage
    from agentic.project import Manifest, Node

Texts = Mapping[str, str | None]
"""Files by path relative to the project; None: there is no such file."""


class NodeChange(msgspec.Struct, frozen=True):
    """What became of one node's code."""

    node: str
    """`unique_id`; the file's path where the manifest has no node for it yet."""
    change: Literal["added", "removed", "changed", "none"]
    difference: Difference = Difference()


def changes_of(
    before: Texts, after: Texts, *, manifest: Manifest, lineage: ColumnLineage, dialect: str
) -> tuple[NodeChange, ...]:
    """What changed files change in the nodes that are made of them, sorted.

    YAML and documentation are not compared: they change no column.
    """
    own = {
        node.original_file_path: uid
        for uid, node in manifest.nodes.items()
        if node.package_name == manifest.metadata.project_name
        and node.resource_type in ("model", "snapshot", "seed")
    }
    names = Names(manifest)
    found: dict[str, NodeChange] = {}
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        uid = own.get(path)
        if old == new:
            continue
        if uid is None:
            if old is None and _makes_node(path, manifest):
                found[path] = NodeChange(path, "added")
        elif old is None or new is None:
            found[uid] = NodeChange(uid, "added" if old is None else "removed")
        else:
            node = manifest.nodes[uid]
            columns_of = _Columns(names.markers(node), lineage)
            difference = _difference(node, old, new, dialect, columns_of)
            found[uid] = NodeChange(uid, "none" if difference.same else "changed", difference)
    for uid, why in _of_macros({*before, *after}, manifest).items():
        known = found.get(uid)
        if known is None or known.change == "none":
            found[uid] = NodeChange(uid, "changed", Difference(unknown=why))
    return tuple(found[uid] for uid in sorted(found))


def _makes_node(path: str, manifest: Manifest) -> bool:
    """True for a new file beside others of the project's nodes."""
    folders = {
        node.original_file_path.partition("/")[0]
        for node in manifest.nodes.values()
        if node.resource_type in ("model", "snapshot", "seed")
    }
    return path.endswith((".sql", ".py", ".csv")) and path.partition("/")[0] in folders


class _Columns:
    """The columns of relations by the markers of one node's raw code."""

    def __init__(self, markers: Mapping[str, str], lineage: ColumnLineage) -> None:
        self.markers = markers
        self.lineage = lineage

    def __call__(self, marker: str) -> tuple[str, ...] | None:
        columns = self.lineage.columns(self.markers.get(marker, ""))
        return columns if columns and "*" not in columns else None


def _difference(node: Node, old: str, new: str, dialect: str, columns_of: _Columns) -> Difference:
    if node.resource_type == "seed":
        return _of_seed(old, new)
    if node.language != "sql":
        return Difference(unknown=f"{node.language} code is not compared")
    return compare_raw(old, new, dialect, columns_of)


def _of_seed(old: str, new: str) -> Difference:
    before, after = (
        [row for row in csv.reader(text.lstrip("\ufeff").splitlines()) if row]
        for text in (old, new)
    )
    if before == after:
        return Difference()
    headers = [[name.strip() for name in rows[0]] if rows else [] for rows in (before, after)]
    gone = [ColumnChange(name, "removed") for name in headers[0] if name not in headers[1]]
    come = [ColumnChange(name, "added") for name in headers[1] if name not in headers[0]]
    kept = [name for name in headers[0] if name in headers[1]]
    if len(before) != len(after):
        return Difference(columns=(*gone, *come), rows=True)
    moved = [
        ColumnChange(name, "changed")
        for name in kept
        if _cells(before, name, headers[0]) != _cells(after, name, headers[1])
    ]
    return Difference(columns=(*gone, *come, *moved))


def _cells(rows: list[list[str]], name: str, header: list[str]) -> list[str]:
    at = header.index(name)
    return [row[at] if at < len(row) else "" for row in rows[1:]]


def _of_macros(paths: set[str], manifest: Manifest) -> dict[str, str]:
    """Nodes whose macros changed, with the reason why nobody can tell what that changes."""
    project = manifest.metadata.project_name
    changed = {
        uid: macro.name
        for uid, macro in manifest.macros.items()
        if macro.package_name == project and macro.original_file_path in paths
    }
    if not changed:
        return {}
    callers = _callers(changed, manifest)
    return {
        uid: f"the macro {callers[used]} changed"
        for uid, node in manifest.nodes.items()
        if node.resource_type in ("model", "snapshot")
        for used in node.depends_on_macros
        if used in callers
    }


def _callers(changed: dict[str, str], manifest: Manifest) -> dict[str, str]:
    """Changed macros and those that call them, each with the changed one's name."""
    found = dict(changed)
    grew = True
    while grew:
        grew = False
        for uid, macro in manifest.macros.items():
            inner = next((one for one in macro.depends_on_macros if one in found), None)
            if inner is not None and uid not in found:
                found[uid] = found[inner]
                grew = True
    return found
