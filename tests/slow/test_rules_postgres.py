"""The rules on a real PostgreSQL: the same faults, the same answers, in its own dialect."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from rules_drive import (
    apply,
    broken,
    dbt,
    diagnosed,
    example,
    load,
    postgres_environment,
    right,
    said,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Any:
    """The example built green, and a copy of its database to start each test from."""
    server = postgres_server.new_database("rules_shop")
    with pytest.MonkeyPatch.context() as patch:
        url = postgres_environment(patch, server)
        stage = example(tmp_path_factory.mktemp("rules") / "shop", target="pg")
        load(stage, "--postgres", url)
        built = dbt(stage, "build")
    assert built.exit_code == 0, built.errors
    postgres_server.run(
        "drop database if exists rules_green with (force)",
        "create database rules_green template rules_shop",
    )
    return stage


@pytest.mark.parametrize("fault", ["src_column_renamed", "src_date_format", "duplicate_rows"])
def test_a_fault_is_named_and_mended(
    fault: str,
    tmp_path: Path,
    green: Any,
    postgres_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The same name every time: the manifest's relations carry it.
    postgres_server.run(
        "drop database if exists rules_shop with (force)",
        "create database rules_shop template rules_green",
    )
    postgres_environment(monkeypatch, postgres_server._replace(dbname="rules_shop"))
    shutil.copytree(green.root, tmp_path / "shop", symlinks=True)
    stage = type(green)(tmp_path / "shop", database="warehouse.duckdb", target="pg")
    injected = broken(stage, fault)

    benches = diagnosed(stage)

    hits = [bench for bench in benches if right(bench, injected)]
    assert hits, f"{injected}\n{said(benches)}"
    if injected.expected_decision == "fix":
        apply(stage, hits[0])
        mended = dbt(stage, "build")
        assert mended.exit_code == 0, mended.errors
