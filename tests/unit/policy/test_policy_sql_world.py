"""The world: names by the engine's own case rules, masks, open relations, guardrails."""

from __future__ import annotations

import pytest

from agentic.policy import World, judge_sql
from agentic.policy.world import matches

WORLD = World(
    relations={
        "shop.orders": ["id", "amount"],
        "shop.people": ["id", "email", "city"],
        "shop.unlisted": [],
    },
    default_schema="shop",
    default_database="prod",
    columns_deny=("shop.people.email", "shop.unlisted.ssn"),
    change_deny=("shop.*",),
    build_schemas=("agentic_*",),
)
MASKING = World(
    relations={"shop.people": ["id", "email", "city"]},
    default_schema="shop",
    columns_mask=("shop.people.email",),
    pii_columns=("shop.people.email",),
)


def code(sql: str, dialect: str = "duckdb", role: str = "reader", world: World = WORLD) -> str:
    found = judge_sql(sql, dialect=dialect, role=role, world=world)  # type: ignore[arg-type]
    return f"{found.verdict} {found.code}"


@pytest.mark.parametrize(
    ("dialect", "name", "verdict"),
    [
        ("postgres", "SHOP.ORDERS", "allow OK_READ"),
        ("postgres", '"SHOP"."ORDERS"', "deny UNKNOWN_TABLE"),
        ("snowflake", '"SHOP"."ORDERS"', "allow OK_READ"),
        ("snowflake", '"shop"."orders"', "deny UNKNOWN_TABLE"),
        ("duckdb", '"Shop"."Orders"', "allow OK_READ"),
        ("clickhouse", "SHOP.ORDERS", "deny UNKNOWN_TABLE"),
        ("bigquery", "`prod.shop.orders`", "allow OK_READ"),
        ("bigquery", "`prod`.`shop`.`orders`", "allow OK_READ"),
        ("tsql", "[shop].[orders]", "allow OK_READ"),
        ("postgres", "prod.shop.orders", "allow OK_READ"),
        ("postgres", "other.shop.orders", "deny CROSS_DATABASE"),
    ],
)
def test_names_fold_as_the_engine_folds_them(dialect: str, name: str, verdict: str) -> None:
    assert code(f"select count(*) from {name}", dialect) == verdict


@pytest.mark.parametrize(
    ("dialect", "schema", "verdict"),
    [
        ("postgres", "agentic_x", "allow OK_DEV_WRITE"),
        ("postgres", "AGENTIC_X", "allow OK_DEV_WRITE"),
        ("postgres", '"AGENTIC_X"', "deny WRITE_OUT_OF_SCOPE"),
        ("snowflake", '"agentic_x"', "deny WRITE_OUT_OF_SCOPE"),
        ("snowflake", "agentic_x", "allow OK_DEV_WRITE"),
        ("mysql", "AGENTIC_X", "deny WRITE_OUT_OF_SCOPE"),
        ("duckdb", '"AGENTIC_X"', "allow OK_DEV_WRITE"),
        ("duckdb", "agentic", "deny WRITE_OUT_OF_SCOPE"),
        ("duckdb", '"agentic_x.y"', "allow OK_DEV_WRITE"),
        ("duckdb", "shop", "deny WRITE_PROTECTED"),
    ],
)
def test_targets_match_exactly(dialect: str, schema: str, verdict: str) -> None:
    assert code(f"create table {schema}.t as select 1 as a", dialect, "writer") == verdict


def test_a_mask_rule_replaces_the_denial_of_pii() -> None:
    found = judge_sql(
        "select id, lower(email) as e from people", dialect="duckdb", role="reader", world=MASKING
    )

    assert (found.verdict, found.masked) == ("allow", ("e",))


def test_a_star_over_masked_columns_names_them() -> None:
    found = judge_sql("select * from people", dialect="duckdb", role="reader", world=MASKING)

    assert (found.verdict, found.masked) == ("allow", ("email",))


@pytest.mark.parametrize(
    ("sql", "verdict"),
    [
        ("select * from shop.unlisted", "deny PII_OUTPUT"),
        ("select ssn from shop.unlisted", "deny PII_OUTPUT"),
        ("select anything from shop.unlisted", "allow OK_READ"),
        ("select count(*) from shop.unlisted", "allow OK_READ"),
        ("select * from agentic_1.made", "allow OK_READ"),
        ("select email from agentic_1.made", "deny PII_OUTPUT"),
    ],
)
def test_relations_whose_columns_nobody_listed(sql: str, verdict: str) -> None:
    assert code(sql) == verdict


def test_reads_and_writes_are_told() -> None:
    sql = "create table agentic_1.t as select o.id from orders o join shop.people p using (id)"
    found = judge_sql(sql, dialect="postgres", role="writer", world=WORLD)

    assert (found.reads, found.writes) == (("shop.orders", "shop.people"), ("agentic_1.t",))


def test_guardrails_are_read_by_their_prefixes() -> None:
    world = World.from_guardrails(
        {
            "read": {"deny": ["relation:hr.*", "column:shop.people.email", "tag:pii"]},
            "change": {"deny": ["relation:shop.*", "source:*"]},
            "build": {"schemas": ["dev"]},
        },
        {},
    )

    assert world.read_deny == ("hr.*",)
    assert world.columns_deny == ("shop.people.email",)
    assert world.change_deny == ("shop.*",)
    assert world.build_schemas == ("dev",)


@pytest.mark.parametrize(
    ("key", "pattern", "expected"),
    [
        ("hr.salaries", "hr.*", True),
        ("hr.salaries", "HR.Salaries", True),
        ("hr.salaries", "prod.hr.*", True),
        ("hrx.salaries", "hr.*", False),
        ("hr", "hr.*", False),
    ],
)
def test_deny_patterns_ignore_case(key: str, pattern: str, expected: bool) -> None:
    assert matches(key, (pattern,)) is expected
