"""Which node divides by a source's column, under whatever name it goes there."""

from __future__ import annotations

from agentic.exceptions import AgenticError
from agentic.lineage import Graph, column_lineage
from agentic.project import Manifest, Node
from agentic.sql.divisors import bare_divisors

_COPIES = ("unchanged", "renamed")
_FOLLOWED = 60


def divider_of(manifest: Manifest, uid: str, column: str, dialect: str) -> Node | None:
    """The nearest node below a source that divides by its column, unguarded; None without one."""
    graph = Graph(manifest)
    below = [one for one in graph.descendants(uid) if one.startswith(("model.", "snapshot."))]
    divisors = {
        one: names
        for one in below[:_FOLLOWED]
        if (names := bare_divisors(manifest.all[one].compiled_code or "", dialect))
    }
    if not divisors:
        return None
    try:
        traced = column_lineage(
            manifest,
            schemas={uid: {column: ""}},
            dialect=dialect,
            only={uid, *below[:_FOLLOWED]},
        )
    except AgenticError:
        return None
    here, seen = [(uid, column.lower())], set()
    while here:
        for parent, name in here:
            for child in graph.children(parent):
                if name in divisors.get(child, ()):
                    found: Node = manifest.all[child]
                    return found
        seen |= set(here)
        edges = [edge for place in here for edge in traced.downstream(*place)]
        copies = [(e.node, e.column.lower()) for e in edges if e.kind in _COPIES]
        here = [one for one in dict.fromkeys(copies) if one not in seen]
    return None
