"""Column lineage beside sqlglot's bare parse and beside other tools, on projects of known truth.

    python benchmarks/lineage.py [--models 100 1000 5000 10000]

CPU seconds of one process; the ratio is what counts. Exact: the share of columns whose origins (for
ours, also kinds) equal the truth. Other tools run in Pythons of their own, named by AGENTIC_RECCE,
AGENTIC_COLIBRI (with that tool) and AGENTIC_COMPILED (agentic's dependencies and sqlglotc).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from lineage_project import Project, generate

from agentic.lineage import ColumnLineage, column_lineage
from agentic.project import Manifest, load_manifest
from agentic.sql import parse

T = TypeVar("T")
BESIDE = 1000
"""Models of the project that other tools are given."""
MOST_OF_PARSE, MOST_OF_RECCE, MOST_CHANGED_S = 2.0, 1 / 6, 0.05


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of one call, garbage of earlier ones collected first."""
    gc.collect()
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> int:
    """Measure and print two tables. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="*", default=[100, 1000, 5000, 10000])
    counts = parser.parse_args().models
    print("| models | bare parse | lineage | of parse | 1 changed | exact |")
    print("|---|---|---|---|---|---|")
    held = [measure(count) for count in counts]
    print(f"\nBeside other tools, {BESIDE:,} models, CPU seconds:\n")
    print("| tool | CPU s | ours (compiled sqlglot) is | exact |\n|---|---|---|---|")
    return 0 if all(held) and beside() else 1


def measure(count: int) -> bool:
    """One row: a project of `count` models. True when it is within its limits."""
    project = generate(count)
    manifest = manifest_of(project)
    parse_s, _ = cpu(lambda: parse_all(manifest))
    lineage_s, lineage = cpu(
        lambda: column_lineage(manifest, schemas=project.schemas, dialect="duckdb")
    )
    again_s = measure_again(manifest, project)
    right, total, wrong = exactness(project, lineage)
    print(
        f"| {count:,} | {parse_s:.2f} | {lineage_s:.2f} | {lineage_s / parse_s:.2f} |"
        f" {again_s:.3f} | {right:,} of {total:,} |",
        flush=True,
    )
    for line in wrong:
        print("   ", line, file=sys.stderr)
    changed_in_time = count > BESIDE or again_s <= MOST_CHANGED_S
    return right == total and lineage_s / parse_s <= MOST_OF_PARSE and changed_in_time


def manifest_of(project: Project) -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_text(json.dumps(project.manifest))
        return load_manifest(path)


def parse_all(manifest: Manifest) -> None:
    for node in manifest.nodes.values():
        parse(node.compiled_code or "", "duckdb")


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


def beside() -> bool:
    """Rows of the other tools. True when recce, if it is there, costs six times ours or more."""
    project = generate(BESIDE)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text(json.dumps(project.manifest))
        (Path(folder) / "catalog.json").write_text(json.dumps(catalog(project)))
        ours = peer("agentic", "AGENTIC_COMPILED", Path(folder), project, 0.0)
        rows = [
            peer(name, variable, Path(folder), project, ours)
            for name, variable in (("recce", "AGENTIC_RECCE"), ("colibri", "AGENTIC_COLIBRI"))
        ]
    return not (ours and rows[0]) or ours <= rows[0] * MOST_OF_RECCE


def catalog(project: Project) -> dict[str, Any]:
    """A catalog.json with the columns of every relation."""

    def table(entry: dict[str, Any], columns: list[str]) -> dict[str, Any]:
        name = entry.get("alias") or entry["identifier"]
        place = {"database": entry["database"], "schema": entry["schema"], "name": name}
        return {
            "metadata": {**place, "type": "BASE TABLE"},
            "columns": {
                column: {"name": column, "type": "VARCHAR", "index": index}
                for index, column in enumerate(columns, 1)
            },
            "stats": {},
            "unique_id": entry["unique_id"],
        }

    nodes, sources = project.manifest["nodes"], project.manifest["sources"]
    return {
        "metadata": {},
        "nodes": {uid: table(nodes[uid], list(columns)) for uid, columns in project.truth.items()},
        "sources": {uid: table(sources[uid], list(one)) for uid, one in project.schemas.items()},
    }


def peer(name: str, variable: str, folder: Path, project: Project, ours: float) -> float:
    """One row, and its CPU seconds; 0 where the tool is not there."""
    python = os.environ.get(variable, "")
    label = "agentic, compiled sqlglot" if name == "agentic" else f"{name}, as installed"
    if not python or not Path(python).is_file():
        print(f"| {label} | not installed ({variable} names no Python) | | |")
        return 0.0
    done = subprocess.run(
        [python, str(Path(__file__).with_name("_peer.py")), name, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(folder), "DO_NOT_TRACK": "1"},
    )
    if done.returncode:
        print(f"| {label} | does not run | | |")
        return 0.0
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = lines[-1]
    seconds = float(found["seconds"])
    right = total = 0
    for uid, columns in project.truth.items():
        for column, origins in columns.items():
            total += 1
            got = found["answers"].get(uid, {}).get(column)
            wanted = {(up.lower(), origin.lower()) for up, origin, _ in origins}
            right += got is not None and {(a.lower(), b.lower()) for a, b in got} == wanted
    if name == "agentic":
        label += f" (bare parse {lines[0]['parse']:.2f})"
    share = f"1/{seconds / ours:.1f}" if ours else ""
    print(f"| {label} | {seconds:.2f} | {share} | {right:,} of {total:,} |", flush=True)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
