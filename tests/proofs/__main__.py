"""Run the long proofs and write proofs/README.md.

    python -m tests.proofs [NAME ...] [--list]

A proof is a function in a module of this package, registered with `@proof`. Those that are not
named keep what their last run found. Exit code 1 when one does not hold.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests import proofs
from tests.proofs.registry import PROOFS, Outcome, Proof

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "proofs" / "README.md"
HEAD = """# Proofs

Long ones, run by `make proofs` and not with every commit. Each tries to refute one claim; what its
last run found stands below, written by `python -m tests.proofs [NAME ...]`.
"""


def main() -> int:
    """Run what is named, or everything. Returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m tests.proofs")
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--list", action="store_true", help="name every proof and its claim")
    given = options.parse_args()
    load()
    unknown = set(given.names) - {one.name for one in PROOFS}
    if unknown:
        options.error(f"no proof {', '.join(sorted(unknown))}; --list names them")
    if given.list:
        for one in PROOFS:
            print(f"{one.name}: {one.claim}")
        return 0
    wanted = [one for one in PROOFS if not given.names or one.name in given.names]
    held = [hold(one) for one in wanted]
    return int(not all(held))


def load() -> None:
    """Import every module of the package: their proofs register themselves."""
    for module in sorted(pkgutil.iter_modules(proofs.__path__), key=lambda one: one.name):
        if module.name not in ("__main__", "registry"):
            importlib.import_module(f"tests.proofs.{module.name}")


def hold(one: Proof) -> bool:
    """Run a proof in a folder of its own and write down what it found."""
    print(f"{one.name}: {one.claim}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"agentic-proof-{one.name}-") as folder:
        outcome = one.run(Path(folder))
    seconds = time.monotonic() - started
    write(one, section(one, outcome, seconds))
    for line in outcome.broken:
        print(f"  BROKEN {line}")
    print(f"  {'broken' if outcome.broken else 'holds'}, {seconds:.0f} s", flush=True)
    return not outcome.broken


def section(one: Proof, outcome: Outcome, seconds: float) -> str:
    """A proof's part of the report."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    figures = ", ".join(f"{name} {value}" for name, value in outcome.figures.items())
    verdict = f"**{len(outcome.broken)} broken**" if outcome.broken else "**holds**"
    lines = [f"## {one.name}", "", one.claim, ""]
    lines.append(
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, {seconds:.0f} s: "
        f"{verdict}. {figures}."
    )
    if outcome.broken:
        lines += ["", *(f"- {line}" for line in outcome.broken)]
    return "\n".join(lines) + "\n"


def write(one: Proof, text: str) -> None:
    """Replace the proof's section, or put it at the end."""
    report = REPORT.read_text(encoding="utf-8") if REPORT.is_file() else HEAD
    old = re.compile(rf"^## {re.escape(one.name)}\n.*?(?=^## |\Z)", re.M | re.S)
    new = text + "\n"
    report = old.sub(lambda _: new, report) if old.search(report) else f"{report.rstrip()}\n\n{new}"
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(report.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
