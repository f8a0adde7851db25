"""Whatever the text, there is a verdict: never an exception, never a crash."""

from __future__ import annotations

import pytest

from agentic.policy import World, judge_sql

WORLD = World(relations={"gold.orders": ["order_id", "amount"]}, default_schema="gold")

TEXTS = {
    "empty": "",
    "blank": " \n\t ",
    "semicolons": ";;;",
    "comment": "-- nothing",
    "megabyte": "select '" + "a" * 1_000_000 + "'",
    "nested": "select " + "(" * 10_000 + "1" + ")" * 10_000,
    "nested_select": "select * from " + "(select * from " * 60 + "gold.orders" + ") t" * 60,
    "not": "select " + "not " * 10_000 + "true",
    "minus": "select " + "- " * 10_000 + "1",
    "case": "select " + "case when 1=1 then " * 500 + "1" + " end" * 500,
    "indexes": "select amount" + "[1]" * 3000 + " from gold.orders",
    "casts": "select 1" + "::int" * 3000,
    "nul": "select 1\0",
    "surrogate": "select '\ud800'",
    "bom": "\ufeffselect 1",
    "zero_width": "select\u200b 1",
    "quotes": "select '" * 500,
    "comments": "/*" * 5_000,
    "brackets": "select " + "[" * 500,
    "prose": "please drop everything",
    "emoji": "select 😀 from gold.orders",
    "control": "select \x07 1",
}


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "mysql", "tsql", "snowflake"])
@pytest.mark.parametrize("name", TEXTS)
def test_odd_texts_are_denied(name: str, dialect: str) -> None:
    found = judge_sql(TEXTS[name], dialect=dialect, role="reader", world=WORLD)

    assert found.verdict == "deny"
    assert found.reason
    assert found.sql == ""


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "with c0 as (select * from gold.orders), "
            + ", ".join(f"c{i} as (select * from c{i - 1} a, c{i - 1} b)" for i in range(1, 40))
            + " select 1 as one from c39",
            id="doubling columns",
        ),
        pytest.param(
            "select order_id from gold.orders where " + " or ".join(["order_id = 1"] * 600),
            id="long chain of conditions",
        ),
        pytest.param(" union all ".join(["select order_id from gold.orders"] * 300), id="union"),
    ],
)
def test_large_honest_texts_are_judged(sql: str) -> None:
    assert judge_sql(sql, dialect="duckdb", role="reader", world=WORLD).verdict == "allow"


def test_unknown_dialect_and_role_are_denied() -> None:
    assert judge_sql("select 1", dialect="cobol", role="reader", world=WORLD).verdict == "deny"
    role: str = "admin"
    found = judge_sql("select 1", dialect="duckdb", role=role, world=WORLD)  # type: ignore[arg-type]

    assert found.verdict == "deny"


def test_the_second_check_is_remembered() -> None:
    first = judge_sql(
        "select order_id from gold.orders", dialect="duckdb", role="reader", world=WORLD
    )
    second = judge_sql(
        "select order_id from gold.orders", dialect="duckdb", role="reader", world=WORLD
    )

    assert second is first


def test_the_generated_text_holds_no_comment() -> None:
    sql = "/* a */ select order_id -- b\nfrom gold.orders"
    found = judge_sql(sql, dialect="duckdb", role="reader", world=WORLD)

    assert found.sql == "SELECT order_id FROM gold.orders"
