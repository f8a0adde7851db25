"""Every fault class that can be injected is noticed by dbt, where it was put, and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agentic.evals import fault_classes, inject
from agentic.evals.stage import Stage, copy_example, load_raw
from agentic.project import load_run_results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = copy_example("daily_sales", tmp_path_factory.mktemp("green") / "daily_sales")
    load_raw(stage)
    outcome = stage.dbt("build")
    assert outcome.ok, outcome.errors
    stage.commit("green")
    return stage


@pytest.mark.parametrize("fault", sorted(fault_classes()))
def test_a_fault_turns_the_build_red(fault: str, green: Stage, tmp_path: Path) -> None:
    shutil.copytree(green.root, tmp_path / "broken", symlinks=True)
    broken = Stage(tmp_path / "broken", database="warehouse.duckdb", target="prod")

    injected = inject(fault, broken.root, profiles_dir=broken.root, target="prod")
    outcome = broken.dbt(*injected.command)

    assert outcome.exit_code in (1, 2)
    assert injected.cls == fault
    assert injected.layer == fault_classes()[fault].layer
    changed = broken.git("status", "--porcelain", "--untracked-files=no").split()[1:]
    assert tuple(changed) == injected.paths
    if injected.layer == "raw" and injected.command == ("build",):
        failed = [
            one.unique_id
            for one in load_run_results(broken.root / "target" / "run_results.json").results
            if one.status in ("error", "fail", "runtime error")
        ]
        assert injected.node.startswith("source.")
        assert failed


def test_the_seed_chooses_another_place(green: Stage, tmp_path: Path) -> None:
    places = set()
    for seed in range(4):
        root = tmp_path / str(seed)
        shutil.copytree(green.root, root, symlinks=True)
        injected = inject("src_column_renamed", root, profiles_dir=root, target="prod", seed=seed)
        places.add((injected.node, injected.column))

    assert len(places) > 1
