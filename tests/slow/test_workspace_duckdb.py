"""Isolation with real dbt, DuckDB and git: what is built, and what is left as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workspace_projects import CHILD, Shop, duckdb_output, duckdb_rows, environment

from agentic.exceptions import IsolationError, WarehouseLocked, WorkspaceError
from agentic.workspace import sweep

pytestmark = pytest.mark.slow

EVERYTHING = ["stg_orders", "customer_orders", "order_log", "orders_history"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("database")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"), duckdb_output(database), subfolder="analytics/dbt")
    made.build()
    made.build()
    return made


def hash_of(database: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in sorted(database.iterdir())]


def test_a_build_lies_in_the_workspace_and_nowhere_else(shop: Shop, database: Path) -> None:
    edited = "select id as customer_id, name || '' as name from {{ source('shop', 'customers') }}"
    shop.write("models/staging/stg_customers.sql", edited)
    shop.git("add", "analytics/dbt/models/staging/stg_customers.sql")
    shop.write("models/staging/untracked.sql", "select 1 as one")
    try:
        before, stored = shop.fingerprint(), hash_of(database)
        with shop.open() as workspace:
            outcome = workspace.build([*EVERYTHING, "stg_customers", "untracked"])
            with workspace.connection() as connection:
                schemas = set(connection.schemas())
                hooks = connection.query("select count(*) from audit.starts").rows
                relation = outcome.relations["model.shop.order_log"]
                log = connection.query(f"select count(*) from {relation.sql('duckdb')}").rows
        own = workspace.schema

        assert outcome.ok, outcome.log
        assert {one.schema for one in outcome.relations.values()} == {
            own,
            f"{own}_marts",
            f"{own}_snapshots",
        }
        assert {name for name in schemas if not name.startswith(own)} - {"main"} == {
            *("audit", "dev", "dbt_test__audit", "history", "marts", "raw")
        }
        assert hooks == ((2 * (1 + 4),),), "only those of the two ordinary builds"
        assert log == ((20,),), "the incremental node started from the baseline's rows"
        assert shop.fingerprint() == before
        assert hash_of(database) == stored
        assert workspace.leftovers == ()
        assert shop.leftovers() == []
        assert list((shop.root / ".agentic" / "workspaces").iterdir()) == []
        assert ".agentic" not in shop.git("status", "--short")
    finally:
        shop.git("reset", "-q", "--hard")
        (shop.root / "models/staging/untracked.sql").unlink()


def test_a_node_that_would_escape_is_refused_before_anything_runs(shop: Shop) -> None:
    escaping = """
{% snapshot orders_history %}
{% set key = 'target_' ~ 'schema' %}
{{ config(**{key: 'history'}) }}
{{ config(unique_key='order_id', strategy='check', check_cols=['amount']) }}
select order_id, amount from {{ ref('stg_orders') }}
{% endsnapshot %}
"""
    with shop.open() as workspace:
        workspace.write_files({"snapshots/orders_history.sql": escaping})

        with pytest.raises(IsolationError, match="outside the workspace schema"):
            workspace.build(["orders_history", "stg_orders"])

        with workspace.connection() as connection:
            assert not [name for name in connection.schemas() if name.startswith("agentic")]


def test_both_sides_stand_on_the_same_raw_rows(shop: Shop, database: Path) -> None:
    duckdb_rows(database, "alter table raw.orders rename column amount to amount_eur")
    renamed = (
        "select id as order_id, customer_id, amount_eur as amount, placed_at"
        " from {{ source('shop', 'orders') }}"
    )
    try:
        with shop.open() as workspace:
            broken = workspace.build(["stg_orders", "customer_orders"])
            workspace.write_files({"models/staging/stg_orders.sql": renamed})
            change = workspace.build_changed(["models/staging/stg_orders.sql"])
            base = workspace.build(
                change.selected,
                variant="base",
                rename_undone=[("source.shop.shop.orders", "amount", "amount_eur")],
            )
            sums = []
            with workspace.connection() as connection:
                for outcome in (change, base):
                    relation = outcome.relations["model.shop.customer_orders"].sql("duckdb")
                    sums.append(connection.query(f"select sum(amount) from {relation}").rows)
    finally:
        duckdb_rows(database, "alter table raw.orders rename column amount_eur to amount")

    assert not broken.ok
    assert broken.results["model.shop.stg_orders"].status == "error"
    assert change.ok, change.log
    assert set(change.selected) == {
        *("model.shop.stg_orders", "model.shop.customer_orders", "model.shop.order_log"),
        "snapshot.shop.orders_history",
    }
    assert base.ok, base.log
    assert change.relations["model.shop.stg_orders"] != base.relations["model.shop.stg_orders"]
    assert sums[0] == sums[1]


def test_ancestors_that_the_baseline_lacks_are_built_too(shop: Shop, database: Path) -> None:
    duckdb_rows(database, "drop view dev.stg_customers")
    try:
        with shop.open() as workspace:
            outcome = workspace.build(["customer_orders"])
    finally:
        shop.dbt("run", "--select", "stg_customers")

    assert outcome.ok, outcome.log
    assert outcome.added == ("model.shop.stg_customers",)


def test_a_base_that_does_not_parse_is_the_last_commit_that_does(shop: Shop) -> None:
    manifest = shop.manifest
    broken = "select * from {{ ref('stg_custommers') }}"
    fixed = "select *, 1 as one from {{ ref('stg_customers') }}"
    shop.write("models/marts/customer_orders.sql", broken)
    try:
        with shop.open(manifest=manifest) as workspace:
            red = workspace.build(["customer_orders"])
            workspace.write_files({"models/marts/customer_orders.sql": fixed})
            green = workspace.build(["customer_orders"])
            base = workspace.build(["customer_orders"], variant="base")
    finally:
        shop.git("checkout", "-q", ".")

    assert red.manifest is None
    assert "stg_custommers" in red.error
    assert not red.ok
    assert [one.status for uid, one in green.results.items() if uid.startswith("model")] == [
        "success"
    ]
    assert base.ok
    assert base.revision == shop.git("rev-parse", "HEAD").strip()


def test_edits_stay_inside_the_project(shop: Shop) -> None:
    with shop.open() as workspace:
        for path in ("../../README.md", "/etc/passwd", "models/../../x.sql", ".git/config"):
            with pytest.raises(WorkspaceError, match="not a path inside"):
                workspace.write_files({path: "x"})


def test_two_runs_at_once_have_places_of_their_own(shop: Shop) -> None:
    with shop.open("one") as one, shop.open("two") as two:
        assert one.root != two.root
        assert one.schema != two.schema
        assert sweep(shop.project, shop.repo, shop.target) == ()


def test_a_database_that_is_being_written_is_said_to_be_locked(
    shop: Shop, database: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    code = (
        "import duckdb, pathlib, sys, time; s = duckdb.connect(sys.argv[1]);"
        "pathlib.Path(sys.argv[2]).touch(); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, database / "shop.duckdb", ready])
    try:
        while not ready.exists():
            time.sleep(0.05)

        with pytest.raises(WarehouseLocked):
            shop.open()
    finally:
        writer.kill()
        writer.wait()

    assert shop.leftovers() == []
    assert list((shop.root / ".agentic" / "workspaces").iterdir()) == []


PACKAGE = {
    "dbt_project.yml": """
name: audited
version: "1.0"
macro-paths: [macros]
model-paths: [models]
on-run-start: "create table if not exists audit.of_package (n int)"
models: {audited: {+materialized: table, +schema: audited}}
""",
    "macros/deep/names.sql": """
{% macro generate_schema_name(custom_schema_name, node) -%} of_package {%- endmacro %}
{% macro one() %}1{% endmacro %}
""",
    "models/audited.sql": "select {{ audited.one() }} as id",
}


def test_packages_are_linked_without_their_hooks_and_schemas(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", duckdb_output(tmp_path / "database"))
    package = tmp_path / "package"
    for path, text in PACKAGE.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text.lstrip("\n"))
    shop.write("packages.yml", "packages:\n  - local: ../../package\n")
    shop.write("models/staging/reader.sql", "select * from {{ ref('audited', 'audited') }}")
    assert shop.dbt("deps").returncode == 0
    shop.build()
    text = (package / "macros/deep/names.sql").read_text()

    with shop.open() as workspace:
        outcome = workspace.build(["audited", "reader"])
        own = workspace.schema
        with workspace.connection() as connection:
            schemas = connection.schemas()

    assert outcome.ok, outcome.error + outcome.log
    assert {relation.schema for relation in outcome.relations.values()} == {own, f"{own}_audited"}
    assert "of_package" in schemas, "where production's own lies"
    assert not [uid for uid in outcome.results if uid.startswith("operation")]
    assert (package / "macros/deep/names.sql").read_text() == text


def test_kill_9_leaves_nothing_after_a_sweep(shop: Shop) -> None:
    before = shop.fingerprint()
    folders = [str(one) for one in (shop.repository, shop.root, shop.profiles, shop.home)]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, *folders],
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"line\n", "dbt is building"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    left = shop.leftovers()
    worktrees = shop.git("worktree", "list")

    removed = sweep(shop.project, shop.repo, shop.target)

    assert "tree" in left
    assert str(shop.home) in worktrees
    assert any(line.startswith("process ") for line in removed), "the orphaned dbt was ended"
    assert "workspace of run killed" in removed
    assert shop.leftovers() == []
    assert shop.fingerprint() == before
    assert sweep(shop.project, shop.repo, shop.target) == ()
