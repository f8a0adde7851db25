"""Every fault class changes what it says it changes, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agentic.evals import NoPlace, fault_classes, inject
from agentic.evals.stage import Stage, copy_example, load_raw

pytestmark = pytest.mark.slow
# Classes for which this example has no place: it has no macros and calls no package's, divides by
# no source's column, and no column of it has three readers.
UNFIT = {
    "deprecated_package_macro",
    "division_by_zero",
    "macro_regression",
    "macro_renamed",
    "one_cause_many_nodes",
}


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = copy_example("daily_sales", tmp_path_factory.mktemp("green") / "daily_sales")
    load_raw(stage)
    outcome = stage.dbt("build")
    assert outcome.ok, outcome.errors
    stage.commit("green")
    return stage


@pytest.mark.parametrize("fault", sorted(fault_classes()))
def test_a_fault_changes_what_it_says_and_nowhere_else(
    fault: str, green: Stage, tmp_path: Path
) -> None:
    """That dbt notices is shown by `make proofs`, where every class is built."""
    root = tmp_path / "broken"
    shutil.copytree(green.root, root, symlinks=True)
    broken = Stage(root, database="warehouse.duckdb", target="prod")

    try:
        injected = inject(fault, root, profiles_dir=root, target="prod")
    except NoPlace as error:
        assert fault in UNFIT, error
        return

    assert injected.layer == fault_classes()[fault].layer
    changed = broken.git("status", "--porcelain", "--untracked-files=no").split()[1::2]
    assert sorted(changed) == sorted(injected.paths)
    if not injected.paths:
        database = (root / "warehouse.duckdb").read_bytes()
        assert database != (green.root / "warehouse.duckdb").read_bytes()
        assert injected.node.startswith("source.")


def test_the_seed_chooses_another_place(green: Stage, tmp_path: Path) -> None:
    places = set()
    for seed in range(4):
        root = tmp_path / str(seed)
        shutil.copytree(green.root, root, symlinks=True)
        injected = inject("src_column_renamed", root, profiles_dir=root, target="prod", seed=seed)
        places.add((injected.node, injected.column))

    assert len(places) > 1
