"""Run the benchmarks and write their tables into benchmarks/README.md.

    python -m benchmarks [NAME ...] [--list]

Each is a script of its own (`python benchmarks/NAME.py`), in a process of its own; what it prints
goes between its markers in the README. Exit code 1 when one is over its limit.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
REPORT = HERE / "README.md"
HEAD = """# Benchmarks

`make bench` runs them all, `python -m benchmarks NAME` one. What counts is the ratio within one
run: both sides are measured on the same machine, minutes apart.
"""


def main() -> int:
    """Run what is named, or everything. Returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--list", action="store_true", help="name every benchmark")
    given = options.parse_args()
    known = benchmarks()
    if unknown := set(given.names) - set(known):
        options.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if given.list:
        for name, summary in known.items():
            print(f"{name}: {summary}")
        return 0
    held = [run(name, known[name]) for name in given.names or known]
    return int(not all(held))


def benchmarks() -> dict[str, str]:
    """Every script here with a `main()`, and the first line of what it says of itself."""
    found = {}
    for file in sorted(HERE.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        if not file.name.startswith("_") and re.search(r"^def main\(", text, re.M):
            found[file.stem] = re.sub(r'\A"""', "", text.splitlines()[0])
    return found


def run(name: str, summary: str) -> bool:
    """Run one in a process of its own and write what it printed."""
    print(f"{name}: {summary}", flush=True)
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py")],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout)
    write(name, section(name, summary, done.stdout.strip(), done.returncode == 0))
    return done.returncode == 0


def section(name: str, summary: str, printed: str, held: bool) -> str:
    """A heading, when and where it was measured, and the table."""
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    verdict = "within its limit" if held else "**over its limit**"
    body = printed if printed.startswith("|") else f"```text\n{printed}\n```"
    return (
        f"## {name}\n\n{summary} `python benchmarks/{name}.py`\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {where}, {load}: {verdict}.\n\n{body}"
    )


def write(name: str, text: str) -> None:
    """Between the markers of a benchmark, which are put at the end where there are none yet."""
    report = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else HEAD
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    new = f"{first}\n{text}\n{last}"
    old = re.compile(f"{re.escape(first)}.*?{re.escape(last)}", re.S)
    if old.search(report):
        report = old.sub(lambda _: new, report)
    else:
        report = f"{report.rstrip()}\n\n{new}\n"
    REPORT.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
