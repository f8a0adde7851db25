"""Column lineage against sqlglot's bare parse of the same SQL, on projects whose truth is known.

    python benchmarks/lineage.py [--models 100 1000 5000]

CPU seconds of one process; the ratio is what counts. Exactness is the share of columns whose
origins and kinds equal the truth. Selection and graph are measured on the same manifest.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from lineage_project import Project, generate

from agentic.lineage import ColumnLineage, Graph, column_lineage, select
from agentic.project import Manifest, load_manifest
from agentic.sql import parse

T = TypeVar("T")


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of one call, garbage of earlier ones collected first."""
    gc.collect()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def exactness(project: Project, lineage: ColumnLineage) -> tuple[int, int, list[str]]:
    """Columns that are exactly right, columns in all, and the first few that are not."""
    right, total, wrong = 0, 0, []
    for uid, columns in project.truth.items():
        found = lineage.columns(uid)
        if list(found) != list(columns):
            wrong.append(f"{uid}: columns {found}")
        for column, origins in columns.items():
            total += 1
            edges = lineage.upstream(uid, column)
            got = {
                (edge.node, edge.column, edge.kind)
                for edge in edges
                if edge.kind not in ("filter", "join")
            }
            if got == origins:
                right += 1
            elif len(wrong) < 10:
                wrong.append(f"{uid}.{column}: {sorted(got)} is not {sorted(origins)}")
    return right, total, wrong


def measure(count: int) -> bool:
    project = generate(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_text(json.dumps(project.manifest))
        size = path.stat().st_size
        load_s, manifest = cpu(lambda: load_manifest(path))
    graph_s, graph = cpu(lambda: Graph(manifest))
    parse_s, _ = cpu(lambda: parse_all(manifest))
    lineage_s, lineage = cpu(
        lambda: column_lineage(manifest, schemas=project.schemas, dialect="duckdb")
    )
    again_s = measure_again(manifest, project)
    select_s, _ = cpu(lambda: select("+node_50+ path:models,node_*", manifest, graph))
    right, total, wrong = exactness(project, lineage)
    print(
        f"{count:>6} {size / 1e6:6.1f} {load_s:7.3f} {graph_s:7.3f} {select_s:7.3f}"
        f" {parse_s:7.2f} {lineage_s:9.2f} {lineage_s / parse_s:6.2f} {again_s:9.3f}"
        f" {right:>7}/{total:<7} {right / total:.2%}"
    )
    for line in wrong:
        print("   ", line)
    return right == total


def measure_again(manifest: Manifest, project: Project) -> float:
    """CPU seconds when one node of a traced project has changed."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "lineage.msgpack"
        column_lineage(manifest, schemas=project.schemas, dialect="duckdb", store=store)
        uid = list(manifest.nodes)[-1]
        old = manifest.nodes[uid]
        text = f"select * from ({old.compiled_code}) as changed"
        nodes = {**manifest.nodes, uid: msgspec.structs.replace(old, compiled_code=text)}
        changed = msgspec.structs.replace(manifest, nodes=nodes)
        seconds, _ = cpu(
            lambda: column_lineage(changed, schemas=project.schemas, dialect="duckdb", store=store)
        )
    return seconds


def parse_all(manifest: Manifest) -> None:
    for node in manifest.nodes.values():
        parse(node.compiled_code or "", "duckdb")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="*", default=[100, 1000])
    counts = parser.parse_args().models
    print(
        "models     MB  load s graph s select s parse s lineage s  ratio  1 changed  exact columns"
    )
    exact = [measure(count) for count in counts]
    return 0 if all(exact) else 1


if __name__ == "__main__":
    sys.exit(main())
