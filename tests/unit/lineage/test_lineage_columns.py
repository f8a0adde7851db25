"""Column lineage over small manifests: edges, kinds, reasons, raw code, caching, impact."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from agentic.lineage import (
    ColumnLineage,
    Graph,
    column_lineage,
    columns_expected_of,
    impact,
)
from agentic.project import Manifest, load_manifest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from lineage_project import generate

ORDERS = "source.shop.raw.orders"
SCHEMAS = {ORDERS: {"id": "integer", "amount": "integer", "status": "varchar"}}


def source(name: str = "orders") -> dict[str, object]:
    return {
        "unique_id": f"source.shop.raw.{name}",
        "name": name,
        "source_name": "raw",
        "identifier": name,
        "resource_type": "source",
        "package_name": "shop",
        "database": "db",
        "schema": "raw",
    }


def node(name: str, sql: str, parents: list[str], **more: object) -> dict[str, object]:
    return {
        "unique_id": f"model.shop.{name}",
        "name": name,
        "alias": name,
        "resource_type": "model",
        "package_name": "shop",
        "database": "db",
        "schema": "main",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": parents},
        "raw_code": sql,
        "compiled_code": sql,
        **more,
    }


def manifest(*entries: dict[str, object]) -> Manifest:
    nodes = {str(one["unique_id"]): one for one in entries if one["resource_type"] != "source"}
    sources = {str(one["unique_id"]): one for one in entries if one["resource_type"] == "source"}
    parents: dict[str, list[str]] = {uid: [] for uid in sources}
    for uid, one in nodes.items():
        depends = one.get("depends_on", {})
        assert isinstance(depends, dict)
        parents[uid] = list(depends.get("nodes", []))
    children: dict[str, list[str]] = {uid: [] for uid in parents}
    for uid, ups in parents.items():
        for up in ups:
            children[up].append(uid)
    return msgspec.convert(
        {
            "metadata": {"adapter_type": "duckdb"},
            "nodes": nodes,
            "sources": sources,
            "parent_map": parents,
            "child_map": children,
        },
        Manifest,
    )


def trace(found: Manifest, schemas: dict[str, dict[str, str]] | None = None) -> ColumnLineage:
    known = SCHEMAS if schemas is None else schemas
    return column_lineage(found, schemas=known, dialect="duckdb")


def edges(lineage: ColumnLineage, uid: str, column: str) -> list[tuple[str, str, str]]:
    return [(one.node, one.column, one.kind) for one in lineage.upstream(uid, column)]


STAGING = node(
    "stg",
    "select id as order_id, amount / 100 as amount, status from db.raw.orders where status <> 'x'",
    [ORDERS],
)
MART = node(
    "mart", "select status, sum(amount) as total from db.main.stg group by 1", ["model.shop.stg"]
)


def test_edges_carry_kind_and_expression() -> None:
    lineage = trace(manifest(source(), STAGING, MART))

    assert edges(lineage, "model.shop.stg", "order_id") == [
        (ORDERS, "id", "renamed"),
        (ORDERS, "status", "filter"),
    ]
    assert edges(lineage, "model.shop.mart", "total") == [
        ("model.shop.stg", "amount", "aggregated"),
        ("model.shop.stg", "status", "filter"),
    ]
    assert lineage.upstream("model.shop.stg", "AMOUNT")[0].expression == "amount / 100"
    assert lineage.upstream("model.shop.mart", "status")[0].expression == ""
    assert lineage.columns("model.shop.mart") == ("status", "total")
    assert lineage.kind("model.shop.mart", "total") == "aggregated"
    assert lineage.kind(ORDERS, "id") == "source"
    assert lineage.upstream(ORDERS, "id") == ()


def test_downstream_is_the_other_way_round() -> None:
    lineage = trace(manifest(source(), STAGING, MART))

    found = [(one.node, one.column, one.kind) for one in lineage.downstream(ORDERS, "status")]

    assert found == [
        ("model.shop.stg", "status", "unchanged"),
        ("model.shop.stg", "*", "filter"),
    ]


def test_only_traces_a_node_and_what_is_above_it() -> None:
    lineage = column_lineage(
        manifest(source(), STAGING, MART),
        schemas=SCHEMAS,
        dialect="duckdb",
        only=["model.shop.stg"],
    )

    assert lineage.nodes == (ORDERS, "model.shop.stg")
    assert lineage.columns("model.shop.mart") == ()


def test_unknown_schemas_leave_a_star_that_says_why() -> None:
    all_of_it = node("copy", "select * from db.raw.orders", [ORDERS])
    child = node("child", "select amount from db.main.copy", ["model.shop.copy"])
    lineage = trace(manifest(source(), all_of_it, child), {})

    assert lineage.columns("model.shop.copy") == ("*",)
    (edge,) = lineage.upstream("model.shop.copy", "*")
    assert (edge.kind, edge.reason) == ("unknown", f"columns of {ORDERS} are not known")
    assert edges(lineage, "model.shop.child", "amount") == [
        ("model.shop.copy", "amount", "unchanged")
    ]
    assert edges(lineage, "model.shop.copy", "amount") == [(ORDERS, "amount", "unchanged")]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (node("x", "select from where", [ORDERS]), "not SQL that can be read"),
        (node("x", "def model(dbt, s): pass", [ORDERS], language="python"), "python code"),
    ],
)
def test_an_opaque_node_is_unknown_and_the_rest_is_exact(
    entry: dict[str, object], reason: str
) -> None:
    lineage = trace(manifest(source(), STAGING, entry))

    (edge,) = lineage.upstream("model.shop.x", "*")
    assert edge.kind == "unknown"
    assert edge.reason.startswith(reason)
    assert lineage.opaque_reason("model.shop.x").startswith(reason)
    assert lineage.kind("model.shop.stg", "amount") == "transformed"


def test_ephemeral_parents_are_nodes_of_their_own() -> None:
    inner = node("eph", "select id as key from db.raw.orders", [ORDERS])
    inner["config"] = {"materialized": "ephemeral"}
    outer = node(
        "outer",
        "with __dbt__cte__eph as (select id as key from db.raw.orders) "
        "select key from __dbt__cte__eph",
        ["model.shop.eph"],
    )
    lineage = trace(manifest(source(), inner, outer))

    assert edges(lineage, "model.shop.outer", "key") == [("model.shop.eph", "key", "unchanged")]
    assert edges(lineage, "model.shop.eph", "key") == [(ORDERS, "id", "renamed")]


def test_a_cte_named_like_a_relation_is_the_query_s_own() -> None:
    eph = node("eph", "select id from db.raw.orders", [ORDERS])
    eph["config"] = {"materialized": "ephemeral"}
    stg = node("stg", "select id as order_id from db.raw.orders", [ORDERS])
    sql = "with orders as (select * from db.main.stg) select order_id from orders"
    lineage = trace(manifest(source(), eph, stg, node("fct", sql, ["model.shop.stg"])))

    assert edges(lineage, "model.shop.fct", "order_id") == [
        ("model.shop.stg", "order_id", "unchanged")
    ]


def test_an_incremental_node_may_read_itself() -> None:
    sql = "select id from db.raw.orders where id > (select max(id) from db.main.inc)"
    lineage = trace(manifest(source(), node("inc", sql, [ORDERS])))

    assert edges(lineage, "model.shop.inc", "id") == [
        (ORDERS, "id", "unchanged"),
        (ORDERS, "id", "filter"),
        ("model.shop.inc", "id", "filter"),
    ]


def test_relations_outside_the_project_keep_their_name() -> None:
    lineage = trace(manifest(source(), node("x", "select a from other.place.thing", [])))

    assert edges(lineage, "model.shop.x", "a") == [("other.place.thing", "a", "unchanged")]


def test_raw_code_answers_where_nothing_was_compiled() -> None:
    raw = node(
        "raw",
        "with s as (select * from {{ source('raw', 'orders') }}) "
        "select id, {{ cents('amount') }} as usd, {{ a }}_b from s",
        [ORDERS],
        compiled_code=None,
    )
    child = node(
        "child", "select usd from {{ ref('raw') }}", ["model.shop.raw"], compiled_code=None
    )
    lineage = trace(manifest(source(), raw, child))

    assert edges(lineage, "model.shop.raw", "id") == [(ORDERS, "id", "unchanged")]
    assert lineage.kind("model.shop.raw", "usd") == "unknown"
    assert lineage.upstream("model.shop.raw", "usd")[0].reason.startswith("made by Jinja")
    assert edges(lineage, "model.shop.child", "usd") == [("model.shop.raw", "usd", "unchanged")]


def test_generated_truth_is_met_exactly() -> None:
    project = generate(18)
    found = msgspec.convert(project.manifest, Manifest)
    lineage = column_lineage(found, schemas=project.schemas, dialect="duckdb")

    for uid, columns in project.truth.items():
        assert list(lineage.columns(uid)) == list(columns)
        for column, origins in columns.items():
            got = {
                edge for edge in edges(lineage, uid, column) if edge[2] not in ("filter", "join")
            }
            assert got == origins, f"{uid}.{column}"


def test_a_store_gives_the_same_answers_and_notices_changes(tmp_path: Path) -> None:
    store = tmp_path / "deep" / "lineage.msgpack"
    before = manifest(source(), STAGING, MART)

    def everything(found: Manifest, *, expressions: bool = False) -> list[object]:
        lineage = column_lineage(
            found, schemas=SCHEMAS, dialect="duckdb", store=store, expressions=expressions
        )
        return [
            (uid, column, lineage.upstream(uid, column))
            for uid in lineage.nodes
            for column in lineage.columns(uid)
        ]

    first = everything(before)
    assert store.is_file()
    assert everything(before) == first
    assert everything(before, expressions=True) == first

    renamed = node("stg", "select id as key, status from db.raw.orders", [ORDERS])
    changed = everything(manifest(source(), renamed, MART))
    assert ("model.shop.stg", "key") in {(one[0], one[1]) for one in changed}  # type: ignore[index]
    total = [one for one in changed if one[1] == "total"]  # type: ignore[index]
    assert "unknown" in str(total)

    store.write_bytes(b"junk")
    assert everything(before) == first


def test_expected_columns_come_from_children_and_through_stars() -> None:
    copy = node("copy", "select *, 1 as made from db.raw.orders", [ORDERS])
    child = node("child", "select amount, made, Status from db.main.copy", ["model.shop.copy"])
    test = {**node("t", "select zzz from db.raw.orders", [ORDERS]), "resource_type": "test"}
    test["unique_id"] = "test.shop.t"
    found = columns_expected_of(ORDERS, manifest(source(), copy, child, test), "duckdb")

    assert {key: (one.name, one.readers) for key, one in found.items()} == {
        "amount": ("amount", ("model.shop.child",)),
        "status": ("Status", ("model.shop.child",)),
    }


def test_expected_columns_of_raw_code_leave_jinja_out() -> None:
    raw = node(
        "raw",
        "select id, {{ x }}, {{ trunc('day', 'at') }} as at from {{ source('raw','orders') }} "
        "{% if is_incremental() %} where id > (select max(gone) from {{ this }}) {% endif %}",
        [ORDERS],
        compiled_code="",
    )
    found = columns_expected_of(ORDERS, manifest(source(), raw), "duckdb")

    assert set(found) == {"id"}


def test_impact_names_readers_columns_tests_contracts_exposures_and_owners() -> None:
    mart = {**MART, "config": {"contract": {"enforced": True}, "meta": {"owner": "finance"}}}
    entries = manifest(source(), STAGING, mart)
    checks = {
        "unique_id": "test.shop.not_null_total",
        "name": "not_null_total",
        "resource_type": "test",
        "column_name": "total",
        "attached_node": "model.shop.mart",
        "test_metadata": {"name": "not_null"},
        "depends_on": {"nodes": ["model.shop.mart"]},
    }
    builtins = msgspec.to_builtins(entries)
    builtins["nodes"]["test.shop.not_null_total"] = checks
    builtins["exposures"] = {
        "exposure.shop.board": {
            "unique_id": "exposure.shop.board",
            "name": "board",
            "resource_type": "exposure",
            "owner": {"name": "Board"},
        }
    }
    for child in ("test.shop.not_null_total", "exposure.shop.board"):
        builtins["parent_map"][child] = ["model.shop.mart"]
        builtins["child_map"]["model.shop.mart"].append(child)
    found = msgspec.convert(builtins, Manifest)
    lineage = trace(found)

    amount = impact(ORDERS, "amount", manifest=found, graph=Graph(found), lineage=lineage)
    nothing = impact("model.shop.mart", "nope", manifest=found, graph=Graph(found), lineage=lineage)

    assert amount.verdict == "breaking"
    assert amount.readers == ("model.shop.stg",)
    assert [(one.node, one.column, one.kind) for one in amount.columns] == [
        ("model.shop.mart", "total", "aggregated"),
        ("model.shop.stg", "amount", "transformed"),
    ]
    assert amount.tests == ("test.shop.not_null_total",)
    assert amount.contracts == ("model.shop.mart",)
    assert amount.exposures == ("exposure.shop.board",)
    assert amount.owners == ("Board", "finance")
    assert nothing.readers == ()


def test_impact_of_a_filter_reaches_all_below_and_an_unread_column_is_safe() -> None:
    found = manifest(source(), STAGING, MART)
    lineage = trace(found, {ORDERS: {"id": "", "amount": "", "status": "", "spare": ""}})
    graph = Graph(found)

    status = impact(ORDERS, "status", manifest=found, graph=graph, lineage=lineage)
    spare = impact(ORDERS, "spare", manifest=found, graph=graph, lineage=lineage)

    assert status.nodes == ("model.shop.mart", "model.shop.stg")
    assert (spare.verdict, spare.nodes) == ("non_breaking", ())


def test_impact_is_unknown_behind_a_node_that_cannot_be_followed() -> None:
    opaque = node("py", "def model(dbt, s): pass", [ORDERS], language="python")
    found = manifest(source(), opaque)

    answer = impact(ORDERS, "id", manifest=found, graph=Graph(found), lineage=trace(found))

    assert answer.verdict == "unknown"
    assert answer.unknown == (("model.shop.py", "python code is not followed"),)


def test_a_real_manifest_is_followed_whole() -> None:
    golden = Path(__file__).parents[2] / "golden" / "lineage" / "manifest.json"
    found = load_manifest(golden)
    lineage = column_lineage(found, schemas={}, dialect="duckdb")

    assert edges(lineage, "model.orchard.income", "income")[:2] == [
        ("model.orchard.stg_picks", "kilos", "aggregated"),
        ("model.orchard.stg_prices", "price", "aggregated"),
    ]
