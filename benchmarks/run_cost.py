"""What a whole `agentic run` costs beyond the dbt processes that it starts.

    python benchmarks/run_cost.py [--fault src_column_renamed] [--rounds 3]

On a copy of examples/daily_sales that is broken and built red. Own CPU seconds and peak memory are
those of the agentic process alone (RUSAGE_SELF); dbt's and git's are those of all processes that
it waited for. Exit code 1 when its own CPU is more than two seconds, or the run found nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from agentic.evals.faults import inject
from agentic.evals.stage import Stage, copy_example, keyless_environment, load_raw

MOST_CPU_S = 2.0
TARGET = "prod"
# Written when the process ends, by the process itself: nobody else can tell it from its children.
MEASURED = """
import atexit, json, resource, sys
def write():
    own, below = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    numbers = {"own_s": own.ru_utime + own.ru_stime, "below_s": below.ru_utime + below.ru_stime,
               "peak_mb": own.ru_maxrss / 1024}
    with open(path, "w") as file:
        json.dump(numbers, file)
path = sys.argv.pop(1)
atexit.register(write)
from agentic.cli.entry import main
main()
"""


def main() -> int:
    """Measure and print a table. Returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--fault", default="src_column_renamed")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentic-bench-") as folder:
        stage = broken_stage(Path(folder) / "daily_sales", given.fault)
        rows = [
            (name, min((measured(stage, *command) for _ in range(given.rounds)), key=_own))
            for name, command in (
                ("agentic diagnose", ("diagnose",)),
                ("agentic run", ("run",)),
                ("agentic run --apply", ("run", "--apply")),
            )
        ]
    print("| command | own CPU s | dbt's and git's CPU s | peak MB |\n|---|---|---|---|")
    for name, one in rows:
        print(f"| `{name}` | {one['own_s']:.2f} | {one['below_s']:.1f} | {one['peak_mb']:.0f} |")
    return 0 if all(_own(one) <= MOST_CPU_S and one["fix"] for _, one in rows) else 1


def broken_stage(root: Path, fault: str) -> Stage:
    """The example, green once, then broken and red."""
    stage = copy_example("daily_sales", root, target=TARGET)
    load_raw(stage)
    stage.commit("The project as it is in production")
    if not stage.dbt("build").ok:
        raise SystemExit("the example does not build")
    injected = inject(fault, stage.root, profiles_dir=stage.root, target=TARGET, seed=0)
    if injected.paths:
        stage.commit("Tidy up")
    stage.dbt(*injected.command)
    return stage


def measured(stage: Stage, *command: str) -> dict[str, Any]:
    """One process: what it used, and whether it found a fix."""
    numbers = stage.root.with_name("numbers.json")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, numbers, *command, "--output", "json"],
        cwd=stage.root,
        env=keyless_environment() | {"DBT_PROFILES_DIR": str(stage.root), "DBT_TARGET": TARGET},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(numbers.read_text())
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    return {**found, "fix": any(run["decision"] == "fix" for run in runs)}


def _own(one: dict[str, Any]) -> float:
    return float(one["own_s"])


if __name__ == "__main__":
    sys.exit(main())
