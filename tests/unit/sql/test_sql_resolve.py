"""Where columns come from: (SQL, schemas) to outputs with their leaves."""

from __future__ import annotations

import pytest

from agentic.sql.origins import Base, Shape
from agentic.sql.parsing import parse
from agentic.sql.resolve import Resolver

TABLES = {"o": ("id", "amount", "cust"), "c": ("id", "name")}


def resolve(
    sql: str, dialect: str = "duckdb", tables: dict[str, tuple[str, ...]] = TABLES
) -> Shape:
    def relation_of(table: object) -> Base:
        name = str(table.name).lower()  # type: ignore[attr-defined]
        return Base(name, tables.get(name, ()), rest=name not in tables)

    return Resolver(relation_of).statement(parse(sql, dialect))


def outputs(shape: Shape) -> dict[str, str]:
    """`name -> o.amount:1 c.id:0`, levels being 0 direct, 1 transformed, 2 aggregated."""
    return {
        col.name: " ".join(
            f"{key}.{name}:{level}" for (key, name), level in sorted(col.leaves.items())
        )
        for col in shape.cols
    }


CASES = {
    "alias": ("select amount as a, id from o", {"a": "o.amount:0", "id": "o.id:0"}),
    "star": ("select * from c", {"id": "c.id:0", "name": "c.name:0"}),
    "two-stars": (
        "select o.*, c.name from o join c on o.cust = c.id",
        {"id": "o.id:0", "amount": "o.amount:0", "cust": "o.cust:0", "name": "c.name:0"},
    ),
    "using": (
        "select * from o join c using (id)",
        {"id": "o.id:0", "amount": "o.amount:0", "cust": "o.cust:0", "name": "c.name:0"},
    ),
    "full-using": ("select id from o full join c using (id)", {"id": "c.id:0 o.id:0"}),
    "exclude-replace-rename": (
        "select * exclude (id) replace (amount + 1 as amount) rename (cust as who) from o",
        {"amount": "o.amount:1", "who": "o.cust:0"},
    ),
    "ctes": (
        "with a as (select * from o), b as (select id, amount / 2 as half from a) select * from b",
        {"id": "o.id:0", "half": "o.amount:1"},
    ),
    "cte-column-list": (
        "with a(x, y) as (select id, name from c) select y from a",
        {"y": "c.name:0"},
    ),
    "cte-shadows": (
        "with c as (select amount as name from o) select name from c",
        {"name": "o.amount:0"},
    ),
    "aggregate": ("select sum(amount + 1) as s from o", {"s": "o.amount:2"}),
    "window": (
        "select row_number() over (partition by cust order by id) as n from o",
        {"n": "o.cust:1 o.id:1"},
    ),
    "union": ("select id from o union all select name from c", {"id": "c.name:0 o.id:0"}),
    "union-by-name": (
        "select id, amount from o union all by name select name, id from c",
        {"id": "c.id:0 o.id:0", "amount": "o.amount:0", "name": "c.name:0"},
    ),
    "except": ("select id from o except select id from c", {"id": "o.id:0"}),
    "scalar-subquery": (
        "select (select max(name) from c where c.id = o.cust) as n from o",
        {"n": "c.name:2"},
    ),
    "lateral": (
        "select q.twice from o, lateral (select o.amount * 2 as twice) q",
        {"twice": "o.amount:1"},
    ),
    "lateral-alias": (
        "select amount * 2 as x, x + 1 as y from o",
        {"x": "o.amount:1", "y": "o.amount:1"},
    ),
    "recursive": (
        "with recursive t as (select id, 1 as n from o union all select id, n + 1 from t)"
        " select * from t",
        {"id": "o.id:0", "n": ""},
    ),
    "pivot": (
        "select * from o pivot (sum(amount) for cust in ('a', 'b'))",
        {"id": "o.id:0", "a": "o.amount:2 o.cust:2", "b": "o.amount:2 o.cust:2"},
    ),
    "unpivot": (
        "select * from o unpivot (value for kind in (amount, cust))",
        {"id": "o.id:0", "kind": "", "value": "o.amount:1 o.cust:1"},
    ),
    "values": ("select a from (values (1, 2)) as t(a, b)", {"a": ""}),
    "unnest": ("select u.x from o, unnest(o.cust) as u(x)", {"x": "o.cust:1"}),
    "struct": ("select amount.currency from o", {"currency": "o.amount:1"}),
    "json": ("select amount ->> 'a' as a from o", {"a": "o.amount:1"}),
    "correlated-alias": (
        "select (select p.x from p where p.y = o.amount) as z from o",
        {"z": "p.x:1"},
    ),
    "parenthesised": ("select (amount) as a from (select * from o) as s", {"a": "o.amount:0"}),
}


@pytest.mark.parametrize(("sql", "expected"), CASES.values(), ids=CASES)
def test_outputs_and_their_origins(sql: str, expected: dict[str, str]) -> None:
    assert outputs(resolve(sql)) == expected


def test_snowflake_flatten_and_bigquery_unnest_come_from_their_argument() -> None:
    flatten = resolve(
        "select f.value:a::int as a from o, lateral flatten(input => amount) f", "snowflake"
    )
    unnest = resolve("select item.a from o, unnest(amount) as item", "bigquery")

    assert outputs(flatten) == {"a": "o.amount:1"}
    assert outputs(unnest) == {"a": "o.amount:1"}


def test_filters_and_joins_are_kept_apart_from_values() -> None:
    shape = resolve("select o.id from o join c on o.cust = c.id where amount > 1")

    assert shape.filters == {
        ("o", "cust"): "join",
        ("c", "id"): "join",
        ("o", "amount"): "filter",
    }


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select zzz from o", "no relation in scope has a column zzz"),
        ("select x from p join q on true", "x may come from p or q, whose columns are not known"),
    ],
)
def test_what_cannot_be_told_says_why(sql: str, reason: str) -> None:
    (col,) = resolve(sql).cols

    assert (col.leaves, col.reason) == ({}, reason)


def test_a_star_of_an_unlisted_relation_answers_by_name() -> None:
    shape = resolve("with a as (select * from p) select *, x + 1 as y from a")
    found = shape.find("anything")

    assert outputs(shape) == {"y": "p.x:1"}
    assert found is not None
    assert found.leaves == {("p", "anything"): 0}


def test_a_long_union_does_not_exhaust_the_stack() -> None:
    shape = resolve(" union all ".join(["select id from o"] * 300))

    assert outputs(shape) == {"id": "o.id:0"}


@pytest.mark.parametrize(
    "sql", ["drop table o", "update o set id = 1", "pivot o on cust using sum(amount)"]
)
def test_what_is_no_query_is_opaque(sql: str) -> None:
    shape = resolve(sql)

    assert shape.any is not None
    assert shape.any.reason.endswith("is not a query")


def test_create_and_insert_are_followed_into_their_query() -> None:
    assert outputs(resolve("create table x as select id from o")) == {"id": "o.id:0"}
    assert outputs(resolve("insert into x select id from o")) == {"id": "o.id:0"}
