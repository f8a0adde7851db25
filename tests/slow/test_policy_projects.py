"""Compiled SQL of public projects passes as a reader's query, every statement of it.

`AGENTIC_PROJECTS` names a folder of built projects: what lies in their target/compiled is judged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentic.lineage import Graph
from agentic.policy import World, judge_sql
from agentic.project import Manifest, load_manifest

pytestmark = pytest.mark.slow
RELATIONS = ("source.", "seed.", "model.", "snapshot.")


def built() -> list[Path]:
    named = os.environ.get("AGENTIC_PROJECTS")
    return sorted(Path(named).glob("*/target/manifest.json")) if named else []


def statements(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for uid, node in sorted(manifest.all.items()):
        compiled = getattr(node, "compiled_code", None)
        if compiled and uid.startswith(("model.", "snapshot.", "analysis.", "test.")):
            yield uid, compiled


def test_compiled_sql_of_public_projects_is_read() -> None:
    found = built()
    if not found:
        pytest.skip("not run: AGENTIC_PROJECTS names no folder of built projects")
    refused, judged = [], 0
    for path in found:
        manifest = load_manifest(path)
        assert Graph(manifest)
        nodes = [n for uid, n in manifest.all.items() if uid.startswith(RELATIONS) and n.schema]
        world = World(
            relations={f"{node.schema}.{node.alias}": () for node in nodes},
            default_schema=nodes[0].schema or "",
            default_database=nodes[0].database or "",
        )
        dialect = str(manifest.metadata.adapter_type)
        for uid, sql in statements(manifest):
            verdict = judge_sql(sql, dialect=dialect, role="reader", world=world)
            judged += 1
            if verdict.verdict != "allow":
                refused.append((uid, verdict.code, verdict.reason))

    assert refused == []
    assert judged
