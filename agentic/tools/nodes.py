"""Tools that read the manifest and the lineage graph: no warehouse, no files."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, page
from agentic.tools.freshly import is_stale
from agentic.tools.registry import ToolError, tool

UniqueId = Annotated[str, Meta(description="unique_id of a node, source or exposure")]
Depth = Annotated[int, Meta(description="edges to follow; 0 for all", ge=0, le=50)]
Kind = Annotated[str, Meta(description="only these: model, source, test, exposure, ...")]
CODE_CHARS = 8_000
LIST = 200
LINEAGE_TOKENS = 3_000
_TESTS = ("test.", "unit_test.")
_RELATIONS = ("model", "source", "seed", "snapshot")


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
def get_node(
    bench: Bench,
    *,
    node: UniqueId,
    code: Annotated[bool, Meta(description="false: without its code")] = True,
    more: More = "",
) -> dict[str, Any]:
    """One node as dbt knows it: kind, file, relation, columns, tests, parents, owner, code.

    Long code comes in parts: `more` gives the next one.
    """
    one = find_node(bench, node)
    children = bench.graph.children(one.unique_id)
    start = int(more) if more.isdigit() else 0
    text = (one.raw_code or "")[start : start + CODE_CHARS] if code else ""
    left = code and start + CODE_CHARS < len(one.raw_code or "")
    if start:
        return lean({"unique_id": one.unique_id, "raw_code": text, "more": _next(start, left)})
    return {
        "unique_id": one.unique_id,
        "resource_type": one.resource_type,
        "path": one.original_file_path,
        **lean(
            {
                "described_in": (one.patch_path or "").rpartition("://")[2],
                "relation": one.relation_name,
                "owner": bench.manifest.owner_of(one.unique_id),
                "tags": list(one.tags),
                "materialized": one.materialized,
                "contract": one.contract_enforced or None,
                "about": " ".join((one.description or "").split())[:300],
                "declared_columns": _declared(one),
                "raw_code": text,
                "more": _next(start, left),
                "parents": list(bench.graph.parents(one.unique_id))[:LIST],
                "children": [c for c in children if not c.startswith(_TESTS)][:LIST],
                "tests": [c for c in children if c.startswith(_TESTS)][:LIST],
                "same_relation": _twins(bench, one),
                "stale": is_stale(bench, one),
            }
        ),
    }


def _next(start: int, left: bool) -> str:
    return str(start + CODE_CHARS) if left else ""


def _declared(node: Any) -> dict[str, str]:
    """Columns as YAML declares them, with their types; a mark of PII beside the type."""
    found = {}
    for column in list(node.columns.values())[:LIST]:
        marks = [column.data_type or "", "pii" if "pii" in column.tags else ""]
        found[column.name] = " ".join(mark for mark in marks if mark)
    return found


def _twins(bench: Bench, node: Any) -> list[str]:
    """Other nodes that write the same relation: what is read there is of the last that ran."""
    if not node.relation_name or node.resource_type not in _RELATIONS:
        return []
    return sorted(
        uid
        for uid, one in bench.manifest.all.items()
        if one.relation_name == node.relation_name
        and uid != node.unique_id
        and one.resource_type in _RELATIONS
    )


@tool(toolset="context", effect="read")
def lineage_upstream(
    bench: Bench, *, node: UniqueId, depth: Depth = 0, kind: Kind = "", more: More = ""
) -> dict[str, Any]:
    """Every ancestor of a node by its distance in edges, nearest first."""
    return _walk(bench, node, depth, kind, more, up=True)


@tool(toolset="context", effect="read")
def lineage_downstream(
    bench: Bench, *, node: UniqueId, depth: Depth = 0, kind: Kind = "", more: More = ""
) -> dict[str, Any]:
    """Every descendant of a node, tests and exposures included, by its distance in edges."""
    return _walk(bench, node, depth, kind, more, up=False)


def _walk(bench: Bench, node: str, depth: int, kind: str, more: str, *, up: bool) -> dict[str, Any]:
    start = find_node(bench, node).unique_id
    distance = distances(bench, start, depth, up=up)
    found = [
        (uid, edges)
        for uid, edges in distance.items()
        if edges and (not kind or uid.startswith(f"{kind}."))
    ]
    answer = page([uid for uid, _ in found], more, name="nodes", tokens=LINEAGE_TOKENS)
    by_distance: dict[str, list[str]] = {}
    for uid in answer["nodes"]:
        by_distance.setdefault(str(distance[uid]), []).append(uid)
    return {"node": start, **answer, "nodes": by_distance}


def distances(bench: Bench, start: str, depth: int = 0, *, up: bool) -> dict[str, int]:
    """Edges from a node to everything above or below it, itself included, nearest first."""
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
    return distance
