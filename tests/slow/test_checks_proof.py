"""The building checks on real builds: a repair passes, a wrong one does not, doubt is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from workspace_projects import Shop, duckdb_output, duckdb_rows

from agentic.checks import Subject, build, data_diff, red_green
from agentic.lineage import Graph
from agentic.records import (
    CheckResult,
    CompiledGuardrails,
    Edit,
    Incident,
    IncidentKind,
    Limits,
    Proposal,
    Signal,
)
from agentic.workspace import Workspace

pytestmark = pytest.mark.slow

STG = "models/staging/stg_orders.sql"
RENAMED = """
select id as order_id, customer_id, amount_eur as amount, placed_at
from {{ source('shop', 'orders') }}
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("database")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"), duckdb_output(database))
    made.build()
    return made


@pytest.fixture
def renamed(shop: Shop, database: Path) -> Iterator[Shop]:
    """The vendor renames a column; production keeps what it built before, with fresh rows."""
    duckdb_rows(database, "alter table raw.orders rename column amount to amount_eur")
    yield shop
    duckdb_rows(database, "alter table raw.orders rename column amount_eur to amount")


def subject(
    shop: Shop,
    workspace: Workspace,
    files: dict[str, str],
    *,
    kind: IncidentKind = "run_error",
    renames: tuple[tuple[str, str, str], ...] = (),
) -> Subject:
    manifest = shop.manifest
    node = "model.shop.stg_orders"
    signal = Signal(kind=kind, node=node, message="Binder Error: amount\n more")
    edits = tuple(
        Edit(path=path, before=(shop.root / path).read_text(), after=text)
        for path, text in files.items()
    )
    return Subject(
        proposal=Proposal(title="t", edits=edits, rename_undone=renames),
        project=shop.project,
        manifest=manifest,
        graph=Graph(manifest),
        dialect="duckdb",
        incident=Incident(
            id="i", kind=kind, node=node, message="red", fingerprint="f", signals=(signal,)
        ),
        workspace=lambda: workspace,
    )


def prove(one: Subject) -> dict[str, CheckResult]:
    found = [build.dbt_build(one), red_green.red_then_green(one), data_diff.data_diff(one)]
    return {result.code: result for result in found}


def test_a_rename_that_is_followed_gives_equal_rows(renamed: Shop, database: Path) -> None:
    duckdb_rows(database, "insert into raw.orders values (21, 1, 7, '2026-02-01')")
    undone = ("source.shop.shop.orders", "amount", "amount_eur")
    try:
        with renamed.open() as workspace:
            report = prove(subject(renamed, workspace, {STG: RENAMED}, renames=(undone,)))
    finally:
        duckdb_rows(database, "delete from raw.orders where id = 21")

    assert {code: one.result for code, one in report.items()} == {
        "AP010": "pass",
        "AP011": "pass",
        "AP012": "pass",
    }, report
    assert report["AP011"].table[0]["before"] == "Binder Error: amount"
    rows = {row["relation"]: row for row in report["AP012"].table}
    assert rows["customer_orders"]["key"] == "customer_id"
    assert rows["customer_orders"]["against"] == "the code before the change"
    assert (rows["stg_orders"]["rows before"], rows["stg_orders"]["rows after"]) == (21, 21)
    assert (rows["order_log"]["rows before"], rows["order_log"]["rows after"]) == (21, 21)


def test_a_repair_that_changes_values_fails(renamed: Shop) -> None:
    undone = ("source.shop.shop.orders", "amount", "amount_eur")
    wrong = RENAMED.replace("amount_eur as", "amount_eur * 2 as") + "where id > 1"
    fewer = RENAMED + "where id > 1"
    with renamed.open() as workspace:
        report = prove(subject(renamed, workspace, {STG: wrong}, renames=(undone,)))
        lost = subject(renamed, workspace, {STG: fewer}, renames=(undone,))
        rails = CompiledGuardrails(limits=Limits(rows_deleted=1))
        allowed = prove(replace(lost, guardrails=rails))

    # The mart that counts the rows has another value, and that is not what the limit allows.
    why = {row["relation"]: (row["result"], row["why"]) for row in allowed["AP012"].table}
    assert why["stg_orders"] == ("warn", "1 keys are lost, as limits.rows_deleted allows")
    assert allowed["AP012"].result == "fail"
    assert report["AP010"].result == "pass"
    assert report["AP012"].result == "fail"
    rows = {row["relation"]: row for row in report["AP012"].table}
    assert rows["stg_orders"]["changed"] == {"amount": 19}
    assert rows["stg_orders"]["only before"] == 1
    assert rows["stg_orders"]["why"] == "1 keys are lost"


def test_without_the_same_data_on_both_sides_nothing_is_claimed(
    renamed: Shop, database: Path
) -> None:
    duckdb_rows(database, "insert into raw.orders values (21, 1, 7, '2026-02-01')")
    try:
        with renamed.open() as workspace:
            report = prove(subject(renamed, workspace, {STG: RENAMED}))
    finally:
        duckdb_rows(database, "delete from raw.orders where id = 21")

    assert report["AP012"].result == "not_compared"
    rows = {row["relation"]: row for row in report["AP012"].table}
    assert rows["customer_orders"]["changed"] == {"orders": 1, "amount": 1}
    assert rows["customer_orders"]["result"] == "not_compared"


def test_a_change_that_breaks_a_child_is_to_blame(shop: Shop) -> None:
    dropped = "select id as order_id, customer_id, placed_at from {{ source('shop', 'orders') }}"
    with shop.open() as workspace:
        report = prove(subject(shop, workspace, {STG: dropped}))

    assert report["AP010"].result == "fail"
    red = {row["node"]: row["status"] for row in report["AP010"].table}
    assert red["model.shop.customer_orders"] == "error"
    assert report["AP011"].result == "pass"
