"""The rules on the example in DuckDB: every class that the demonstration does not already show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rules_drive import Stage, apply, broken, dbt, diagnosed, example, load, right, said

pytestmark = pytest.mark.slow

CLASSES = [
    "accepted_values_violation",
    "category_case_change",
    "contract_violation",
    "null_keys",
    "orphan_keys",
]


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = example(tmp_path_factory.mktemp("rules") / "shop")
    load(stage)
    built = dbt(stage, "build")
    assert built.exit_code == 0, built.errors
    return stage


def copy_of(stage: Stage, where: Path) -> Stage:
    shutil.copytree(stage.root, where, symlinks=True)
    return Stage(where, database=stage.database.name, target=stage.target)


@pytest.mark.parametrize("fault", CLASSES)
def test_a_fault_is_named_and_mended(fault: str, tmp_path: Path, green: Stage) -> None:
    stage = copy_of(green, tmp_path / "shop")
    injected = broken(stage, fault, seed=3)

    benches = diagnosed(stage)

    hits = [bench for bench in benches if right(bench, injected)]
    assert hits, f"{injected}\n{said(benches)}"
    if injected.expected_decision == "fix":
        apply(stage, hits[0])
        mended = dbt(stage, "build")
        assert mended.exit_code == 0, mended.errors
    else:
        assert all(not bench.edits for bench in benches)
        assert hits[0].report is not None
        assert hits[0].report.finding.owner
        assert hits[0].report.finding.next_step


def test_the_answer_holds_when_the_history_is_squashed(tmp_path: Path, green: Stage) -> None:
    stage = copy_of(green, tmp_path / "shop")
    injected = broken(stage, "upstream_alias_renamed", seed=1)
    shutil.rmtree(stage.root / ".git")
    stage.commit("everything")

    benches = diagnosed(stage)

    assert any(right(bench, injected) for bench in benches), said(benches)


def test_a_green_project_has_nothing_to_diagnose(tmp_path: Path, green: Stage) -> None:
    assert diagnosed(copy_of(green, tmp_path / "shop")) == []
