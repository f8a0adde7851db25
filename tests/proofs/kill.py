"""kill -9 wherever a run can be cut off."""

from __future__ import annotations

from pathlib import Path

from tests.proofs.registry import Outcome, proof
from tests.slow.test_runtime_main_job import POINTS, kill_and_resume, steps_of
from tests.support.tiny import make_tiny, rename_source_column


@proof(
    "kill_9",
    "A run that is killed at any journalled step, before or after its entry or its effect, ends "
    "the same when `agentic run` is typed again: one branch, no leftover worktree or schema.",
)
def killed_at_every_step(folder: Path) -> Outcome:
    """Every step of a repair that opens a branch, at each of the journal's four points."""
    tiny = make_tiny(folder)
    tiny.dbt("build", check=True)
    rename_source_column(tiny)
    tiny.dbt("build")
    untouched = tiny.fingerprint()
    expected = tiny.run("--apply")
    steps = steps_of(tiny, expected["run_id"])
    broken: list[str] = []
    kills = 0
    for step in range(1, steps + 1):
        for method, when in POINTS:
            tiny.git("branch", "-q", "-D", expected["branch"])
            try:
                kill_and_resume(tiny, expected, step, method, when)
                assert tiny.fingerprint() == untouched
            except AssertionError as error:
                found = (str(error) or "it ended otherwise").splitlines()[0]
                broken.append(f"step {step}, {when} {method}: {found}")
                if expected["branch"] not in tiny.branches():
                    tiny.git("branch", expected["branch"])
            kills += 1
    return Outcome({"steps": steps, "points at each": len(POINTS), "kills": kills}, broken)
