"""Columns of a relation that cannot be asked: from the catalog, the YAML, or the code."""

from __future__ import annotations

from typing import Any

from agentic.exceptions import AgenticError
from agentic.lineage import catalog_schemas, column_lineage, columns_expected_of
from agentic.project import load_catalog
from agentic.tools.bench import Bench

LIMIT = 200


def expected_columns(bench: Bench, unique_id: str) -> dict[str, Any]:
    """`{from, columns}`; `from` is catalog, yaml or inferred. Empty when nothing is known.

    `inferred`: worked out from the node's own code and its parents', or, of a source, the names
    that its children read.
    """
    known = _catalogued(bench, unique_id)
    if known:
        return {"from": "catalog", "columns": dict(list(known.items())[:LIMIT])}
    node = bench.manifest.all.get(unique_id)
    if node is None:
        return {}
    declared = {column.name: column.data_type or "" for column in node.columns.values()}
    names = _by_code(bench, unique_id)
    if names:
        types = {name: declared.get(name, "") for name in names[:LIMIT]}
        return {"from": "inferred", "columns": types}
    if declared:
        return {"from": "yaml", "columns": declared}
    return {}


def _catalogued(bench: Bench, unique_id: str) -> dict[str, str]:
    try:
        catalog = load_catalog(bench.project.target_path / "catalog.json")
    except AgenticError:
        return {}  # system_map says what is wrong with it
    return catalog_schemas(catalog).get(unique_id, {})


def _by_code(bench: Bench, unique_id: str) -> list[str]:
    if unique_id.startswith(("source.", "seed.")):
        try:
            return list(columns_expected_of(unique_id, bench.manifest, bench.dialect))
        except AgenticError:
            return []
    above = {unique_id, *bench.graph.ancestors(unique_id)}
    traced = column_lineage(bench.manifest, schemas={}, dialect=bench.dialect, only=above)
    return [name for name in traced.columns(unique_id) if name != "*"]
