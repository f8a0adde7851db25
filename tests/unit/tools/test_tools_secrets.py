"""No context tool lets a protected value out, whatever it is asked: one marker, looked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace as replace_bench
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec.structs import replace

from agentic.exceptions import AgenticError
from agentic.history import record_invocation, record_profiles
from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import Metadata, Node, NodeResult, RunResults, Source, Target
from agentic.store import open_store, utc_now
from agentic.tools import Bench, registry, registry_function
from agentic.tools.dbt import without_values
from agentic.tools.shielded import hidden_columns
from agentic.warehouse import open_connection

MARK = "Zebulon"
MART, SECRET = "model.shop.orders", "source.shop.hr.salaries"


@pytest.fixture
def shop(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A mart with a protected and a masked column, a source that may not be read, and a past."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
        session.execute(
            f"create table orders as select i as id, '{MARK}' as who, '{MARK}' as nick,"
            f" '{MARK}' as alias_of_who, date '2026-01-01' as day from range(9) r(i)"
        )
        session.execute(f"create table salaries as select '{MARK}' as name, now() as at")
    settings = {"path": "shop.duckdb"}
    target = Target(name="dev", adapter="duckdb", schema="main", database="shop", settings=settings)
    orders = replace(
        bench.manifest.nodes[MART],
        relation_name='"shop"."main"."orders"',
        database="shop",
        schema="main",
        alias="orders",
        config={"materialized": "incremental"},
    )
    copy = Node(
        unique_id="model.shop.copy",
        name="copy",
        resource_type="model",
        relation_name='"shop"."main"."orders"',
        database="shop",
        schema="main",
        alias="orders",
    )
    hidden = Source(
        unique_id=SECRET,
        name="salaries",
        source_name="hr",
        resource_type="source",
        relation_name='"shop"."main"."salaries"',
        database="shop",
        schema="main",
        identifier="salaries",
        loaded_at_field="at",
        freshness={"warn_after": {"count": 1, "period": "day"}},
    )
    manifest = replace(
        bench.manifest,
        nodes={**bench.manifest.nodes, MART: orders, copy.unique_id: copy},
        sources={**bench.manifest.sources, SECRET: hidden},
    )
    world = World(
        relations={"main.orders": (), "main.salaries": ()},
        default_schema="main",
        default_database="shop",
        read_deny=("main.salaries",),
        columns_deny=("main.orders.who", "main.orders.alias_of_who"),
        columns_mask=("main.orders.nick",),
    )
    store = open_store(tmp_path, project="shop", clock=utc_now)
    connection = open_connection(target, project_root=tmp_path)
    _remember(store, manifest, world, connection)
    logs = Path(bench.project.root) / "logs"
    logs.mkdir()
    (logs / "dbt.log").write_text(f"Conversion Error: cannot cast '{MARK}' to a number\n")
    yield replace_bench(
        bench,
        manifest=manifest,
        graph=Graph(manifest),
        world=world,
        history=store,
        connection=lambda: connection,
    )
    connection.close()


def _remember(store: Any, manifest: Any, world: World, connection: Any) -> None:
    failed = NodeResult(MART, "error", message=f"Conversion Error: cannot cast '{MARK}' as INT")
    for day, result in ((1, NodeResult(MART, "success")), (2, failed)):
        head = Metadata(generated_at=f"2026-01-0{day}T00:00:00Z", invocation_id=f"inv-{day}")
        told = RunResults(metadata=head, results=[result], args={"which": "build"})
        record_invocation(store, manifest, told, clean=lambda text: without_values(world, text))
        if day == 1:
            record_profiles(
                store,
                connection,
                manifest,
                told,
                masked=lambda node, names: hidden_columns(
                    world, f"{node.schema}.{node.alias}", names
                ),
            )


def _attempts() -> Iterator[tuple[str, dict[str, Any]]]:
    columns = ["id", "who", "nick", "alias_of_who", "name"]
    for node in (MART, SECRET, "model.shop.copy"):
        for column in columns:
            yield "profile_column", {"node": node, "columns": [column]}
            yield "column_lineage", {"node": node, "column": column, "depth": 0}
            yield "impact", {"node": node, "column": column}
        reads = ("get_node", "get_schema", "freshness", "get_table_freshness")
        for name in (*reads, "run_history", "partition_state"):
            yield name, {"node": node}
        yield "compare_profiles", {"node": node}
        yield "compare_profiles", {"node": node, "also": [SECRET]}
        yield "compare_profiles", {"node": MART, "also": [node]}
        yield "recent_changes", {"node": node}
    yield "dbt_source_freshness", {}
    yield "dbt_source_freshness", {"nodes": [SECRET]}
    yield "search_logs", {"text": "conversion"}
    yield "query_metrics", {"order": "flaky"}
    yield "query_history", {}
    yield "run_history", {}
    yield "system_map", {}
    yield "catalog_search", {"text": "orders"}


def test_no_answer_holds_a_protected_value(shop: Bench) -> None:
    answered = set()
    for name, given in _attempts():
        with suppress(AgenticError):
            told = str(registry_function(name)(shop, **given))
            answered.add(name)
            assert MARK not in told, (name, given)

    names = {name for name, spec in registry().items() if spec.toolset == "context"}
    files = {"read_file", "search_code", "lineage_upstream", "lineage_downstream"}
    assert names - files <= answered


def test_no_error_holds_one_either(shop: Bench) -> None:
    for name, given in _attempts():
        try:
            registry_function(name)(shop, **given)
        except AgenticError as error:
            assert MARK not in f"{error.message} {error.hint}", (name, given)


def test_the_store_holds_none(shop: Bench, tmp_path: Path) -> None:
    assert shop.history is not None
    shop.history.engine.dispose()
    kept = b"".join(file.read_bytes() for file in (tmp_path / ".agentic").glob("state.db*"))

    assert b'"kind":"text"' in kept
    assert b"cannot cast" in kept
    assert MARK.encode() not in kept
