"""Fifty thousand nodes: graph, selection, drawing and column lineage of the last of them."""

from __future__ import annotations

import msgspec
import pytest

from agentic.lineage import Graph, column_lineage, drawing, resolve
from agentic.project import Manifest

pytestmark = pytest.mark.slow
COUNT = 50_000


def test_fifty_thousand_nodes_in_one_chain() -> None:
    nodes = {
        f"model.p.n{number}": {
            "unique_id": f"model.p.n{number}",
            "name": f"n{number}",
            "alias": f"n{number}",
            "schema": "s",
            "resource_type": "model",
            "package_name": "p",
            "fqn": ["p", f"n{number}"],
            "compiled_code": f"select id from s.n{number - 1}" if number else "select 1 as id",
            "depends_on": {"nodes": [f"model.p.n{number - 1}"] if number else []},
        }
        for number in range(COUNT)
    }
    parents = {uid: node["depends_on"]["nodes"] for uid, node in nodes.items()}  # type: ignore[index]
    manifest = msgspec.convert(
        {"metadata": {}, "nodes": nodes, "parent_map": parents, "child_map": {}}, Manifest
    )
    graph = Graph(manifest)

    assert len(resolve("+n49999", manifest, graph).uids) == COUNT
    assert len(graph.path("model.p.n0", "model.p.n49999")) == COUNT
    assert sum(1 for _ in drawing.tree(list(graph)[:1000], graph)) == 1000
    lineage = column_lineage(manifest, schemas={}, dialect="duckdb", only=["model.p.n99"])
    assert lineage.upstream("model.p.n99", "id")[0].node == "model.p.n98"
