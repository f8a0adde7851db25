"""Change rules that name relations, and what renames, selectors and sources may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentic.policy import ChangeRule, ChangeRules, ChangeVerdict, ProjectView, judge_change

FIXTURES = Path(__file__).parents[2] / "fixtures"
WORLD: dict[str, str] = json.loads((FIXTURES / "change_world.json").read_text())
MODEL, STAGING = "models/marts/fct_orders.sql", "models/staging/stg_orders.sql"
SCHEMA, SOURCES = "models/marts/schema.yml", "models/staging/sources.yml"
ALL = (ChangeRule("path:models", paths=("models", "tests", "selectors.yml")),)
PLACED = {"model.shop.fct_orders": "gold.fct_orders", "model.shop.stg_orders": "stage.stg_orders"}
NOTE = {MODEL: WORLD[MODEL] + "-- a comment\n"}


def judged(
    files: Mapping[str, str | None],
    before: dict[str, str] | None = None,
    *,
    deny: str = "",
    ask: str = "",
    read_deny: tuple[str, ...] = (),
    relations: dict[str, str] | None = None,
) -> ChangeVerdict:
    def rules(pattern: str) -> tuple[ChangeRule, ...]:
        return (ChangeRule(f"relation:{pattern}", relations=(pattern,)),) if pattern else ()

    return judge_change(
        files,
        before or {},
        project=ProjectView(files=WORLD, relations=PLACED if relations is None else relations),
        rules=ChangeRules(allow=ALL, deny=rules(deny), ask=rules(ask), read_deny=read_deny),
    )


def test_a_relation_rule_reaches_the_node_that_builds_it() -> None:
    assert judged(NOTE, deny="gold.*").code == "WRITE_PROTECTED"
    assert judged(NOTE, ask="warehouse.gold.fct_*").verdict == "ask"
    assert judged(NOTE, deny="stage.*").verdict == "allow"


def test_a_relation_rule_asks_where_nobody_knows_the_relation() -> None:
    verdict = judged(NOTE, deny="gold.*", relations={})

    assert (verdict.verdict, verdict.code) == ("ask", "CHANGE_ASKED")
    assert judged(NOTE, deny="gold.dim_*", relations={}).verdict == "allow"


def test_a_relation_rule_reaches_a_source_by_what_it_declares() -> None:
    files: dict[str, str | None] = {
        SOURCES: WORLD[SOURCES].replace("- name: refunds", "- name: refunds\n        tags: [a]")
    }

    assert judged(files, deny="raw.refunds").code == "WRITE_PROTECTED"
    assert judged(files, deny="raw.orders").verdict == "allow"


def test_a_file_of_several_nodes_is_allowed_only_if_each_of_them_is() -> None:
    files: dict[str, str | None] = {
        SCHEMA: WORLD[SCHEMA].replace("- name: fct_orders\n", "- name: fct_orders\n    tags: [a]\n")
        + "  - name: stg_payments\n    description: b\n"
    }
    mart = ChangeRule("tag:mart", unique_ids=("model.shop.fct_orders",))
    stage = ChangeRule("tag:stage", unique_ids=("model.shop.stg_payments",))
    view = ProjectView(files=WORLD)

    one = judge_change(files, {}, project=view, rules=ChangeRules(allow=(mart,)))
    both = judge_change(files, {}, project=view, rules=ChangeRules(allow=(mart, stage)))

    assert (one.verdict, both.verdict) == ("ask", "allow")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("schema: raw", "schema: vault", "deny READ_DENIED"),
        ("schema: raw", "schema: Vault", "deny READ_DENIED"),
        ("- name: refunds", "- name: refunds\n        identifier: secrets", "deny READ_DENIED"),
        ("schema: raw", "schema: \"{{ var('s', 'vault') }}\"", "ask SOURCE_CHANGE"),
        ("schema: raw", "schema: raw_v2", "ask SOURCE_CHANGE"),
    ],
)
def test_a_source_never_moves_to_what_cannot_be_read(old: str, new: str, expected: str) -> None:
    verdict = judged(
        {SOURCES: WORLD[SOURCES].replace(old, new)}, read_deny=("vault.*", "raw.secrets")
    )

    assert f"{verdict.verdict} {verdict.code}" == expected


def test_a_name_given_back_is_no_change_of_contract() -> None:
    broken = {MODEL: "select order_id as id, amount from {{ ref('stg_orders') }}\n"}

    assert judged({MODEL: WORLD[MODEL]}, broken).verdict == "allow"


def test_a_name_that_nothing_expects_is_a_change_of_contract() -> None:
    files: dict[str, str | None] = {
        STAGING: WORLD[STAGING].replace("    status,", "    status as state,")
    }

    assert "CONTRACT_CHANGE" in {one.code for one in judged(files).findings}


RENAMED: dict[str, str | None] = {
    SOURCES: WORLD[SOURCES].replace(
        "- name: id\n            data", "- name: pk\n            data", 1
    ),
    STAGING: WORLD[STAGING].replace("    id as order_id", "    pk as order_id"),
}


def test_tests_go_with_a_renamed_source_column() -> None:
    verdict = judged(RENAMED)

    assert (verdict.verdict, verdict.code) == ("ask", "TEST_WEAKENED")
    assert "from id to pk" in verdict.reason


def test_a_renamed_source_column_loses_no_test() -> None:
    fewer = RENAMED | {SOURCES: str(RENAMED[SOURCES]).replace("[not_null, unique]", "[not_null]")}

    assert judged(fewer).verdict == "deny"


def test_tests_do_not_move_to_another_column_that_was_there() -> None:
    before = {
        SOURCES: WORLD[SOURCES].replace(
            "columns:\n          - name: id\n            data",
            "columns:\n          - name: pk\n          - name: id\n            data",
            1,
        )
    }
    moved = before[SOURCES].replace(
        "          - name: id\n            data_tests: [not_null, unique]\n", "", 1
    )
    moved = moved.replace(
        "- name: pk\n", "- name: pk\n            data_tests: [not_null, unique]\n"
    )

    assert judged({SOURCES: moved}, before).verdict == "deny"


NIGHTLY = (
    "selectors:\n  - name: nightly\n    definition:\n      union:\n"
    "        - {method: tag, value: a}\n"
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("        - {method: tag, value: b}\n", "ask"),
        ("        - exclude: [{method: test_type, value: generic}]\n", "deny"),
    ],
)
def test_a_selector_may_take_more_and_not_less(more: str, expected: str) -> None:
    before = {"selectors.yml": NIGHTLY}

    assert judged({"selectors.yml": NIGHTLY + more}, before).verdict == expected
    assert judged({"selectors.yml": "selectors: []\n"}, before).verdict == "deny"


def test_what_an_alias_stands_for_is_judged() -> None:
    text = (
        "models:\n  - name: fct_orders\n    columns:\n      - name: order_id\n"
        "        data_tests: &t {}\n      - name: amount\n        data_tests: *t\n"
    )

    assert judged({SCHEMA: text.format("[not_null, unique]")}).code == "YAML_UNSAFE"
    assert judged({SCHEMA: text.format("[not_null]")}).code == "TEST_WEAKENED"


def test_a_reference_that_the_base_lacks_too_is_not_the_changes() -> None:
    before = {"models/a.sql": "select 1 as x from {{ ref('elsewhere') }}\n"}

    assert (
        judged({"models/b.sql": "select x from {{ ref('elsewhere') }}\n"}, before).verdict == "ask"
    )
    assert (
        judged({"models/b.sql": "select x from {{ ref('nowhere') }}\n"}, before).verdict == "deny"
    )


def test_a_function_of_the_warehouse_that_the_base_calls_is_asked() -> None:
    before = {"models/a.sql": "select our_udf(1) as x\n"}

    assert judged({"models/b.sql": "select our_udf(2) as x\n"}, before).verdict == "ask"
    assert judged({"models/b.sql": "select your_udf(2) as x\n"}, before).verdict == "deny"


def test_names_with_double_underscores_are_plain_names() -> None:
    files: dict[str, str | None] = {
        "models/stg_shop__app__orders.sql": "select 1 as x\n",
        "models/b.sql": "select x from {{ ref('stg_shop__app__orders') }}\n",
    }

    assert judged(files).verdict == "allow"


def test_an_ordinary_file_says_what_it_is() -> None:
    verdict = judged({"NOTES.md": "# notes\n"})

    assert verdict.verdict == "ask"
    assert "no part of what dbt builds" in verdict.reason
