"""What dbt's parser lets through and no build can: circles, and readers of disabled nodes.

dbt writes the manifest first and then finds that it has no order of nodes, so that nothing else of
its artifacts tells of the failure: the results on disk are those of the last build that ran.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from agentic.project import Manifest, Node, RunResults
from agentic.records import Signal
from agentic.triggers.signals import clean

_READ = ("model.", "seed.", "snapshot.", "source.")


class NewEdge(msgspec.Struct, frozen=True):
    """A node of a circle that reads what its last built SQL did not read."""

    reader: str
    read: str
    lost: tuple[str, ...]
    """What that SQL read and the node no longer does."""


def cycle_of(manifest: Manifest) -> tuple[str, ...]:
    """The first cycle of a project: it parses, and only `dbt build` finds that it has no order."""
    parents = manifest.parent_map or {}
    done: set[str] = set()
    for start in sorted(parents):
        way: list[str] = [start]
        waiting = [iter(sorted(parents.get(start, ())))]
        on_way = {start}
        while way and start not in done:
            upper = next(waiting[-1], None)
            if upper is None:
                done.add(way[-1])
                on_way.discard(way.pop())
                waiting.pop()
            elif upper in on_way:
                return tuple(reversed(way[way.index(upper) :]))
            elif upper not in done:
                way.append(upper)
                on_way.add(upper)
                waiting.append(iter(sorted(parents.get(upper, ()))))
    return ()


def cycle_signal(
    cycle: Sequence[str],
    manifest: Manifest,
    changed: Sequence[str],
    results: RunResults | None = None,
) -> Signal:
    """A cycle, laid at the reader that the last build knew without it, or that changed last."""
    rank = {path: number for number, path in enumerate(changed)}
    paths = {uid: manifest.all[uid].original_file_path for uid in cycle if uid in manifest.all}
    node = min(sorted(paths), key=lambda uid: rank.get(paths[uid], len(rank)))
    names = " --> ".join([*cycle, cycle[0]])
    message = f"Found a cycle: {names}"
    edge = new_edge(cycle, manifest, results)
    if edge is not None:
        node = edge.reader
        message += f"\nThe last build of {edge.reader} did not read {edge.read}."
        if edge.lost:
            message += f"\nIt read what it reads no more: {', '.join(edge.lost)}"
    return Signal(kind="compile_error", node=node, message=message, path=paths[node])


def new_edge(
    cycle: Sequence[str], manifest: Manifest, results: RunResults | None
) -> NewEdge | None:
    """The one edge of a cycle that the last built SQL does not have; None: there is not just one.

    SQL that says nothing of its other parents either is of another target, and no witness.
    """
    built = {one.unique_id: one.compiled_code or "" for one in results.results} if results else {}
    parents = manifest.parent_map or {}
    found = []
    for at, one in enumerate(cycle):
        other = cycle[(at + 1) % len(cycle)]
        for reader, read in ((one, other), (other, one)):
            if read not in parents.get(reader, ()) or not built.get(reader):
                continue
            if not _reads(built[reader], manifest.all[read]):
                found.append((reader, read))
    if len(set(found)) != 1:
        return None
    reader, read = found[0]
    before = {
        uid
        for uid, node in manifest.all.items()
        if uid.startswith(_READ) and uid != reader and _reads(built[reader], node)
    }
    if not before:
        return None
    return NewEdge(reader, read, tuple(sorted(before - set(parents.get(reader, ())))))


def _reads(sql: str, node: Node) -> bool:
    names = [node.relation_name or "", f"__dbt__cte__{node.name}"]
    pattern = "|".join(re.escape(name) for name in names if name)
    return re.search(rf"(?<![\w.])(?:{pattern})(?![\w.])", sql, re.IGNORECASE) is not None


def disabled_read(manifest: Manifest) -> tuple[str, str] | None:
    """(reader, disabled node): partial parsing keeps readers that a whole parse refuses."""
    off = manifest.disabled or {}
    for uid, node in sorted(manifest.nodes.items()):
        if uid.startswith("test."):
            continue
        for parent in node.depends_on_nodes:
            if parent in off and parent not in manifest.all:
                return uid, parent
    return None


def disabled_signal(edge: tuple[str, str], manifest: Manifest) -> Signal:
    """The words of a whole parse, which says which of its names is disabled."""
    reader = manifest.nodes[edge[0]]
    kind = reader.resource_type.capitalize()
    name = edge[1].split(".")[2]
    message = (
        f"Compilation Error\n  {kind} '{reader.unique_id}' ({reader.original_file_path}) depends "
        f"on a node named '{name}' which is disabled"
    )
    return Signal(
        kind="parse_error",
        node=reader.unique_id,
        message=clean(message),
        path=reader.original_file_path,
    )
