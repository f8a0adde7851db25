"""Tools that follow columns through the project's SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from agentic.exceptions import AgenticError
from agentic.lineage import ColumnLineage
from agentic.lineage import column_lineage as trace_columns
from agentic.lineage import impact as impact_of
from agentic.project import Node
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, page
from agentic.tools.inferred import expected_columns
from agentic.tools.live import live_columns
from agentic.tools.nodes import UniqueId, find_node
from agentic.tools.registry import tool

ColumnName = Annotated[str, Meta(description="column name")]
Edges = Annotated[int, Meta(description="edges to follow each way; 0 for all", ge=0, le=50)]
FOLLOWED = 400
"""Columns of one answer that are followed further."""
_TESTS = ("test.", "unit_test.")


@tool(toolset="context", effect="read")
def column_lineage(
    bench: Bench, *, node: UniqueId, column: ColumnName, depth: Edges = 1, more: More = ""
) -> dict[str, Any]:
    """Where a column comes from and which columns are made from it, with the kind of each step, its
    expression, and the file and line that makes it. What cannot be followed is `unknown`, with why.
    """
    uid = find_node(bench, node).unique_id
    traced, marks = _traced(bench, uid, down=True)
    up = _follow(bench, traced, (uid, column), depth, up=True)
    down = _follow(bench, traced, (uid, column), depth, up=False)
    rows = [*({"way": "up", **row} for row in up), *({"way": "down", **row} for row in down)]
    answer = page(rows, more, name="edges", tokens=1_500)
    kept = answer.pop("edges")
    return {
        "node": uid,
        "column": column,
        **lean({"kind": traced.kind(uid, column), "at": cite(bench, uid, column)}),
        "upstream": [_without_way(row) for row in kept if row["way"] == "up"],
        "downstream": [_without_way(row) for row in kept if row["way"] == "down"],
        **answer,
        **marks,
    }


def _without_way(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "way"}


def _traced(bench: Bench, uid: str, *, down: bool) -> tuple[ColumnLineage, dict[str, Any]]:
    """The lineage around a node, and which relations' columns had to be taken on trust."""
    near = {uid, *bench.graph.ancestors(uid)}
    if down:
        near.update(bench.graph.descendants(uid))
        near.update(*(bench.graph.parents(one) for one in list(near)))
    schemas, inferred = _schemas(bench, near)
    traced = trace_columns(bench.manifest, schemas=schemas, dialect=bench.dialect, only=near)
    return traced, lean({"columns_not_live": inferred[:10]})


def _schemas(bench: Bench, uids: Iterable[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Columns of sources and seeds: live, else as far as anything else speaks of them."""
    found: dict[str, dict[str, str]] = {}
    trusted: list[str] = []
    for uid in sorted(uids):
        if not uid.startswith(("source.", "seed.")):
            continue
        try:
            columns = live_columns(bench, uid)
        except AgenticError:
            columns = None
        if columns:
            found[uid] = {name: kind for name, kind, _ in columns}
            continue
        expected = expected_columns(bench, uid)
        trusted.append(f"{uid}: {expected.get('from', 'unknown')}")
        # Columns that only children name are no schema: a star over it would lose the others.
        if expected.get("from") == "catalog":
            found[uid] = expected["columns"]
    return found, trusted


def _follow(
    bench: Bench, traced: ColumnLineage, start: tuple[str, str], depth: int, *, up: bool
) -> list[dict[str, Any]]:
    """Edges from a column outwards, nearest first, each once."""
    rows: list[dict[str, Any]] = []
    seen = {(start[0], start[1].lower())}
    frontier, distance = [start], 0
    while frontier and len(rows) < FOLLOWED and (not depth or distance < depth):
        distance += 1
        following = []
        for node, column in frontier:
            edges = traced.upstream(node, column) if up else traced.downstream(node, column)
            for edge in edges:
                made = (node, column) if up else (edge.node, edge.column)
                step = {"distance": distance if distance > 1 else None, "at": cite(bench, *made)}
                rows.append(lean({**_edge(edge), **step}))
                key = (edge.node, edge.column.lower())
                if edge.column and key not in seen:
                    seen.add(key)
                    if edge.kind not in ("filter", "join"):
                        following.append((edge.node, edge.column))
        frontier = following
    return rows


def _edge(edge: Any) -> dict[str, Any]:
    names = ("node", "column", "kind", "expression", "reason")
    found = {name: value for name in names if (value := getattr(edge, name, None))}
    if found.get("kind") == "unchanged":
        found.pop("expression", None)
    elif "expression" in found:
        found["expression"] = found["expression"][:200]
    return found


def cite(bench: Bench, unique_id: str, column: str) -> str:
    """`file:line` where a node names a column; the file alone where its code does not."""
    node: Node | None = bench.manifest.all.get(unique_id)
    if node is None or not node.original_file_path or unique_id.startswith("source."):
        return ""
    word = re.escape(column)
    for pattern in (rf'\bas\s+["`]?{word}["`]?(?!\w)', rf"(?<!\w){word}(?!\w)"):
        found = re.search(pattern, node.raw_code or "", re.IGNORECASE)
        if found:
            line = node.raw_code.count("\n", 0, found.start()) + 1
            return f"{node.original_file_path}:{line}"
    return node.original_file_path


@tool(toolset="context", effect="read")
def impact(
    bench: Bench, *, node: UniqueId, column: ColumnName = "", more: More = ""
) -> dict[str, Any]:
    """Who is affected when a node, or one column of it, changes: nodes, exposures, owners; of a
    column also who reads it by name, which columns are made of it, its tests and contracts, and
    whether dropping it breaks anything."""
    uid = find_node(bench, node).unique_id
    if column:
        return _of_column(bench, uid, column, more)
    below = [u for u in bench.graph.descendants(uid) if not u.startswith(_TESTS)]
    owners = {o for u in below if (o := bench.manifest.owner_of(u))}
    ends = [u for u in below if u.startswith("exposure.")]
    return {
        "node": uid,
        **page(below, more, name="nodes", tokens=1_500),
        "exposures": ends,
        "owners": sorted(owners),
    }


def _of_column(bench: Bench, uid: str, column: str, more: str) -> dict[str, Any]:
    traced, marks = _traced(bench, uid, down=True)
    found = impact_of(uid, column, manifest=bench.manifest, graph=bench.graph, lineage=traced)
    rows = [{"node": one.node, "column": one.column, "kind": one.kind} for one in found.columns]
    return {
        "node": uid,
        "column": column,
        "verdict": found.verdict,
        "column_is_read": bool(found.readers),
        **lean(
            {
                "readers": [cite(bench, one, column) or one for one in found.readers[:20]],
                "nodes": list(found.nodes[:40]),
                "nodes_total": len(found.nodes),
                "tests": list(found.tests[:20]),
                "contracts": list(found.contracts),
                "exposures": list(found.exposures),
                "metrics": list(found.metrics),
                "owners": list(found.owners),
                "unknown": [f"{one}: {why}" for one, why in found.unknown[:10]],
            }
        ),
        **page(rows, more, name="columns"),
        **marks,
    }
