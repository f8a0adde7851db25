"""Tools that read the manifest and the lineage graph: no warehouse, no files."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError, tool

UniqueId = Annotated[str, Meta(description="unique_id of a node, source or exposure")]
Depth = Annotated[int, Meta(description="edges to follow; 0 for all", ge=0, le=50)]
CODE_CHARS = 12_000
LIST = 200


def find_node(bench: Bench, unique_id: str) -> Any:
    """The node of a unique_id, or of a name that only one node has. Raises ToolError otherwise."""
    found = bench.manifest.all.get(unique_id)
    if found is not None:
        return found
    named = [n for n in bench.manifest.all.values() if n.name.lower() == unique_id.lower()]
    if len(named) == 1:
        return named[0]
    near = sorted(n.unique_id for n in bench.manifest.all.values() if unique_id in n.unique_id)
    hint = f"Did you mean {', '.join(near[:5])}?" if near else "catalog_search finds nodes by word."
    raise ToolError(f"the project has no node {unique_id!r}", hint=hint)


@tool(toolset="context", effect="read")
def get_node(bench: Bench, *, node: UniqueId) -> dict[str, Any]:
    """One node as dbt knows it: kind, file, relation, code, columns, tests, parents, owner."""
    one = find_node(bench, node)
    children = bench.graph.children(one.unique_id)
    code = one.raw_code or ""
    return {
        "unique_id": one.unique_id,
        "resource_type": one.resource_type,
        "path": one.original_file_path,
        "relation": one.relation_name,
        "owner": bench.manifest.owner_of(one.unique_id),
        "tags": list(one.tags),
        "materialized": (one.config or {}).get("materialized"),
        "declared_columns": [
            {"name": c.name, "data_type": c.data_type} for c in list(one.columns.values())[:LIST]
        ],
        "raw_code": code[:CODE_CHARS],
        "code_truncated": len(code) > CODE_CHARS,
        "parents": list(bench.graph.parents(one.unique_id))[:LIST],
        "children": [c for c in children if not c.startswith("test.")][:LIST],
        "tests": [c for c in children if c.startswith(("test.", "unit_test."))][:LIST],
    }


@tool(toolset="context", effect="read")
def lineage_upstream(bench: Bench, *, node: UniqueId, depth: Depth = 0) -> dict[str, Any]:
    """Every ancestor of a node with its distance in edges, nearest first."""
    return _walk(bench, find_node(bench, node).unique_id, depth, up=True)


@tool(toolset="context", effect="read")
def lineage_downstream(bench: Bench, *, node: UniqueId, depth: Depth = 0) -> dict[str, Any]:
    """Every descendant of a node, tests and exposures included, with its distance in edges."""
    return _walk(bench, find_node(bench, node).unique_id, depth, up=False)


def _walk(bench: Bench, start: str, depth: int, *, up: bool) -> dict[str, Any]:
    step = bench.graph.parents if up else bench.graph.children
    distance, frontier = {start: 0}, [start]
    while frontier and (not depth or distance[frontier[0]] < depth):
        following = []
        for here in frontier:
            for uid in step(here):
                if uid not in distance:
                    distance[uid] = distance[here] + 1
                    following.append(uid)
        frontier = following
    rows = [{"node": uid, "distance": n} for uid, n in distance.items() if n]
    return {"node": start, "nodes": rows[:LIST], "total": len(rows)}


@tool(toolset="context", effect="read")
def catalog_search(
    bench: Bench, *, text: Annotated[str, Meta(description="words to look for", min_length=2)]
) -> dict[str, Any]:
    """Nodes and sources whose name, description, tag or column matches every word."""
    words = text.lower().split()
    hits = []
    for uid, one in sorted(bench.manifest.all.items()):
        columns = " ".join(one.columns) if one.columns else ""
        described = getattr(one, "description", "") or ""
        haystack = f"{uid} {' '.join(one.tags)} {columns} {described}".lower()
        if all(word in haystack for word in words):
            hits.append(
                {
                    "node": uid,
                    "path": one.original_file_path,
                    "owner": bench.manifest.owner_of(one.unique_id),
                }
            )
    return {"matches": hits[:50], "total": len(hits)}
