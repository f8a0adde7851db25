"""From manifest.json to a graph, and a selection as a command of its own.

    python benchmarks/manifest.py [--models 1000 5000 10000 50000]

Reading and the graph in a process of its own each; CPU seconds and what stays in memory. Then
`agentic lineage "+node_N+ path:models,node_*"`, the whole command with its start.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lineage_project import generate

from agentic.lineage import Graph
from agentic.project import load_manifest

LIMITS_S = {1000: 0.05, 10000: 0.6}
MOST_MEMORY, COMMAND_AT, MOST_COMMAND_S = 2.0, 5000, 0.4
ROUNDS = 3


def main() -> int:
    """Measure and print a table. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="*", default=[1000, 5000, 10000, 50000])
    parser.add_argument("--load", type=Path, help="internal: read this manifest and say the cost")
    given = parser.parse_args()
    if given.load:
        print(json.dumps(load(given.load)))
        return 0
    print(
        "| models | manifest MB | manifest to graph, CPU s | kept, of the file | selector command,"
        " CPU s |\n|---|---|---|---|---|"
    )
    held = [measure(count) for count in given.models]
    return 0 if all(held) else 1


def load(path: Path) -> dict[str, float]:
    """CPU seconds and bytes kept of reading one manifest into a graph."""
    small = path.with_name("small.json")
    Graph(load_manifest(small))
    gc.collect()
    before, start = resident(), time.process_time()
    manifest = load_manifest(path)
    graph = Graph(manifest)
    seconds = time.process_time() - start
    gc.collect()
    kept = resident() - before
    return {"seconds": seconds, "kept": kept, "nodes": len(graph)}


def resident() -> int:
    """Bytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(count: int) -> bool:
    """One row. True when it is within its limits."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "target" / "manifest.json"
        path.parent.mkdir()
        path.write_text(json.dumps(generate(count).manifest))
        path.with_name("small.json").write_text(json.dumps(generate(5).manifest))
        size = path.stat().st_size
        told = [costs(path) for _ in range(ROUNDS)]
        seconds = min(one["seconds"] for one in told)
        kept = min(one["kept"] for one in told) / size
        command = min(command_s(root, count) for _ in range(ROUNDS))
    print(
        f"| {count:,} | {size / 1e6:.1f} | {seconds:.3f} | {kept:.2f} | {command:.2f} |", flush=True
    )
    in_time = seconds <= LIMITS_S.get(count, seconds)
    return in_time and kept <= MOST_MEMORY and (count != COMMAND_AT or command <= MOST_COMMAND_S)


def costs(path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--load", str(path)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def command_s(root: Path, count: int) -> float:
    """User and system seconds of the whole command."""
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\nversion: '1'\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            Path(sys.executable).parent / "agentic",
            "lineage",
            f"+node_{count // 2}+ path:models,node_*",
        ],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
