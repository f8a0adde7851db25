"""The evals against the real model service, beside the rules on the same cases: `make live`.

    python -m tests.live.evals [--project DIR] [--fault CLASS ...] [--page FILE]

Needs ANTHROPIC_API_KEY, and says `not run` without it. A copy of the example `daily_sales` is
broken in a fixed set of ways by `agentic eval`, and the figures go into docs/evals-live.md. Any
service that speaks the protocol can stand in with ANTHROPIC_BASE_URL; the page then names it. Never
a part of CI: it costs money and its answers differ from run to run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from agentic.evals import fault_classes
from agentic.evals.case import CaseResult
from agentic.evals.score import grouped
from agentic.evals.stage import copy_example, load_raw
from agentic.evals.tables import markdown, score_rows
from agentic.records import Limits
from agentic.runtime.engines.anthropic import DEFAULT_MODEL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evals-live.md"
ENGINES = ("rules", "anthropic")
FAULTS = (
    "src_column_renamed",
    "src_type_changed",
    "duplicate_rows",
    "ref_typo",
    "upstream_alias_renamed",
    "wrong_filter",
    "two_faults",
    "benign",
)
"""Raw and code, red and silent, one with two causes, one with nothing wrong."""
HEAD = """# Evals against the real model service
Written by `make live` (tests/live/evals.py): a copy of `examples/daily_sales` is broken, and
`agentic run` repairs it, once by rules and once by a model. docs/evals.md says what is graded and
how. Never a part of CI.
"""


class Found(NamedTuple):
    """What `agentic eval` printed."""

    results: tuple[CaseResult, ...]
    untouched: dict[str, bool]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write the page. 0 when it was written or cannot be, 2 when the evals failed."""
    options = argparse.ArgumentParser(prog="python -m tests.live.evals", description=__doc__)
    options.add_argument("--project", type=Path, help="in place of the example")
    options.add_argument("--fault", action="append", dest="faults", choices=sorted(fault_classes()))
    options.add_argument("--page", type=Path, default=PAGE)
    given = options.parse_args(arguments)
    if not os.environ.get("ANTHROPIC_API_KEY"):
        print("live evals: not run: ANTHROPIC_API_KEY is not set")
        return 0
    faults = tuple(given.faults or FAULTS)
    most = Limits().cost_usd * (len(faults) + 1)
    print(f"live evals: {len(faults)} faults, {', '.join(ENGINES)}; at most {most:.0f} USD")
    with tempfile.TemporaryDirectory(prefix="agentic-live-") as folder:
        found = evaluate(given.project or example(Path(folder)), faults)
    if found is None:
        return 2
    given.page.write_text(page(found, os.environ), encoding="utf-8")
    print(f"live evals: written to {given.page}")
    return 0


def example(folder: Path) -> Path:
    """A copy of the example with its raw tables landed."""
    stage = copy_example("daily_sales", folder / "daily_sales")
    load_raw(stage)
    return stage.root


def evaluate(project: Path, faults: Sequence[str]) -> Found | None:
    """`agentic eval` as a user types it; None when it could not be run, which it has told."""
    start = "import sys; from agentic.cli.entry import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "eval", "--output", "json"]
    command += ["--project-dir", str(project)]
    for engine in ENGINES:
        command += ["--engine", engine]
    for fault in faults:
        command += ["--fault", fault]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1) or not lines:
        return None
    results = tuple(msgspec.convert(line, CaseResult) for line in lines[:-1])
    return Found(results, lines[-1]["untouched"])


def page(found: Found, environ: Mapping[str, str]) -> str:
    """The page: engines and controls side by side, a line a case, what was wrong."""
    fits = [one for one in found.results if one.fits]
    cost = sum(one.cost_usd for one in fits)
    service = environ.get("ANTHROPIC_BASE_URL")
    where = f"a stand-in at {service}, not the real service" if service else "api.anthropic.com"
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    said = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, `{DEFAULT_MODEL}` at {where}, "
    said += f"{len(fits)} cases, {cost:.2f} USD."
    wrong = [
        f"- `{one.case.fault}` ({one.case.engine}): {flat('; '.join(one.why))}"
        for one in fits
        if not one.right
    ]
    parts = [
        HEAD + "\n" + said,
        markdown(score_rows(found.results, found.untouched)),
        markdown(case_rows(found.results)),
        "## What is wrong\n\n" + ("\n".join(wrong) or "Nothing."),
    ]
    return "\n\n".join(parts) + "\n"


def case_rows(results: Sequence[CaseResult]) -> list[tuple[str, ...]]:
    """A line a fault: each engine's verdict, seconds, calls and cost."""
    rows: list[tuple[str, ...]] = [("fault", "noticed", *ENGINES)]
    for fault, held in grouped(results, lambda one: one.case.fault).items():
        by_engine = {one.case.engine: one for one in held}
        cells = tuple(cell(by_engine.get(engine)) for engine in ENGINES)
        rows.append((f"`{fault}`", next((one.noticed for one in held if one.fits), ""), *cells))
    return rows


def cell(one: CaseResult | None) -> str:
    """`right, 31 s, 12 calls, 0.21 USD`."""
    if one is None or not one.fits:
        return "does not fit"
    verdict = "right" if one.right else "**wrong**"
    cost = f", {one.cost_usd:.2f} USD" if one.cost_usd else ""
    return f"{verdict}, {one.seconds:.0f} s, {one.queries} calls{cost}"


def flat(text: str) -> str:
    """Text for a list of a Markdown page, shortened."""
    line = " ".join(text.replace("|", "/").replace("<", "‹").split())
    return line if len(line) <= 220 else line[:219] + "…"


if __name__ == "__main__":
    sys.exit(main())
