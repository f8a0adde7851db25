"""Projects that were not written here: `AGENTIC_PROJECTS` names a folder of git checkouts.

Each is copied before use, and must build green with `dbt build --profiles-dir .`. Where the
variable is absent the tests are not run, and say so.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentic.evals import NoPlace, inject
from agentic.evals.outputs import output_hashes
from tests.support.tiny import clean_environment

pytestmark = pytest.mark.slow

FOLDER = os.environ.get("AGENTIC_PROJECTS")
PROJECTS = sorted(Path(FOLDER).iterdir()) if FOLDER else []
NAMES = [path.name for path in PROJECTS if (path / "dbt_project.yml").is_file()]


@dataclass
class Public:
    repo: Path
    root: Path

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def dbt(self, *args: str) -> subprocess.CompletedProcess[str]:
        dbt = Path(sys.executable).with_name("dbt")
        return self.call(str(dbt), *args, "--profiles-dir", ".")

    def agentic(self, *args: str) -> subprocess.CompletedProcess[str]:
        agentic = Path(sys.executable).with_name("agentic")
        return self.call(str(agentic), *args, "--profiles-dir", ".")

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.repo, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def outputs(self) -> dict[str, str]:
        found = output_hashes(self.root, target="")
        return {uid: value for uid, value in found.items() if uid.startswith("model.")}


@pytest.fixture
def public(request: pytest.FixtureRequest, tmp_path: Path) -> Public:
    """A copy that builds green, in a repository of its own, with agentic's files committed."""
    name, subfolder = request.param
    repo = tmp_path / "repo"
    root = repo / subfolder if subfolder else repo
    shutil.copytree(Path(str(FOLDER)) / name, root, symlinks=True)
    shutil.rmtree(root / ".git")
    shutil.rmtree(root / "target", ignore_errors=True)
    subprocess.run(["git", "init", "-q", "-b", "main", str(repo)], check=True)
    one = Public(repo, root)
    one.git("config", "user.name", "Tess Ter")
    one.git("config", "user.email", "tess@example.com")
    built = one.dbt("build")
    if built.returncode:
        pytest.skip(f"not run: {name} does not build here: {built.stdout[-300:]}")
    if not (root / "agents.yml").exists():
        init = one.agentic("init")
        assert init.returncode == 0, init.stderr
    compiled = one.agentic("compile")
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    one.git("add", "-A")
    one.git("commit", "-q", "-m", "start")
    return one


def break_it(public: Public, seed: int) -> tuple[str, str, str]:
    """Rename one column of a source, or of a seed where there is no source."""
    try:
        done = inject("src_column_renamed", public.root, profiles_dir=public.root, seed=seed)
        return done.node, str(done.column), str(done.observed)
    except NoPlace:
        return rename_seed_column(public, seed)


def rename_seed_column(public: Public, seed: int) -> tuple[str, str, str]:
    manifest = json.loads((public.root / "target" / "manifest.json").read_text())
    choices: list[tuple[str, Path, str]] = []
    for uid, node in sorted(manifest["nodes"].items()):
        if node["resource_type"] != "seed":
            continue
        file = public.root / node["original_file_path"]
        with file.open(newline="") as lines:
            header = next(csv.reader(lines))
        code = " ".join(
            manifest["nodes"][child].get("compiled_code") or ""
            for child in manifest["child_map"][uid]
            if child.startswith("model.")
        )
        choices += [(uid, file, column) for column in header if f" {column}" in code]
    uid, file, column = choices[seed % len(choices)]
    first, rest = file.read_text().split("\n", 1)
    names = [f"{name}_value" if name == column else name for name in first.strip().split(",")]
    file.write_text(",".join(names) + "\n" + rest)
    return uid, column, f"{column}_value"


@pytest.mark.skipif(not NAMES, reason="not run: AGENTIC_PROJECTS names no folder of dbt projects")
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "public",
    [
        pytest.param((name, sub), id=f"{name}-{sub or 'root'}")
        for name in NAMES
        for sub in ("", "dbt")
    ],
    indirect=True,
)
def test_a_renamed_column_is_found_and_repaired(public: Public, seed: int) -> None:
    before = public.outputs()
    node, column, observed = break_it(public, seed)
    red = public.dbt("build", "--full-refresh")
    if red.returncode == 0:
        pytest.skip(f"not run: renaming {node}.{column} broke nothing")
    done = public.agentic("run", "--apply", "--output", "json")
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout + done.stderr
    run: dict[str, Any] = json.loads(lines[0])

    assert run["finding"]["root_cause"] == {"node": node, "column": column, "observed": observed}
    assert run["decision"] == "fix", run
    assert run["branch"], run
    if public.git("status", "--porcelain"):
        public.git("add", "-A")
        public.git("commit", "-q", "-m", "the fault")
        public.git("reset", "-q", "--hard", run["branch"])
    else:
        public.git("switch", "-q", run["branch"])
    green = public.dbt("build", "--full-refresh")
    assert green.returncode == 0, green.stdout
    assert public.outputs() == before
