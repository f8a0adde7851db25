"""Tools that follow columns through the project's SQL."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.lineage import column_lineage as trace_columns
from agentic.lineage import columns_expected_of
from agentic.tools.bench import Bench
from agentic.tools.live import live_columns
from agentic.tools.nodes import LIST, UniqueId, find_node
from agentic.tools.registry import tool

ColumnName = Annotated[str, Meta(description="column name")]


@tool(toolset="context", effect="read")
def column_lineage(bench: Bench, *, node: UniqueId, column: ColumnName) -> dict[str, Any]:
    """Where a column comes from and which columns are made from it, one edge away both ways."""
    uid = find_node(bench, node).unique_id
    near = {uid, *bench.graph.ancestors(uid), *bench.graph.children(uid)}
    schemas = {
        one: {name: kind for name, kind, _ in columns}
        for one in sorted(near)
        if one.startswith(("source.", "seed.")) and (columns := live_columns(bench, one))
    }
    traced = trace_columns(bench.manifest, schemas=schemas, dialect=bench.dialect, only=near)
    return {
        "node": uid,
        "column": column,
        "upstream": [_edge(edge) for edge in traced.upstream(uid, column)],
        "downstream": [_edge(edge) for edge in traced.downstream(uid, column)],
    }


def _edge(edge: Any) -> dict[str, Any]:
    names = ("node", "column", "kind", "expression", "reason")
    return {name: value for name in names if (value := getattr(edge, name, None))}


@tool(toolset="context", effect="read")
def impact(bench: Bench, *, node: UniqueId, column: ColumnName = "") -> dict[str, Any]:
    """Who is affected when a node, or one column of it, changes: nodes, exposures, owners."""
    uid = find_node(bench, node).unique_id
    below = [u for u in bench.graph.descendants(uid) if not u.startswith(("test.", "unit_test."))]
    owners = {o for u in below if (o := bench.manifest.owner_of(u))}
    report: dict[str, Any] = {
        "node": uid,
        "nodes": below[:LIST],
        "total": len(below),
        "exposures": [u for u in below if u.startswith("exposure.")],
        "owners": sorted(owners),
    }
    if column:
        found = columns_expected_of(uid, bench.manifest, bench.dialect)
        report["column_is_read"] = column.lower() in found
    return report
