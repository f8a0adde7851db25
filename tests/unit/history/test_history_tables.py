"""The past that the macros wrote into the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from agentic.history import invocations, node_runs, record_from_tables, records_schema
from agentic.project import Target
from agentic.store import Store, open_store, utc_now
from agentic.warehouse import Connection, open_connection

TABLES = """
create schema dev_agentic;
create table dev_agentic.runs (invocation_id varchar, command varchar, target_name varchar,
    dbt_version varchar, status varchar, nodes int, nodes_failed int, started_at timestamp,
    completed_at timestamp);
create table dev_agentic.node_results (invocation_id varchar, unique_id varchar,
    attached_node varchar, resource_type varchar, status varchar, failures int, message varchar,
    execution_seconds double, recorded_at timestamp);
insert into dev_agentic.runs values
    ('one', 'build', 'dev', '1.11', 'success', 1, 0, '2026-01-01 06:00', '2026-01-01 06:01'),
    ('two', 'build', 'dev', '1.11', 'error', 1, 1, '2026-01-02 06:00', '2026-01-02 06:01');
insert into dev_agentic.node_results values
    ('one', 'model.shop.a', null, 'model', 'success', null, 'OK', 1.5, '2026-01-01 06:01'),
    ('two', 'model.shop.a', null, 'model', 'error', null, 'for ann@example.com', 2, '2026-01-02');
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, project="shop", clock=utc_now)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], Connection]:
    def of(sql: str) -> Connection:
        with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
            session.execute(sql)
        settings = {"path": "shop.duckdb"}
        target = Target(
            name="dev", adapter="duckdb", schema="dev", database="shop", settings=settings
        )
        return open_connection(target, project_root=tmp_path)

    return of


def test_what_others_ran_is_taken_over_once(
    store: Store, opened: Callable[[str], Connection]
) -> None:
    with opened(TABLES) as connection:
        counts = [record_from_tables(store, connection, "dev_agentic") for _ in range(2)]

    assert counts == [2, 0]
    assert [one.green for one in invocations(store)] == [False, True]
    runs = node_runs(store, "model.shop.a")
    assert [(run.status, run.duration_s, run.message) for run in runs] == [
        ("error", 2.0, "for [email]"),
        ("success", 1.5, ""),
    ]
    assert runs[0].at == "2026-01-02T06:01:00Z"


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("select 1", id="none"),
        pytest.param(
            "create schema dev_agentic; create table dev_agentic.runs as select 1 as x; "
            "create table dev_agentic.node_results as select 1 as x",
            id="others",
        ),
    ],
)
def test_tables_that_are_not_ours_are_left_alone(
    store: Store, opened: Callable[[str], Connection], sql: str
) -> None:
    with opened(sql) as connection:
        assert record_from_tables(store, connection, "dev_agentic") == 0


@pytest.mark.parametrize(
    ("config", "schema"),
    [
        ({}, "dev_agentic"),
        ({"vars": {"agentic_records_schema": "ops"}}, "ops"),
        ({"vars": {"shop": {"agentic_records_schema": "own"}}}, "own"),
    ],
)
def test_where_the_macros_write(config: dict[str, object], schema: str) -> None:
    assert records_schema(config, "dev", "shop") == schema
