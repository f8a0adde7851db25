"""What it costs to ask for help: CPU seconds of `agentic --help` beside `dbt --help`.

    python benchmarks/startup.py [--rounds 9]

Both in turn, in processes of their own; the best of each counts, since everything else on the
machine only adds. Exit code 1 when agentic's is more than a thirtieth of dbt's.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
MOST = 1 / 30
COMMANDS = {
    "dbt --help": ("dbt", "--help"),
    "agentic --help": ("agentic", "--help"),
    "agentic --version": ("agentic", "--version"),
    "agentic run --help": ("agentic", "run", "--help"),
    "agentic explain AC110": ("agentic", "explain", "AC110"),
}


def main() -> int:
    """Measure and print a table. Returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=9)
    rounds = options.parse_args().rounds
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            best[name] = min(best[name], cpu_of(command))
    dbt = best["dbt --help"]
    print("| command | CPU s | of `dbt --help` |\n|---|---|---|")
    for name, seconds in best.items():
        share = "1" if seconds == dbt else f"1/{dbt / seconds:.1f}"
        print(f"| `{name}` | {seconds:.3f} | {share} |")
    return 0 if best["agentic --help"] <= dbt * MOST else 1


def cpu_of(command: tuple[str, ...]) -> float:
    """User and system seconds of one process and what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([BIN / command[0], *command[1:]], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
