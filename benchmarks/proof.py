"""What a proof costs, beside the bare dbt command that a user would type.

    python benchmarks/proof.py [--size 1000] [--keep FOLDER]

In a generated project, one node with 15 children is changed. CPU seconds of the whole proof
(workspace, parse, isolation, build, tests, clean-up; our own process included) are set against
`dbt build --select state:modified+ --defer --state ...` into a target folder of its own: the first
time, when dbt parses everything, and again, when its partial parse is warm. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from proof_project import CHILDREN, HUB, write_project

from agentic.project import Repo, find_dbt, find_project, load_manifest, read_target
from agentic.workspace import open_workspace

EDITED = f"models/layer_0/{HUB}.sql"
SQL = "select id, amount, name from {{ source('raw', 'events') }} where id >= 0\n"
MOST = 0.6
"""The share of the bare command's CPU that a proof may cost."""


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--size", type=int, default=1000)
    options.add_argument("--keep", type=Path, help="make the project here, or use the one here")
    given = options.parse_args()
    with _folder(given.keep) as folder:
        project = folder / "project"
        if not project.exists():
            write_project(project, size=given.size)
            _dbt(project, "run", "--quiet")
        measured = _measure(folder, project)
    measured["ratio"] = round(measured["proof_s"] / measured["bare_s"], 3)
    measured["ratio_warm"] = round(measured["proof_again_s"] / measured["bare_again_s"], 3)
    print(json.dumps({"size": given.size, "most": MOST, **measured}))
    return 0 if measured["ratio"] <= MOST else 1


def _measure(folder: Path, project: Path) -> dict[str, float]:
    state, target = folder / "state", folder / "bare_target"
    for old in (state, target, folder / "home"):
        shutil.rmtree(old, ignore_errors=True)
    state.mkdir()
    shutil.copy(project / "target" / "manifest.json", state)
    original = (project / EDITED).read_text()
    found = {
        "proof_s": _cpu(lambda: _prove(project, folder / "home")),
        "proof_again_s": _cpu(lambda: _prove(project, folder / "home")),
    }
    bare = ("--select", "state:modified+", "--defer", "--state", str(state))
    args = ("build", "--quiet", *bare, "--target-path", str(target))
    try:
        (project / EDITED).write_text(SQL)
        found["bare_s"] = _cpu(lambda: _dbt(project, *args))
        found["bare_again_s"] = _cpu(lambda: _dbt(project, *args))
    finally:
        (project / EDITED).write_text(original)
    return {name: round(seconds, 2) for name, seconds in found.items()}


def _prove(root: Path, home: Path) -> None:
    project = find_project(root, profiles_dir=root)
    with open_workspace(
        project,
        Repo.open(root),
        target=read_target(project),
        manifest=load_manifest(project.manifest_path),
        build_schemas=["agentic_*"],
        run_id="benchmark",
        home=home,
    ) as workspace:
        workspace.write_files({EDITED: SQL})
        outcome = workspace.build_changed([EDITED])
    assert outcome.ok, outcome.log
    assert len(outcome.selected) == 1 + CHILDREN, outcome.selected


def _dbt(project: Path, *args: str) -> None:
    command = [str(find_dbt().executable), "--no-send-anonymous-usage-stats", *args]
    done = subprocess.run(
        [*command, "--profiles-dir", str(project)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def _cpu(work: Callable[[], None]) -> float:
    """User and system seconds of this process and of those that it started and waited for."""

    def spent() -> float:
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    before, started = spent(), time.monotonic()
    work()
    print(f"{spent() - before:.2f} CPU s, {time.monotonic() - started:.1f} s", file=sys.stderr)
    return spent() - before


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="agentic-proof-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
