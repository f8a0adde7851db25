"""Claims against a real DuckDB: change one raw column, and only claimed columns may change."""

from __future__ import annotations

import duckdb
import msgspec
import pytest

from agentic.lineage import ColumnLineage, Graph, column_lineage
from agentic.project import Manifest

pytestmark = pytest.mark.slow

RAW = {
    "orders": ["id", "cust", "amount", "tax", "kind", "note"],
    "people": ["id", "name", "age", "boss"],
}
# name -> SQL; parents are the relations named in it. `kind` holds 1 to 3.
NODES = {
    "stg_orders": "with s as (select * from raw.orders), r as (select id as order_id, cust,"
    " amount / 100.0 as dollars, tax, case when kind = 1 then note else tax end as mixed, kind"
    " from s) select * from r",
    "stg_people": "select * exclude (boss) replace (age + 1 as age) from raw.people",
    "joined": "select o.*, p.name as who, p.age from main.stg_orders o"
    " left join main.stg_people p on o.cust = p.id",
    "totals": "select cust, sum(dollars) as total, max(tax) as top_tax, count(*) as n"
    " from main.stg_orders group by cust",
    "stacked": "select order_id as key, dollars as value, 1 as side from main.stg_orders"
    " union all select id, age, 2 from main.stg_people",
    "ranked": "select order_id, row_number() over (partition by cust order by dollars, order_id)"
    " as place, lag(tax) over (order by order_id) as before from main.stg_orders",
    "pivoted": "select * from (select cust, kind, dollars from main.stg_orders)"
    " pivot (sum(dollars) for kind in (1 as one, 2 as two, 3 as three))",
    "melted": "select * from (select order_id, dollars::double as dollars, tax::double as tax"
    " from main.stg_orders) unpivot (value for label in (dollars, tax))",
    "picked": "select order_id, (select max(p.age) from main.stg_people p where p.id = o.cust)"
    " as oldest, struct_pack(a := tax, b := mixed).a as inner_tax from main.stg_orders o",
    "lateral_one": "select o.order_id, q.twice, q.twice + o.tax as more from main.stg_orders o,"
    " lateral (select o.dollars * 2 as twice) q",
    "chain": "select total * 2 as doubled, top_tax as tax, t.cust from main.totals t",
    "filtered": "select order_id, tax from main.joined where age > 20",
    "listed": "select order_id, unnest([tax, mixed]) as piece from main.stg_orders",
    "recursive_one": "with recursive up as (select id, name, age from main.stg_people"
    " union all select id, name, age - 50 from up where age > 60) select id, age as aged from up",
    "using_one": "select cust, total, mixed from main.totals join main.stg_orders using (cust)",
}


def project() -> Manifest:
    nodes, parents = {}, {f"source.p.raw.{name}": [] for name in RAW}
    for name, sql in NODES.items():
        ups = [f"source.p.raw.{one}" for one in RAW if f"raw.{one}" in sql]
        ups += [f"model.p.{one}" for one in NODES if f"main.{one} " in sql + " "]
        ups += [f"model.p.{one}" for one in NODES if f"main.{one})" in sql]
        uid = f"model.p.{name}"
        parents[uid] = sorted(set(ups))
        nodes[uid] = {
            "unique_id": uid,
            "name": name,
            "alias": name,
            "schema": "main",
            "resource_type": "model",
            "compiled_code": sql,
            "depends_on": {"nodes": parents[uid]},
        }
    sources = {
        f"source.p.raw.{name}": {
            "unique_id": f"source.p.raw.{name}",
            "name": name,
            "identifier": name,
            "schema": "raw",
            "resource_type": "source",
        }
        for name in RAW
    }
    shape = {"metadata": {}, "nodes": nodes, "sources": sources, "parent_map": parents}
    return msgspec.convert(shape, Manifest)


def build(change: tuple[str, str] | None) -> dict[tuple[str, str], list[str]]:
    """Every column of every node as its sorted values, with one raw column changed."""
    session = duckdb.connect()
    session.execute("create schema raw")
    session.execute(
        "create table raw.orders as select i as id, i % 5 as cust, i * 37 % 1000 as amount,"
        " i * 13 % 71 as tax, 1 + i % 3 as kind, i * 7 % 41 as note from range(1, 31) t(i)"
    )
    session.execute(
        "create table raw.people as select i as id, 'n' || i as name, 15 + i * 17 % 60 as age,"
        " i % 3 as boss from range(0, 6) t(i)"
    )
    if change:
        table, column = change
        value = f"least(3, {column} + 1)" if column == "kind" else f"{column} * 3 + 5"
        value = f"{column} || '!'" if column == "name" else value
        session.execute(f"update raw.{table} set {column} = {value}")
    found = {}
    for name, sql in NODES.items():
        session.execute(f"create table main.{name} as {sql}")
        answer = session.execute(f"select * from main.{name}")
        names = [one[0] for one in answer.description or ()]
        for index, values in enumerate(zip(*answer.fetchall(), strict=True)):
            found[f"model.p.{name}", names[index]] = sorted(map(repr, values))
    return found


def reach(
    lineage: ColumnLineage, graph: Graph, uid: str, column: str
) -> tuple[set[tuple[str, str]], set[str]]:
    """Columns made of a raw column, and nodes whose rows it decides, with all below them."""
    values: set[tuple[str, str]] = set()
    rows: set[str] = set()
    waiting = [(uid, column)]
    while waiting:
        for edge in lineage.downstream(*waiting.pop()):
            if edge.kind in ("filter", "join"):
                rows |= {edge.node, *graph.descendants(edge.node)}
            elif (edge.node, edge.column) not in values:
                values.add((edge.node, edge.column))
                waiting.append((edge.node, edge.column))
    return values, rows


def test_only_claimed_columns_change_and_claimed_values_do() -> None:
    manifest = project()
    schemas = {f"source.p.raw.{name}": dict.fromkeys(columns, "") for name, columns in RAW.items()}
    lineage = column_lineage(manifest, schemas=schemas, dialect="duckdb")
    graph = Graph(manifest)
    before = build(None)
    assert {
        (uid, c) for uid in lineage.nodes for c in lineage.columns(uid) if "source" not in uid
    } == set(before)
    confirmed = 0

    for table, columns in RAW.items():
        for column in columns:
            after = build((table, column))
            changed = {end for end, values in before.items() if after.get(end) != values}
            values, rows = reach(lineage, graph, f"source.p.raw.{table}", column)
            unclaimed = {end for end in changed - values if end[0] not in rows}
            assert unclaimed == set(), f"{table}.{column} changed what was not claimed"
            direct = {end for end in values if lineage.kind(*end) in ("unchanged", "renamed")}
            assert direct <= changed, f"{table}.{column} did not change what was claimed"
            confirmed += len(changed & values)

    assert confirmed >= 40
