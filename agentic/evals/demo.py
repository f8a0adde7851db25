"""`python -m agentic.evals.demo`: break a project, let agentic repair it, and check every claim.

Exit code 0 when the answer was the right one for the fault class, 1 when not, 2 when the
demonstration itself could not run.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentic.evals.faults import inject
from agentic.evals.injection import Injected, NoPlace, fault_classes
from agentic.evals.outcome import LOSSY, Claim, best_match, judge_run
from agentic.evals.outputs import output_hashes
from agentic.evals.screen import Screen
from agentic.evals.stage import (
    REPOSITORY,
    Footprint,
    Stage,
    copy_example,
    keyless_environment,
    load_raw,
)
from agentic.evals.telling import tell_build, tell_run
from agentic.exceptions import AgenticError
from agentic.project import DbtOutcome

EXAMPLE = "daily_sales"
TARGET = "prod"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and run. Returns the exit code."""
    options = _parser().parse_args(arguments)
    screen = Screen()
    if options.list:
        for name, one in fault_classes().items():
            screen.line(f"{name:28}{one.layer:6}{one.what}")
        return 0
    try:
        if options.fault not in fault_classes():
            known = ", ".join(fault_classes())
            raise NoPlace(f"no fault class {options.fault!r}", hint=f"Known classes: {known}")
        demo = Demo(screen, options.keep.resolve(), options.fault, seed=options.seed)
        with alone_in(demo.folder):
            return demo.run(commit=not options.uncommitted)
    except AgenticError as error:
        sys.stderr.write(f"Error {error.code}: {error}\n")
        return 2


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder: a second demonstration in it would pull the rug from under the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NoPlace(
                f"another demonstration is running in {folder}",
                hint="Wait for it, or give another folder with --keep.",
            ) from error
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agentic.evals.demo", description=__doc__)
    parser.add_argument("--fault", default="src_column_renamed", help="fault class; see --list")
    parser.add_argument("--seed", type=int, default=0, help="another place for the same fault")
    parser.add_argument(
        "--uncommitted", action="store_true", help="leave an edited file uncommitted"
    )
    parser.add_argument("--list", action="store_true", help="list the fault classes")
    parser.add_argument(
        "--keep",
        type=Path,
        default=REPOSITORY / ".demo",
        metavar="DIR",
        help="where the copy is made; default: .demo in the repository",
    )
    return parser


class Demo:
    """One demonstration from a green project to a judged answer."""

    def __init__(self, screen: Screen, folder: Path, fault: str, *, seed: int) -> None:
        self.screen = screen
        self.folder = folder
        self.fault = fault
        self.seed = seed

    def run(self, *, commit: bool) -> int:
        """All steps. Returns the exit code. `commit`: an edited file is committed."""
        stage = self.build_green()
        injected = self.break_it(stage)
        if commit and injected.paths:
            stage.commit("Tidy up")
        before = self.outputs_before
        self.build_red(stage, injected)
        footprint = stage.footprint()
        runs = self.run_agentic(stage)
        run = best_match(injected, runs)
        claims = [Claim("agentic run printed a result", run is not None, "no line of JSON")]
        if run is not None:
            tell_run(self.screen, stage, run)
            claims += judge_run(injected, run)
            if run.get("branch"):
                claims += self.prove_branch(stage, injected, str(run["branch"]), before)
        claims += untouched(footprint, stage.footprint())
        return self.verdict(injected, claims, stage)

    def build_green(self) -> Stage:
        """Copy the example, land its raw tables, build it as production, commit."""
        self.screen.heading("A dbt project, green in production")
        with self.screen.step(f"copying examples/{EXAMPLE} to a git repository of its own"):
            shutil.rmtree(self.folder / f"{EXAMPLE}-branch", ignore_errors=True)
            stage = copy_example(EXAMPLE, self.folder / EXAMPLE, target=TARGET)
        with self.screen.step("landing raw tables"):
            landed = load_raw(stage)
            stage.commit("The project as it is in production")
        self.screen.said(landed, "dim")
        outcome = self.dbt(stage, "build")
        if not outcome.ok:
            tell_build(self.screen, outcome)
            raise NoPlace("the example does not build green before anything was broken")
        tell_build(self.screen, outcome)
        self.outputs_before = output_hashes(stage.root, target=TARGET)
        return stage

    def break_it(self, stage: Stage) -> Injected:
        """Put the fault in."""
        who = (
            "The vendor changes" if fault_classes()[self.fault].layer == "raw" else "Somebody edits"
        )
        self.screen.heading(f"{who} something overnight: {self.fault}")
        injected = inject(
            self.fault, stage.root, profiles_dir=stage.root, target=TARGET, seed=self.seed
        )
        self.screen.said(injected.detail, "yellow")
        return injected

    def build_red(self, stage: Stage, injected: Injected) -> None:
        """Run the command that notices."""
        self.screen.heading(f"dbt {' '.join(injected.command)}: red")
        outcome = self.dbt(stage, *injected.command)
        tell_build(self.screen, outcome)
        if outcome.ok:
            raise NoPlace(f"dbt did not notice {self.fault}: nothing to repair")

    def dbt(self, stage: Stage, *args: str) -> DbtOutcome:
        """dbt with progress."""
        with self.screen.step(f"dbt {' '.join(args)} --target {stage.target}") as show:
            return stage.dbt(*args, on_line=show)

    def run_agentic(self, stage: Stage) -> list[dict[str, Any]]:
        """`agentic run --apply --output json` in the broken project; its lines of JSON."""
        self.screen.heading("agentic run --apply")
        command = [agentic_executable(), "run", "--apply", "--output", "json"]
        command += ["--profiles-dir", ".", "--target", stage.target]
        environment = keyless_environment() | {"AGENTIC_ENGINE": "rules"}
        if "AGENTIC_DBT" in os.environ:
            environment["AGENTIC_DBT"] = os.environ["AGENTIC_DBT"]
        with subprocess.Popen(
            command,
            cwd=stage.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            runs = []
            assert process.stdout is not None
            for line in process.stdout:
                found = parsed(line)
                if found is None:
                    self.screen.line("   │ " + self.screen.paint(line.rstrip(), "dim"))
                else:
                    runs.append(found)
        self.screen.said(f"exit code {process.returncode}, {len(runs)} run(s)", "dim")
        return runs

    def prove_branch(
        self, stage: Stage, injected: Injected, branch: str, before: dict[str, str]
    ) -> list[Claim]:
        """Build the branch in a worktree, on a copy of the database."""
        self.screen.heading("The same build on the branch")
        where = self.folder / f"{EXAMPLE}-branch"
        copy = stage.branch_copy(branch, where)
        try:
            outcome = self.dbt(copy, *injected.command)
            tell_build(self.screen, outcome)
            claims = [Claim("the build on the branch is green", outcome.ok, "red")]
            if outcome.ok and injected.cls not in LOSSY:
                claims.append(same_outputs(before, output_hashes(where, target=TARGET)))
        finally:
            stage.git("worktree", "remove", "--force", str(where))
        return claims

    def verdict(self, injected: Injected, claims: Sequence[Claim], stage: Stage) -> int:
        """Show every claim. Returns the exit code."""
        self.screen.heading("What must hold")
        for claim in claims:
            mark = "ok    " if claim.holds else "WRONG "
            found = "" if claim.holds else f" (found: {claim.found})"
            self.screen.line(f"   {mark}{claim.text}{found}", "green" if claim.holds else "red")
        right = all(claim.holds for claim in claims)
        self.screen.line()
        words = "repaired and proven" if injected.expected_decision == "fix" else "escalated"
        text = f"{injected.cls}: {words}." if right else f"{injected.cls}: not the right answer."
        self.screen.line(text, "bold", "green" if right else "red")
        self.screen.line(f"Look around: cd {shown(stage.root)}", "dim")
        return 0 if right else 1


def same_outputs(before: dict[str, str], after: dict[str, str]) -> Claim:
    """Every node holds the same rows as before the fault."""
    different = [uid for uid in before if after.get(uid) != before[uid]]
    return Claim(
        f"{len(before)} nodes hold the same rows as before the fault",
        not different,
        ", ".join(different),
    )


def untouched(before: Footprint, after: Footprint) -> list[Claim]:
    """Nothing of the user's changed while agentic ran."""
    return [
        Claim(
            "production's database file is the same", before.database == after.database, "changed"
        ),
        Claim("the user's files are the same", before.tree == after.tree, "changed"),
        Claim(
            "index, HEAD, branches and stash are the same",
            (before.index, before.head, before.refs) == (after.index, after.head, after.refs),
            "changed",
        ),
    ]


def parsed(line: str) -> dict[str, Any] | None:
    """A line of JSON that is a run, else None."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "run_id" in value else None


def agentic_executable() -> str:
    """The console script beside this Python, else the one on PATH. Raises NoPlace."""
    found = shutil.which("agentic", path=str(Path(sys.executable).parent)) or shutil.which(
        "agentic"
    )
    if not found:
        raise NoPlace("agentic is not installed here", hint="`make install`, then `make demo`.")
    return found


def shown(path: Path) -> str:
    """A path, relative to where the person is when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
