"""Raw faults on PostgreSQL, whose views stand in the way of changes that DuckDB simply makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentic.evals import inject
from agentic.evals.stage import Stage, copy_example

pytestmark = pytest.mark.slow


def landed(root: Path, server: Any) -> Stage:
    stage = copy_example("daily_sales", root, target="pg")
    profile = {"target": "pg", "outputs": {"pg": server.output("analytics")}}
    (root / "profiles.yml").write_text(json.dumps({"daily_sales": profile}))
    url = f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}"
    load = [sys.executable, "load.py", "--postgres", f"{url}/{server.dbname}"]
    subprocess.run(load, cwd=root, check=True, capture_output=True)
    return stage


@pytest.mark.parametrize(
    "fault", ["src_column_renamed", "src_date_format", "duplicate_rows", "source_table_missing"]
)
def test_a_raw_fault_turns_the_build_red(fault: str, tmp_path: Path, postgres_server: Any) -> None:
    stage = landed(tmp_path / "daily_sales", postgres_server.new_database("faults"))
    assert stage.dbt("run").ok

    injected = inject(fault, stage.root, profiles_dir=stage.root, target="pg")
    outcome = stage.dbt(*injected.command)

    assert outcome.exit_code == 1, outcome.errors
    assert injected.node.startswith("source.")
