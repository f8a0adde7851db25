"""Another tool's column lineage of a generated project, run by that tool's own Python.

    PYTHON benchmarks/_peer.py recce|colibri|agentic FOLDER

FOLDER has manifest.json and catalog.json. Prints one JSON object: CPU seconds, and the origins of
every column as {node: {column: [[node, column], ...]}}.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

Answers = dict[str, dict[str, list[list[str]]]]


def recce(folder: Path) -> tuple[float, Answers]:
    """Its `cll` for each node, with the schema that its dbt adapter would give along."""
    from recce.util.cll import cll  # noqa: PLC0415 - each is there in one Python alone

    manifest, catalog = read(folder, "manifest"), read(folder, "catalog")
    tables = {**catalog["nodes"], **catalog["sources"]}
    gc.collect()
    start = time.process_time()
    found: Answers = {}
    for uid, node in manifest["nodes"].items():
        ids = {parent.rpartition(".")[2]: parent for parent in node["depends_on"]["nodes"]}
        schema = {
            name: {key: one["type"] for key, one in tables[parent]["columns"].items()}
            for name, parent in ids.items()
        }
        try:
            _, columns = cll(node["compiled_code"], schema=schema, dialect="duckdb")
        except Exception:  # noqa: BLE001 - what it cannot follow counts as wrong
            continue
        found[uid] = {
            name: [[ids.get(one.node.lower(), one.node), one.column] for one in column.depends_on]
            for name, column in columns.items()
        }
    return time.process_time() - start, found


def colibri(folder: Path) -> tuple[float, Answers]:
    """Its whole extraction, as its command runs it."""
    from dbt_colibri.lineage_extractor.extractor import (  # noqa: PLC0415
        DbtColumnLineageExtractor,
    )

    gc.collect()
    start = time.process_time()
    maker = DbtColumnLineageExtractor(str(folder / "manifest.json"), str(folder / "catalog.json"))
    parents = maker.extract_project_lineage()["lineage"]["parents"]
    seconds = time.process_time() - start
    return seconds, {
        uid: {
            name: [
                [one["dbt_node"], one["column"]]
                for one in ups
                if one.get("lineage_type") not in ("filter", "join", "group_by", "order_by")
            ]
            for name, ups in columns.items()
        }
        for uid, columns in parents.items()
    }


def agentic(folder: Path) -> tuple[float, Answers]:
    """Ours, for a Python whose sqlglot is compiled."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from agentic.lineage import column_lineage  # noqa: PLC0415
    from agentic.project import load_manifest  # noqa: PLC0415
    from agentic.sql import parse  # noqa: PLC0415

    manifest = load_manifest(folder / "manifest.json")
    sources = read(folder, "catalog")["sources"]
    schemas = {uid: dict.fromkeys(one["columns"], "") for uid, one in sources.items()}
    gc.collect()
    start = time.process_time()
    for node in manifest.nodes.values():
        parse(node.compiled_code or "", "duckdb")
    middle = time.process_time()
    gc.collect()
    again = time.process_time()
    lineage = column_lineage(manifest, schemas=schemas, dialect="duckdb")
    seconds = time.process_time() - again
    found: Answers = {
        uid: {
            column: [
                [edge.node, edge.column]
                for edge in lineage.upstream(uid, column)
                if edge.kind not in ("filter", "join")
            ]
            for column in lineage.columns(uid)
        }
        for uid in manifest.nodes
    }
    print(json.dumps({"parse": middle - start}))
    return seconds, found


def read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    seconds_, answers = {"recce": recce, "colibri": colibri, "agentic": agentic}[sys.argv[1]](
        Path(sys.argv[2])
    )
    print(json.dumps({"seconds": seconds_, "answers": answers}))
