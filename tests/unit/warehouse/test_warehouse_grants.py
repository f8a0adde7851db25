"""GRANT statements per dialect: what is readable and nothing else, every name quoted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentic.exceptions import WarehouseError
from agentic.records import CompiledGuardrails, Rule
from agentic.warehouse import (
    COLUMN_GRANTS,
    DIALECTS,
    Reading,
    Role,
    reading_of,
    statements_of,
)
from agentic.warehouse.grants import names, parts_of
from tests.support.shop import check_shop, make_manifest

GOLDEN = Path(__file__).parents[2] / "golden" / "grants"
RAILS = """\
version: 1
read:
  deny: ["relation:raw.orders", "column:raw.customers.ssn"]
  mask: ["tag:pii"]
build: {target: ci, schemas: ["agentic_*", agentic_fixed]}
"""
COLUMNS = {"source.shop.raw.customers": ("id", "Email", "ssn")}
ROLE = Role(
    name="agentic", database="shop", build_schemas=("agentic_*", "agentic_fixed"), timeout_s=1800
)


@pytest.fixture(scope="module")
def rails(tmp_path_factory: pytest.TempPathFactory) -> CompiledGuardrails:
    root = tmp_path_factory.mktemp("grants")
    (root / "guardrails.yml").write_text(RAILS)
    _, checked, issues = check_shop(root)
    assert not [one for one in issues if one.severity == "error"]
    return checked.compiled.guardrails


def reading(rails: CompiledGuardrails, dialect: str, *, hide_masked: bool = False) -> Reading:
    return reading_of(
        make_manifest(),
        rails,
        dialect=dialect,
        columns=COLUMNS,
        column_grants=dialect in COLUMN_GRANTS,
        hide_masked=hide_masked,
    )


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_statements_of_each_dialect(
    dialect: str, rails: CompiledGuardrails, golden: Callable[[Path, str], None]
) -> None:
    made = statements_of(reading(rails, dialect), ROLE, dialect)

    text = [f"-- {note}" for note in made.notes] + [f"{line};" for line in made.statements]
    golden(GOLDEN / f"{dialect}.sql", "\n".join(text) + "\n")


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_nothing_that_is_denied_is_granted(dialect: str, rails: CompiledGuardrails) -> None:
    made = statements_of(reading(rails, dialect), ROLE, dialect)

    granted = [line for line in made.statements if line.startswith("grant select")]
    assert all("ssn" not in line for line in made.statements)
    assert all("raw" not in line or "customers" in line for line in granted)


def test_masked_columns_can_be_left_out_too(rails: CompiledGuardrails) -> None:
    found = {one.node: one for one in reading(rails, "postgres", hide_masked=True).readable}
    open_ = {one.node: one for one in reading(rails, "postgres").readable}

    assert found["source.shop.raw.customers"].columns == ("id",)
    assert open_["source.shop.raw.customers"].columns == ("id", "Email")
    assert open_["source.shop.raw.customers"].masked == ("Email",)


def test_a_second_name_of_a_denied_table_is_denied() -> None:
    manifest = make_manifest()
    twin = replace(manifest.sources["source.shop.raw.orders"], unique_id="source.shop.again.orders")
    manifest = replace(manifest, sources={**manifest.sources, twin.unique_id: twin})
    rule = Rule("source:raw.orders", nodes=("source.shop.raw.orders",), relations=("raw.orders",))

    found = reading_of(
        manifest,
        CompiledGuardrails(read_deny=(rule,)),
        dialect="postgres",
        columns={},
        column_grants=True,
    )

    assert [one.node for one in found.left_out] == [
        "source.shop.again.orders",
        "source.shop.raw.orders",
    ]


def test_without_known_columns_a_relation_with_a_denied_one_is_left_out() -> None:
    rule = Rule("column:raw.orders.x", columns=("raw.orders.x",))

    found = reading_of(
        make_manifest(),
        CompiledGuardrails(read_deny=(rule,)),
        dialect="postgres",
        columns={},
        column_grants=True,
    )

    assert [(one.node, one.why) for one in found.left_out] == [
        ("source.shop.raw.orders", "a column of it is denied, and no other is known")
    ]


@pytest.mark.parametrize(
    ("relation_name", "dialect", "parts"),
    [
        ('"shop"."Raw"."Or""ders"', "postgres", ("shop", "Raw", 'Or"ders')),
        ("shop.Raw.Orders", "snowflake", ("SHOP", "RAW", "ORDERS")),
        ('shop."Raw".Orders', "snowflake", ("SHOP", "Raw", "ORDERS")),
        ("`my-shop`.`raw`.`Orders`", "bigquery", ("my-shop", "raw", "Orders")),
        ("`shop`.`raw`.`orders`", "databricks", ("shop", "raw", "orders")),
        (None, "postgres", ("shop", "raw", "orders")),
    ],
)
def test_a_name_is_spelt_as_the_warehouse_keeps_it(
    relation_name: str | None, dialect: str, parts: tuple[str, ...]
) -> None:
    node = replace(make_manifest().all["source.shop.raw.orders"], relation_name=relation_name)

    assert parts_of(node, dialect) == parts


def test_names_with_quotes_stay_inside_them(rails: CompiledGuardrails) -> None:
    manifest = make_manifest()
    evil = replace(
        manifest.sources["source.shop.raw.customers"],
        relation_name='"shop"."raw"."x"" to public; drop schema raw; --"',
    )
    manifest = replace(manifest, sources={evil.unique_id: evil})
    found = reading_of(
        manifest, CompiledGuardrails(), dialect="postgres", columns={}, column_grants=True
    )

    lines = statements_of(found, ROLE, "postgres").statements

    assert any('"x"" to public; drop schema raw; --" to "agentic"' in line for line in lines)


@pytest.mark.parametrize("name", ["", "a b", "a'b", "a$agentic$", 'a"b', "a\nb", "x" * 201])
def test_a_name_that_no_role_should_have(name: str, rails: CompiledGuardrails) -> None:
    with pytest.raises(WarehouseError, match="is not a role's name"):
        statements_of(reading(rails, "postgres"), replace(ROLE, name=name), "postgres")


@pytest.mark.parametrize(
    ("parts", "pattern", "answer"),
    [
        (("shop", "raw", "orders"), "raw.orders", True),
        (("shop", "Raw", "Orders"), "RAW.ORDERS", True),
        (("shop", "raw", "orders"), "raw.*", True),
        (("shop", "raw", "orders"), "other.raw.orders", False),
        (("shop", "raw", "orders"), "raw", False),
        (("raw", "orders"), "shop.raw.orders", False),
    ],
)
def test_patterns_name_the_last_parts(parts: tuple[str, ...], pattern: str, answer: bool) -> None:
    assert names(parts, pattern) is answer
