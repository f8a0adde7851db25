"""Projects that are not as they should be: each tool says so once, and answers what it can."""

from __future__ import annotations

import hashlib
from dataclasses import replace as replace_bench
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agentic.lineage import Graph
from agentic.project import Node, Source
from agentic.project.manifest import Checksum, DependsOn, NodeColumn
from agentic.tools import Bench, ToolError, registry_function
from agentic.warehouse import Column, Relation, Rows

STAGING = "model.shop.stg_orders"
MART = "model.shop.orders"
ORDERS = "source.shop.shop.orders"


class EmptyWarehouse:
    """A warehouse that has none of the relations."""

    dialect = "duckdb"

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        return None

    def query(self, sql: str, **_limits: Any) -> Rows:
        raise AssertionError(sql)


def with_nodes(bench: Bench, *nodes: Node, parents: dict[str, list[str]] | None = None) -> Bench:
    """The bench with nodes added or put in place of others."""
    manifest = replace(
        bench.manifest,
        nodes={**bench.manifest.nodes, **{node.unique_id: node for node in nodes}},
        parent_map={**(bench.manifest.parent_map or {}), **(parents or {})},
    )
    return replace_bench(
        bench,
        manifest=manifest,
        graph=Graph(manifest),
        connection=EmptyWarehouse,  # type: ignore[arg-type]  # the part asked
    )


def model(name: str, code: str, *parents: str, **more: Any) -> Node:
    return Node(
        unique_id=f"model.shop.{name}",
        name=name,
        resource_type="model",
        package_name="shop",
        original_file_path=f"models/{name}.sql",
        relation_name=f'"shop"."main"."{name}"',
        schema="main",
        alias=name,
        raw_code=code,
        depends_on=DependsOn(nodes=list(parents)),
        **more,
    )


def with_source(bench: Bench) -> Bench:
    """The source as a relation, which the warehouse lacks."""
    source = Source(
        unique_id=ORDERS,
        name="orders",
        source_name="shop",
        resource_type="source",
        package_name="shop",
        relation_name='"shop"."raw"."orders"',
        database="shop",
        schema="raw",
        identifier="orders",
    )
    staging = replace(
        bench.manifest.nodes[STAGING],
        depends_on=DependsOn(nodes=[ORDERS]),
        compiled_code='select id as order_id, amount from "shop"."raw"."orders"',
        relation_name='"shop"."main"."stg_orders"',
        schema="main",
        alias="stg_orders",
    )
    manifest = replace(bench.manifest, sources={ORDERS: source}, child_map={ORDERS: [STAGING]})
    return with_nodes(replace_bench(bench, manifest=manifest), staging)


def test_columns_of_a_missing_relation_are_inferred_and_marked(bench: Bench) -> None:
    found = with_source(bench)
    get_schema = registry_function("get_schema")

    of_source = get_schema(found, node=ORDERS)
    of_model = get_schema(found, node=STAGING)

    assert (of_source["exists"], of_source["columns"]) == (False, {})
    assert of_source["expected"]["from"] == "inferred"
    assert set(of_source["expected"]["columns"]) == {"id", "amount"}
    assert list(of_model["expected"]["columns"]) == ["order_id", "amount"]


def test_columns_of_the_catalog_come_before_inferred_ones(bench: Bench) -> None:
    found = with_source(bench)
    found.project.target_path.mkdir()
    (found.project.target_path / "catalog.json").write_text(
        """{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"},
        "nodes": {}, "sources": {"source.shop.shop.orders": {"unique_id": "source.shop.shop.orders",
        "metadata": {"type": "TABLE", "schema": "raw", "name": "orders"},
        "columns": {"id": {"type": "BIGINT", "index": 1, "name": "id"}}}}}"""
    )

    expected = registry_function("get_schema")(found, node=ORDERS)["expected"]

    assert expected == {"from": "catalog", "columns": {"id": "BIGINT"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "no catalog.json", id="missing"),
        pytest.param('{"metadata": {"dbt_schema_', "cut off", id="truncated"),
        pytest.param('{"metadata": {}, "x": 1}', "not a dbt catalog", id="foreign"),
        pytest.param("", "empty", id="empty"),
    ],
)
def test_a_bad_catalog_is_said_once_and_stops_nothing(
    bench: Bench, text: str | None, said: str
) -> None:
    found = with_source(bench)
    if text is not None:
        found.project.target_path.mkdir()
        (found.project.target_path / "catalog.json").write_text(text)

    assert said in registry_function("system_map")(found)["artifacts"]["catalog"]
    assert registry_function("get_schema")(found, node=ORDERS)["expected"]["from"] == "inferred"


def test_column_lineage_without_the_relation_says_whom_it_trusts(bench: Bench) -> None:
    told = registry_function("column_lineage")(with_source(bench), node=STAGING, column="order_id")

    assert told["columns_not_live"] == [f"{ORDERS}: inferred"]
    (edge,) = told["upstream"]
    assert (edge["node"], edge["column"], edge["kind"]) == (ORDERS, "id", "renamed")
    assert told["at"] == "models/stg_orders.sql:2"


def test_a_node_that_does_not_compile_is_opaque_and_the_rest_exact(bench: Bench) -> None:
    broken = model("broken", "select from where {{ nothing(", STAGING)
    found = with_nodes(
        with_source(bench), broken, parents={broken.unique_id: [STAGING], STAGING: [ORDERS]}
    )

    of_broken = registry_function("column_lineage")(found, node="broken", column="x")
    of_staging = registry_function("column_lineage")(found, node=STAGING, column="order_id")
    impact = registry_function("impact")(found, node=STAGING, column="order_id")

    assert of_broken["kind"] == "unknown"
    assert of_staging["upstream"][0]["column"] == "id"
    assert impact["verdict"] == "unknown"
    assert impact["unknown"][0].startswith("model.shop.broken")


def test_a_cycle_ends(bench: Bench) -> None:
    one, two = model("one", "select 1", "model.shop.two"), model("two", "s", "model.shop.one")
    parents = {one.unique_id: [two.unique_id], two.unique_id: [one.unique_id]}
    found = with_nodes(bench, one, two, parents=parents)

    up = registry_function("lineage_upstream")(found, node="one")

    assert up["nodes"] == {"1": [two.unique_id]}
    assert registry_function("impact")(found, node="one")["total"] == 1
    assert registry_function("system_map")(found)["counts"]["model"] == 4


def test_two_nodes_of_one_relation_name_each_other(bench: Bench) -> None:
    one = model("one", "select 1")
    two = replace(model("two", "select 2"), relation_name=one.relation_name)

    told = registry_function("get_node")(with_nodes(bench, one, two), node="one")

    assert told["same_relation"] == ["model.shop.two"]


@pytest.mark.parametrize(
    "name", ["with.dots", 'with"quotes', "mit 🦆", "MixedCase", "it's", "a" * 200, "%s {{ x }}"]
)
def test_names_may_hold_anything(bench: Bench, name: str) -> None:
    columns = {name: NodeColumn(name)}
    node = model(name, f"select 1 as {name}", STAGING, columns=columns)
    found = with_nodes(bench, node, parents={node.unique_id: [STAGING]})

    assert registry_function("get_node")(found, node=name)["unique_id"] == node.unique_id
    assert registry_function("lineage_upstream")(found, node=name)["total"] == 2
    hits = registry_function("catalog_search")(found, text=name)["matches"]
    assert hits[0]["node"] == node.unique_id
    assert registry_function("column_lineage")(found, node=name, column=name)["node"]
    assert registry_function("get_schema")(found, node=node.unique_id)["exists"] is False


def test_a_manifest_behind_its_files_says_so(bench: Bench) -> None:
    file = Path(bench.project.root) / "models" / "stg_orders.sql"
    checksum = hashlib.sha256(file.read_text().strip().encode()).hexdigest()
    staging = replace(bench.manifest.nodes[STAGING], checksum=Checksum("sha256", checksum))
    found = with_nodes(bench, staging)
    get_node, system_map = registry_function("get_node"), registry_function("system_map")

    assert "stale" not in get_node(found, node=STAGING)
    assert "newer_than_manifest" not in system_map(found)["artifacts"]

    file.write_text("select 1")

    assert "changed after the manifest" in get_node(found, node=STAGING)["stale"]
    assert system_map(found)["artifacts"]["newer_than_manifest"] == ["models/stg_orders.sql"]

    file.unlink()

    assert "is gone" in get_node(found, node=STAGING)["stale"]


def test_functions_are_found_like_any_node(bench: Bench) -> None:
    area = Node(
        unique_id="function.shop.area",
        name="area",
        resource_type="function",
        package_name="shop",
        original_file_path="functions/area.sql",
        raw_code="pi() * radius * radius",
    )
    manifest = replace(
        bench.manifest,
        functions={area.unique_id: area},
        parent_map={**(bench.manifest.parent_map or {}), STAGING: [area.unique_id]},
    )
    found = replace_bench(bench, manifest=manifest, graph=Graph(manifest))

    assert registry_function("get_node")(found, node="area")["resource_type"] == "function"
    assert registry_function("lineage_downstream")(found, node="area")["nodes"]["1"] == [STAGING]
    assert registry_function("system_map")(found)["counts"]["function"] == 1


def test_an_unknown_name_gets_the_nearest(bench: Bench) -> None:
    with pytest.raises(ToolError) as caught:
        registry_function("get_node")(bench, node="stg_order")

    assert STAGING in caught.value.hint
