"""The example project: green, quiet, the same on DuckDB and PostgreSQL, and landed day by day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic.evals.outputs import output_hashes
from agentic.evals.stage import Stage, copy_example, load_raw
from agentic.project import DbtOutcome, find_dbt, load_manifest, run_dbt

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    copied = copy_example("daily_sales", tmp_path_factory.mktemp("example") / "daily_sales")
    load_raw(copied)
    return copied


@pytest.fixture(scope="module")
def first_build(stage: Stage) -> DbtOutcome:
    return stage.dbt("build", "--show-all-deprecations")


def results(stage: Stage) -> dict[str, Any]:
    found = json.loads((stage.root / "target" / "run_results.json").read_text())
    return {one["unique_id"]: one for one in found["results"]}


def warnings(outcome: DbtOutcome) -> list[str]:
    return [one["info"]["msg"] for one in outcome.events if one["info"]["level"] == "warn"]


def test_it_builds_green_without_a_warning(stage: Stage, first_build: DbtOutcome) -> None:
    assert first_build.exit_code == 0, first_build.errors
    assert warnings(first_build) == []
    assert {one["status"] for one in results(stage).values()} <= {"success", "pass", "no-op"}


def test_it_has_what_a_real_project_has(stage: Stage, first_build: DbtOutcome) -> None:
    manifest = load_manifest(stage.root / "target" / "manifest.json")
    own = [node for node in manifest.nodes.values() if node.package_name == "daily_sales"]
    models = [node for node in own if node.resource_type == "model"]
    mart = manifest.nodes["model.daily_sales.daily_sales"]
    singular = [n for n in own if n.resource_type == "test" and n.test_metadata is None]

    assert 14 <= len(models) <= 20
    assert {"incremental", "view", "table"} == {node.materialized for node in models}
    assert [node.resource_type for node in own].count("snapshot") == 1
    assert mart.contract_enforced
    assert "gold" in mart.tags
    assert len(singular) == 2
    assert len(manifest.unit_tests) == 3
    assert len({source.source_name for source in manifest.sources.values()}) == 2
    assert all(source.freshness and source.loaded_at_field for source in manifest.sources.values())
    assert all(manifest.owner_of(node.unique_id) for node in [*models, *manifest.sources.values()])
    assert len(manifest.exposures) == 1


def test_it_builds_again_to_the_same_rows(stage: Stage, first_build: DbtOutcome) -> None:
    before = output_hashes(stage.root, target="prod")

    again = stage.dbt("build")

    assert again.ok, again.errors
    assert output_hashes(stage.root, target="prod") == before


def test_its_sources_are_fresh(stage: Stage, first_build: DbtOutcome) -> None:
    assert stage.dbt("source", "freshness").ok


def raw_rows(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by all"
        ).fetchall()
        return {
            table: connection.execute(
                f"select * exclude (_loaded_at) from {table} order by all"
            ).fetchall()
            for (table,) in tables
        }


def test_days_landed_one_by_one_are_the_days_landed_at_once(stage: Stage, tmp_path: Path) -> None:
    def land(file: str, *more: str) -> Path:
        command = [sys.executable, str(stage.root / "load.py"), "--duckdb", str(tmp_path / file)]
        subprocess.run([*command, *more], check=True, capture_output=True)
        return tmp_path / file

    at_once = land("a.duckdb", "--days", "4")
    land("b.duckdb", "--days", "2")
    land("b.duckdb", "--day", "2026-01-03")
    one_by_one = land("b.duckdb", "--day", "2026-01-04")

    assert raw_rows(one_by_one) == raw_rows(at_once)
    assert len(raw_rows(at_once)["raw_shop.orders"]) > 50


@pytest.fixture(scope="module")
def on_postgres(stage: Stage, postgres_server: Any) -> Iterator[dict[str, str]]:
    server = postgres_server.new_database("daily_sales")
    yield {
        **os.environ,
        "DAILY_SALES_PG_HOST": server.host,
        "DAILY_SALES_PG_PORT": str(server.port),
        "DAILY_SALES_PG_USER": server.user,
        "DAILY_SALES_PG_PASSWORD": server.password,
        "DAILY_SALES_PG_DATABASE": server.dbname,
    }


def test_it_builds_to_the_same_figures_on_postgres(
    stage: Stage, first_build: DbtOutcome, postgres_server: Any, on_postgres: dict[str, str]
) -> None:
    import duckdb

    server = postgres_server._replace(dbname="daily_sales")
    url = f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/daily_sales"
    load = [sys.executable, "load.py", "--postgres", url]
    subprocess.run(load, cwd=stage.root, check=True, capture_output=True)
    arguments = ["build", "--profiles-dir", str(stage.root), "--target", "pg"]

    for _ in range(2):  # the second time the incremental node and the snapshot find themselves
        outcome = run_dbt(
            find_dbt(),
            [*arguments, "--target-path", str(stage.root / "target_pg")],
            cwd=stage.root,
            env=on_postgres,
        )

        assert outcome.ok, outcome.errors

    total = "select count(*), sum(net_sales), sum(order_count) from analytics_marts.daily_sales"
    with duckdb.connect(str(stage.database), read_only=True) as connection:
        assert server.run(total) == connection.execute(total).fetchall()
