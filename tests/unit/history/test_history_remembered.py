"""The history survives the process, holds nothing twice, and holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from agentic.history import (
    invocations,
    last_good_profile,
    node_runs,
    profiles,
    record_invocation,
    record_profiles,
    runs_of_last,
)
from agentic.project import (
    BatchResults,
    Manifest,
    Metadata,
    Node,
    NodeResult,
    RunResults,
    Source,
    Target,
)
from agentic.project.manifest import Checksum
from agentic.store import Store, open_store, utc_now
from agentic.warehouse import Connection, open_connection

ORDERS = "model.shop.orders"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, project="shop", clock=utc_now)


def manifest() -> Manifest:
    orders = Node(
        unique_id=ORDERS,
        name="orders",
        resource_type="model",
        relation_name='"shop"."main"."orders"',
        schema="main",
        alias="orders",
        checksum=Checksum("sha256", "c0ffee" * 10),
        config={"materialized": "table"},
    )
    source = Source(
        unique_id="source.shop.raw.orders",
        name="orders",
        source_name="raw",
        relation_name='"shop"."main"."raw_orders"',
        schema="main",
        identifier="raw_orders",
    )
    return Manifest(
        metadata=Metadata(),
        nodes={ORDERS: orders},
        sources={source.unique_id: source},
        child_map={source.unique_id: [ORDERS]},
    )


def results(number: int = 1, *, status: str = "success", **more: Any) -> RunResults:
    one = NodeResult(
        unique_id=ORDERS,
        status=status,
        execution_time=1.5,
        adapter_response={"rows_affected": 10},
        timing=[
            {"name": "compile", "started_at": "2026-01-01T00:00:01Z", "completed_at": "x"},
            {"name": "execute", "started_at": "2026-01-01T00:00:02Z", "completed_at": "z"},
        ],
        **more,
    )
    head = Metadata(
        generated_at=f"2026-01-{number:02d}T00:00:00Z",
        invocation_id=f"invocation-{number}",
        dbt_version="1.11.0",
    )
    return RunResults(metadata=head, results=[one], args={"which": "build", "full_refresh": True})


def test_an_invocation_is_remembered_once(store: Store, tmp_path: Path) -> None:
    first = record_invocation(store, manifest(), results(), target="dev", head="abc")
    again = record_invocation(store, manifest(), results())
    reopened = open_store(tmp_path, project="shop", clock=utc_now)

    assert (first, again) == (True, False)
    assert [one.invocation_id for one in invocations(reopened)] == ["invocation-1"]
    (run,) = node_runs(reopened, ORDERS)
    assert (run.status, run.rows_affected, run.duration_s) == ("success", 10, 1.5)
    assert run.checksum == "c0ffeec0ffeec0ff"
    assert (run.started_at, run.completed_at) == ("2026-01-01T00:00:01Z", "z")
    assert run.full_refresh


def test_runs_come_newest_first_whatever_the_order_they_were_seen_in(store: Store) -> None:
    for number in (2, 3, 1):
        record_invocation(store, manifest(), results(number))

    assert [run.at[8:10] for run in node_runs(store, ORDERS)] == ["03", "02", "01"]
    assert [run.at[8:10] for run in runs_of_last(store, 2)] == ["03", "02"]


def test_messages_are_masked_and_batches_kept(store: Store) -> None:
    batches = BatchResults(successful=[["2026-01-01", "2026-01-02"]], failed=[])
    told = results(
        status="partial success", message="bad value ann@example.com", batch_results=batches
    )
    record_invocation(store, manifest(), told)

    (run,) = node_runs(store, ORDERS)
    assert run.message == "bad value [email]"
    assert run.batches == {"successful": [["2026-01-01", "2026-01-02"]], "failed": []}
    assert not invocations(store)[0].green


def test_what_builds_nothing_is_not_remembered(store: Store) -> None:
    shown = results()
    shown.args["which"] = "show"

    assert not record_invocation(store, manifest(), shown)
    assert invocations(store) == ()


def test_projects_in_one_store_do_not_mix(store: Store) -> None:
    record_invocation(store, manifest(), results())
    other = Store(store.engine, project="other", clock=utc_now)

    assert invocations(other) == ()
    assert record_invocation(other, manifest(), results())


@pytest.fixture
def warehouse(tmp_path: Path) -> Connection:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
        session.execute("create table orders as select i as id, 'ann' as name from range(5) r(i)")
        session.execute("create table raw_orders as select * from orders")
    target = Target(
        name="dev",
        adapter="duckdb",
        schema="main",
        database="shop",
        settings={"path": "shop.duckdb"},
    )
    return open_connection(target, project_root=tmp_path)


def test_relations_are_profiled_once_an_invocation(store: Store, warehouse: Connection) -> None:
    record_invocation(store, manifest(), results())
    done = [
        record_profiles(store, warehouse, manifest(), results(), masked=lambda *_: {"name"})
        for _ in range(2)
    ]

    assert done[0] is not None and done[0].profiled == 2
    assert done[1] is None
    good = last_good_profile(store, ORDERS)
    assert good is not None
    assert (good.rows, good.invocation_id) == (5, "invocation-1")
    assert good.by_name["name"].masked
    assert "ann" not in str(good)


def test_a_relation_that_may_not_be_read_is_not_profiled(
    store: Store, warehouse: Connection
) -> None:
    record_invocation(store, manifest(), results())
    record_profiles(
        store,
        warehouse,
        manifest(),
        results(),
        masked=lambda node, _: None if node.unique_id == ORDERS else (),
    )

    assert last_good_profile(store, ORDERS) is None
    assert last_good_profile(store, "source.shop.raw.orders") is not None


def test_profiles_are_a_series_and_only_good_ones_are_good(
    store: Store, warehouse: Connection
) -> None:
    for number, good in ((1, True), (2, False)):
        record_invocation(store, manifest(), results(number))
        record_profiles(
            store, warehouse, manifest(), results(number), masked=lambda *_: (), good=good
        )

    assert [one.invocation_id for one in profiles(store, ORDERS)] == [
        "invocation-2",
        "invocation-1",
    ]
    good_one = last_good_profile(store, ORDERS)
    assert good_one is not None and good_one.invocation_id == "invocation-1"
