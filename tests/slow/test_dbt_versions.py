"""The main job with the user's own dbt, whichever of 1.8 to 1.12 that is.

AGENTIC_DBTS names dbt executables of other environments, separated like PATH. Each must have
dbt-duckdb with a DuckDB that reads and writes the same files as the one here.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentic.project import find_dbt
from tests.support.tiny import Tiny, clean_environment, make_tiny, rename_source_column

pytestmark = pytest.mark.slow

SUPPORTED = ("1.8", "1.9", "1.10", "1.11", "1.12")
NAMED = os.environ.get("AGENTIC_DBTS", "").split(os.pathsep)


def executables() -> dict[str, Path]:
    """Minor version -> executable, of those that AGENTIC_DBTS names."""
    found = {}
    for path in filter(None, NAMED):
        dbt = find_dbt(clean_environment() | {"AGENTIC_DBT": path})
        found[".".join(dbt.version.split(".")[:2])] = dbt.executable
    return found


def build(tiny: Tiny, dbt: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(dbt), "build", "--profiles-dir", str(tiny.profiles)],
        cwd=tiny.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_main_job_with_another_dbt(version: str, tmp_path: Path) -> None:
    dbt = executables().get(version)
    if dbt is None:
        pytest.skip(f"not run: AGENTIC_DBTS names no dbt {version}")
    tiny = make_tiny(tmp_path)
    green = build(tiny, dbt)
    assert green.returncode == 0, green.stdout + green.stderr
    before = tiny.sql("select * from main.daily order by 1")
    rename_source_column(tiny)
    assert build(tiny, dbt).returncode == 1
    untouched = tiny.fingerprint()
    run = tiny.run("--apply", env={"AGENTIC_DBT": str(dbt)})

    assert (run["finding"]["class"], run["decision"]) == ("src_column_renamed", "fix"), run
    outcomes = {check["code"]: check["result"] for check in run["checks"]}
    assert (outcomes["AP010"], outcomes["AP011"], outcomes["AP012"]) == ("pass", "pass", "pass")
    assert tiny.fingerprint() == untouched
    tiny.git("switch", "-q", run["branch"])
    assert build(tiny, dbt).returncode == 0
    assert tiny.sql("select * from main.daily order by 1") == before
