"""Rows and types of raw data: late or wrong keys, lost lookups, other writings of values."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import OWNER, World, case_of, check, failed, model, source

from agentic.records import Incident, Signal

ITEMS, PRODUCTS = "source.shop.raw.items", "source.shop.raw.products"
STG_ITEMS, STG_PRODUCTS, PRICED = (
    "model.shop.stg_items",
    "model.shop.stg_products",
    "model.shop.priced",
)
SHAPES = {
    ITEMS: {"id": "INTEGER", "product_id": "INTEGER", "_loaded_at": "TIMESTAMP"},
    PRODUCTS: {"id": "INTEGER", "cost": "DECIMAL(10,2)", "_loaded_at": "TIMESTAMP"},
    STG_ITEMS: {"item_id": "INTEGER", "product_id": "INTEGER"},
    STG_PRODUCTS: {"product_id": "INTEGER", "cost": "DECIMAL(10,2)"},
    PRICED: {"item_id": "INTEGER", "cost": "DECIMAL(10,2)"},
}
JOINED = "select i.item_id, p.cost from {} as i left join {} as p on i.product_id = p.product_id"
NODES = [
    source("items"),
    source("products"),
    model(
        "stg_items",
        "select id as item_id, product_id from {{ source('raw', 'items') }}",
        [ITEMS],
        compiled_code='select id as item_id, product_id from "db"."raw"."items"',
    ),
    model(
        "stg_products",
        "select id as product_id, cost from {{ source('raw', 'products') }}",
        [PRODUCTS],
        compiled_code='select id as product_id, cost from "db"."raw"."products"',
    ),
    model(
        "priced",
        JOINED.format("{{ ref('stg_items') }}", "{{ ref('stg_products') }}"),
        [STG_ITEMS, STG_PRODUCTS],
        compiled_code=JOINED.format('"db"."main"."stg_items"', '"db"."main"."stg_products"'),
    ),
]


def red(kind: str, node: str, column: str, **arguments: Any) -> tuple[Any, Incident]:
    test = check(kind, node, column, **arguments)
    incident = failed(test.unique_id, "Got 3 results", "test_failure", attached=node, failures=3)
    return test, incident


def orphans(parent_load: str, first: str, newest: str) -> dict[str, Any]:
    test, incident = red(
        "relationships",
        STG_ITEMS,
        "product_id",
        to="ref('stg_products')",
        field="product_id",
        parents=[STG_PRODUCTS],
    )
    loads = {"parent_load": parent_load, "first_load": first, "newest_load": newest}
    world = World(
        SHAPES,
        answers=[
            ("sum\\(times\\)", [{"keys": 2, "orphans": 3}]),
            ("as orphan", [{"orphan": 777, "times": 2}]),
            ("parent_load", [loads]),
        ],
    )
    return world.run(case_of([*NODES, test], incident))


def test_a_parent_whose_load_is_behind_is_waited_for_with_a_time() -> None:
    report = orphans("2026-03-01 02:00:00", "2026-03-02 02:00:00", "2026-03-02 02:05:00")

    assert report["decision"] == "wait"
    assert report["finding"]["cls"] == "orphan_keys"
    assert "2026-03-03 02:05" in report["finding"]["next_step"]


@pytest.mark.parametrize(
    ("parent_load", "first"),
    [
        ("2026-03-02 01:58:00", "2026-03-02 02:00:00"),  # one and the same night
        ("2026-03-03 02:00:00", "2026-03-02 02:00:00"),  # the parent is the newer one
        ("2026-02-01 02:00:00", "2026-03-02 02:00:00"),  # the parent has stopped
        ("", "2026-03-02 02:00:00"),
    ],
)
def test_any_other_orphan_is_a_question(parent_load: str, first: str) -> None:
    report = orphans(parent_load, first, "2026-03-02 02:05:00")

    assert report["decision"] == "escalate"
    assert OWNER in report["finding"]["next_step"]
    assert report["finding"]["evidence"][0]["rows"][0]["orphan"] == 777


def looked_up(rows: int, keys: int, parents: int, unique: int, lost: int) -> dict[str, Any]:
    test, incident = red("not_null", PRICED, "cost")
    figures = {"h0": rows, "h1": keys, "h2": lost, "u0": parents, "u1": unique}
    world = World(
        SHAPES,
        answers=[
            ("sum\\(times\\)", [{"keys": 1, "orphans": lost}]),
            ("as orphan", [{"orphan": 777, "times": lost}]),
            ("as h0_0", [figures]),
            ("count\\(\\*\\) - count", [{"c0_0": rows, "c0_1": lost, "c1_0": 9, "c1_1": 0}]),
        ],
    )
    key = check("unique", STG_PRODUCTS, "product_id")
    return world.run(case_of([*NODES, test, key], incident))


def test_a_key_without_a_match_is_blamed_not_the_join() -> None:
    report = looked_up(rows=1000, keys=13, parents=12, unique=12, lost=20)

    cause = report["finding"]["root_cause"]
    assert (report["finding"]["code"], cause["node"], cause["column"]) == (
        "AR047",
        ITEMS,
        "product_id",
    )
    assert report["decision"] == "escalate"


@pytest.mark.parametrize(
    ("rows", "keys", "parents", "unique", "lost"),
    [
        (1000, 1000, 900, 900, 100),  # one to one: some simply have none
        (1000, 13, 12, 10, 20),  # no lookup: it repeats its key
        (1000, 13, 12, 12, 600),  # most have no match: another key altogether
        (1000, 13, 12, 12, 0),
    ],
)
def test_a_join_that_is_no_lookup_is_not_read_as_one(
    rows: int, keys: int, parents: int, unique: int, lost: int
) -> None:
    report = looked_up(rows, keys, parents, unique, lost)

    assert report["finding"]["code"] != "AR047"


AMOUNT = "select id as item_id, cast(amount as decimal(10, 2)) as amount from {}"
LOUD = "Conversion Error: Could not convert string 'x' to DECIMAL in column amount"


def typed(figures: dict[str, int], *more: Any) -> tuple[dict[str, Any], World]:
    nodes = [
        source("items"),
        model(
            "stg_items",
            AMOUNT.format("{{ source('raw', 'items') }}"),
            [ITEMS],
            compiled_code=AMOUNT.format('"db"."raw"."items"'),
        ),
        *more,
    ]
    written = {f"w{n}": 0 for n in range(4)}
    row = {"filled": 500, "numbers": 0, "decimals": 2, "exponents": 0, **written, **figures}
    world = World(
        {ITEMS: {"id": "INTEGER", "amount": "VARCHAR"}},
        answers=[("as filled", [row]), ("as times", [{"value": "1,50", "times": 9}])],
    )
    return world.run(case_of(nodes, failed(STG_ITEMS, LOUD))), world


@pytest.mark.parametrize(
    ("which", "words"), [("w0", "comma"), ("w1", "currency"), ("w2", "unit"), ("w3", "thousands")]
)
def test_another_writing_of_a_number_is_a_question_with_samples(which: str, words: str) -> None:
    report, world = typed({which: 500})

    assert report["finding"]["cls"] == "src_type_changed"
    assert words in report["finding"]["summary"]
    assert report["decision"] == "escalate"
    assert "edit_file" not in world.names()


def test_bad_values_are_cast_safely_where_a_null_breaks_nothing() -> None:
    report, world = typed({"numbers": 497})

    assert report["decision"] == "fix"
    assert "edit_file" in world.names()


def test_bad_values_are_asked_about_where_a_null_would_break_a_test() -> None:
    report, world = typed({"numbers": 497}, check("not_null", STG_ITEMS, "amount"))

    assert report["decision"] == "escalate"
    assert "3 rows" in report["finding"]["next_step"]
    assert "edit_file" not in world.names()


@pytest.mark.parametrize(
    ("low", "high", "factor"),
    [
        (1_767_225_600, 1_774_915_200, "* 1000000"),
        (1_767_225_600_000, 1_774_915_200_000, "* 1000)"),
        (1_767_225_600_000_000, 1_774_915_200_000_000, "bigint))"),
    ],
)
def test_time_since_1970_is_read_as_a_moment(low: int, high: int, factor: str) -> None:
    code = "select id, cast(sold_at as timestamp) as sold_at from {}"
    nodes = [
        source("items"),
        model("stg_items", code.format("{{ source('raw', 'items') }}"), [ITEMS]),
    ]
    world = World(
        {ITEMS: {"id": "INTEGER", "sold_at": "BIGINT"}},
        answers=[("as low", [{"n": 9, "low": low, "high": high}])],
    )

    report = world.run(
        case_of(nodes, failed(STG_ITEMS, "Unimplemented type for cast (BIGINT -> TIMESTAMP)"))
    )

    assert report["finding"]["cls"] == "src_date_format"
    assert report["decision"] == "fix"
    edit = next(call for call in world.calls if call.name == "edit_file")
    assert factor in edit.input["edits"][0]["new"]


def test_a_number_that_is_no_time_is_left_alone() -> None:
    code = "select id, cast(sold_at as timestamp) as sold_at from {{ source('raw', 'items') }}"
    world = World(
        {ITEMS: {"id": "INTEGER", "sold_at": "BIGINT"}},
        answers=[("as low", [{"n": 9, "low": 1, "high": 400}])],
    )
    nodes = [source("items"), model("stg_items", code, [ITEMS])]

    report = world.run(case_of(nodes, failed(STG_ITEMS, "cast (BIGINT -> TIMESTAMP)")))

    assert report["finding"]["cls"] != "src_date_format"


def divided(code: str, zeros: int) -> dict[str, Any]:
    nodes = [
        source("items"),
        model(
            "stg_items",
            code,
            [ITEMS],
            compiled_code=code.replace("{{ source('raw', 'items') }}", '"db"."raw"."items"'),
        ),
    ]
    world = World(
        {ITEMS: {"id": "INTEGER", "price": "DECIMAL", "quantity": "INTEGER"}},
        answers=[("= 0", [{"c0_0": 500, "c0_1": zeros}])],
    )
    return world.run(case_of(nodes, failed(STG_ITEMS, "division by zero")))


def test_a_zero_that_divides_is_asked_about_where_it_comes_from() -> None:
    report = divided("select id, price / quantity as each from {{ source('raw', 'items') }}", 3)

    cause = report["finding"]["root_cause"]
    assert (report["finding"]["code"], cause["node"], cause["column"]) == (
        "AR075",
        ITEMS,
        "quantity",
    )
    assert report["decision"] == "escalate"
    assert "nullif(quantity, 0)" in report["finding"]["next_step"]


def test_a_guarded_division_is_not_blamed() -> None:
    code = "select id, price / nullif(quantity, 0) as each from {{ source('raw', 'items') }}"

    assert divided(code, 3)["finding"]["code"] != "AR075"


OUT_OF_SYNC = """Compilation Error in model facts (models/facts.sql)
  The source and target schemas on this incremental model are out of sync!
                  They can be reconciled in several ways:
  Additional troubleshooting context:
     Source columns not in target: {added}
     Target columns not in source: {gone}
     New column types: []
"""


def outgrown(added: str, gone: str, code: str) -> dict[str, Any]:
    node = model("facts", code, [ITEMS], config={"materialized": "incremental"})
    message = OUT_OF_SYNC.format(added=added, gone=gone)
    nodes = [source("items"), node]
    return World(SHAPES).run(case_of(nodes, failed(node.unique_id, message, "compile_error")))


CONFIG = "{{ config(materialized='incremental', on_schema_change='fail') }}\nselect 1 as id"


@pytest.mark.parametrize(
    "added",
    [
        "['loaded_by INTEGER']",
        "[<DuckDBColumn loaded_by (INTEGER)>]",
        "[PostgresColumn(column='loaded_by', dtype='integer', char_size=None)]",
    ],
)
def test_a_new_column_is_appended_to_an_incremental_model(added: str) -> None:
    report = outgrown(added, "[]", CONFIG)

    assert report["finding"]["cls"] == "incremental_schema_change"
    assert report["finding"]["root_cause"]["column"] == "loaded_by"
    assert report["decision"] == "fix"


@pytest.mark.parametrize(
    ("added", "gone", "code"),
    [
        ("[]", "['item_count INTEGER']", CONFIG),
        ("['a INTEGER']", "['b INTEGER']", CONFIG),
        ("['a INTEGER']", "[]", "select 1 as id"),  # it is said somewhere else
    ],
)
def test_a_column_that_went_needs_an_approved_full_refresh(
    added: str, gone: str, code: str
) -> None:
    report = outgrown(added, gone, code)

    assert report["finding"]["cls"] == "incremental_schema_change"
    assert report["decision"] == "escalate"
    assert "--full-refresh" in report["finding"]["next_step"]


def test_rows_that_came_after_the_window_are_a_question() -> None:
    facts = model("facts", "select 1 as id", [ITEMS], config={"materialized": "incremental"})
    figures: dict[str, str | float | None] = {
        "change": "late_arriving",
        "column": "order_id",
        "now": 5.0,
        "since": "2026-01-03",
    }
    uid = facts.unique_id
    signal = Signal(kind="anomaly", node=uid, message="facts lacks 5 keys", figures=figures)
    incident = Incident("i", "anomaly", uid, "facts lacks 5 keys", "f", signals=(signal,))

    report = World(SHAPES).run(case_of([source("items"), facts], incident))

    assert (report["finding"]["cls"], report["decision"]) == ("late_arriving", "escalate")
    assert "2026-01-03" in report["finding"]["next_step"]


def test_the_test_that_would_have_caught_it_is_named_once() -> None:
    test, incident = red("not_null", STG_ITEMS, "product_id")
    nulls = [("count", [{"c0_0": 500, "c0_1": 3, "c1_0": 500, "c1_1": 3}])]

    report = World(SHAPES, answers=nulls).run(case_of([*NODES, test], incident))
    own = check("not_null", ITEMS, "product_id")
    known = World(SHAPES, answers=nulls).run(case_of([*NODES, test, own], incident))

    assert report["finding"]["cls"] == "null_keys"
    assert "a not_null test on items.product_id" in report["finding"]["next_step"]
    assert "Earlier" not in known["finding"]["next_step"]
