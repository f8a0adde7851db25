"""The `--state` that a build defers to: only the parents that it needs, written from the baseline.

dbt spends seconds on reading a whole manifest for a handful of relation names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from agentic.project import Manifest, Node
from agentic.records import dumps

_SCHEMA_VERSION = "https://schemas.getdbt.com/dbt/manifest/v12.json"
_SECTIONS = (
    "sources", "macros", "docs", "exposures", "metrics", "groups", "selectors", "disabled",
    "parent_map", "child_map", "group_map", "saved_queries", "semantic_models", "unit_tests",
)  # fmt: skip
REFERABLE = ("model", "seed", "snapshot")


def parents_outside(
    manifest: Manifest, selected: Collection[str], *, tests: bool = True
) -> frozenset[str]:
    """Nodes with a relation that the selected ones, and tests on them, read but do not build."""
    chosen = set(selected)
    readers = set(chosen)
    if tests:
        readers.update(uid for one in chosen for uid in manifest.tests_of(one))
    found: set[str] = set()
    waiting = list(readers)
    seen: set[str] = set()
    while waiting:
        for parent in _parents(manifest, waiting.pop()):
            if parent.unique_id in seen or parent.unique_id in chosen:
                continue
            seen.add(parent.unique_id)
            if parent.materialized == "ephemeral":
                # Its SQL is put into its reader, so that its parents are read instead.
                waiting.append(parent.unique_id)
            else:
                found.add(parent.unique_id)
    return frozenset(found)


def _parents(manifest: Manifest, uid: str) -> Iterator[Node]:
    for parent in (manifest.parent_map or {}).get(uid, []):
        node = manifest.nodes.get(parent)
        if node is not None and node.resource_type in REFERABLE:
            yield node


def write_state(folder: Path, baseline: Manifest, needed: Collection[str]) -> Path:
    """A manifest.json in `folder` with the baseline's relations of the needed nodes."""
    nodes = {
        uid: _state_node(baseline.nodes[uid]) for uid in sorted(needed) if uid in baseline.nodes
    }
    content = {
        "metadata": {
            "dbt_schema_version": _SCHEMA_VERSION,
            "dbt_version": baseline.metadata.dbt_version,
            "project_name": baseline.metadata.project_name,
            "adapter_type": baseline.metadata.adapter_type,
        },
        "nodes": nodes,
        **{section: {} for section in _SECTIONS},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(dumps(content), encoding="utf-8")
    return folder


def _state_node(node: Node) -> dict[str, object]:
    checksum = node.checksum
    return {
        "unique_id": node.unique_id,
        "name": node.name,
        "resource_type": node.resource_type,
        "package_name": node.package_name,
        "path": node.path,
        "original_file_path": node.original_file_path,
        "fqn": node.fqn,
        "alias": node.alias,
        "database": node.database,
        "schema": node.schema,
        "relation_name": node.relation_name,
        "checksum": {
            "name": checksum.name if checksum else "none",
            "checksum": checksum.checksum if checksum else "",
        },
        "config": {"enabled": True, "materialized": node.materialized or "table"},
    }
