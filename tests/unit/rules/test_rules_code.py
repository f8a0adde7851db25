"""Faults in code: names that lead nowhere, aliases that moved, SQL that does not parse."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import World, case_of, failed, model, source

STAGING = model("stg_orders", "select id as order_id from raw", [])
CHILD_CODE = "select order_id\nfrom {{ ref('stg_ordres') }}\n"
CHILD = model("orders", CHILD_CODE, ["model.shop.stg_orders"])


def missing(name: str, kind: str = "node", note: str = "was not found") -> Any:
    text = (
        "Compilation Error\n  Model 'model.shop.orders' (models/orders.sql) depends on a "
        f"{kind} named '{name}' which {note}"
    )
    return failed("model.shop.orders", text, "parse_error")


def test_a_misspelt_ref_is_corrected_where_it_stands() -> None:
    world = World()

    report = world.run(case_of([STAGING, CHILD], missing("stg_ordres")))

    assert report["finding"]["cls"] == "ref_typo"
    assert report["finding"]["root_cause"]["node"] == "model.shop.orders"
    assert report["decision"] == "fix"
    (edit,) = world.calls[-2].input["edits"]
    assert edit["new"] == edit["old"].replace("stg_ordres", "stg_orders")


def test_a_name_like_two_others_is_a_question() -> None:
    others = [model("stg_order1", "", []), model("stg_order2", "", [])]
    child = model("orders", "select 1 from {{ ref('stg_order3') }}", [])
    world = World()

    report = world.run(case_of([*others, child], missing("stg_order3")))

    assert report["decision"] == "escalate"
    assert "edit_file" not in world.names()


def test_the_history_tells_which_name_stood_there() -> None:
    others = [model("stg_order1", "", []), model("stg_order2", "", [])]
    child = model("orders", "select 1 from {{ ref('stg_order3') }}", [])
    change = {
        "path": "models/orders.sql",
        "before": "select 1 from {{ ref('stg_order2') }}",
        "after": child.raw_code,
    }
    world = World(uncommitted=[change])

    report = world.run(case_of([*others, child], missing("stg_order3")))

    assert report["decision"] == "fix"
    assert "stg_order2" in world.calls[-2].input["edits"][0]["new"]


def test_a_misspelt_source_is_corrected() -> None:
    child = model("orders", "select 1 from {{ source('raw', 'ordrs') }}", [])
    world = World()

    report = world.run(case_of([source("orders"), child], missing("raw.ordrs", "source")))

    assert report["finding"]["cls"] == "ref_typo"
    assert world.calls[-2].input["edits"][0]["new"] == "select 1 from {{ source('raw', 'orders') }}"


def test_a_removed_model_comes_back_as_it_was() -> None:
    child = model("orders", "select 1 from {{ ref('stg_orders') }}", [])
    gone = {"path": "models/stg_orders.sql", "before": "select 1 as a\n", "after": None}
    world = World(uncommitted=[gone])

    report = world.run(case_of([STAGING, child], missing("stg_orders")))

    assert report["finding"]["cls"] == "model_removed"
    assert report["finding"]["root_cause"]["node"] == "model.shop.stg_orders"
    assert world.calls[-2].name == "create_model"
    assert world.calls[-2].input["text"] == "select 1 as a\n"


def test_a_disabled_model_without_a_trace_is_a_question() -> None:
    world = World()

    report = world.run(case_of([CHILD], missing("stg_ordres", note="is disabled")))

    assert report["finding"]["cls"] == "model_disabled"
    assert report["decision"] == "escalate"


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("{{ config(enabled=false) }}\nselect 1 as a\n", "select 1 as a\n"),
        (
            "{{ config(materialized='table', enabled=False) }}\nselect 1 as a\n",
            "{{ config(materialized='table', enabled=True) }}\nselect 1 as a\n",
        ),
        ("{{ config(enabled=var('wanted')) }}\nselect 1 as a\n", None),
        ("{# {{ config(enabled=false) }} #}\nselect 1 as a\n", None),
    ],
)
def test_a_switch_that_is_written_out_is_taken_back(code: str, after: str | None) -> None:
    off = model("stg_off", code, [])
    case = case_of([CHILD], missing("stg_off", note="is disabled"))
    case.manifest.disabled["model.shop.stg_off"] = [off]  # type: ignore[index]
    world = World(files={"models/stg_off.sql": code})

    report = world.run(case)

    assert report["finding"]["cls"] == "model_disabled"
    assert report["finding"]["root_cause"]["node"] == "model.shop.stg_off"
    assert report["decision"] == ("escalate" if after is None else "fix")
    if after is not None:
        (edit,) = world.calls[-2].input["edits"]
        assert code.replace(edit["old"], edit["new"]) == after


def test_a_switch_among_the_properties_is_taken_back_for_that_model_alone() -> None:
    entry = "  - name: {}\n    config:\n      enabled: false\n    columns:\n      - name: a\n"
    text = "models:\n" + entry.format("stg_on") + entry.format("stg_off")
    off = model("stg_off", "select 1", [], patch_path="shop://models/s.yml")
    case = case_of([CHILD], missing("stg_off", note="is disabled"))
    case.manifest.disabled["model.shop.stg_off"] = [off]  # type: ignore[index]
    world = World(files={"models/stg_off.sql": "select 1", "models/s.yml": text})

    report = world.run(case)

    assert report["decision"] == "fix"
    (edit,) = world.calls[-2].input["edits"]
    after = text.replace(edit["old"], edit["new"], 1)
    assert after.partition("stg_off")[0] == text.partition("stg_off")[0]
    assert "enabled: true" in after.partition("stg_off")[2]


PARENT = model("int_orders", "select id as order_id, total as net\nfrom raw\n", [])
READER = model(
    "fct",
    "select order_id, amount from {{ ref('int_orders') }}",
    ["model.shop.int_orders"],
    compiled_code='select order_id, amount from "db"."main"."int_orders"',
)


def renamed_parent() -> dict[str, Any]:
    return {
        "path": "models/int_orders.sql",
        "before": PARENT.raw_code.replace("net", "amount"),
        "after": PARENT.raw_code,
    }


GONE = 'Binder Error: Referenced column "amount" not found'


def test_a_committed_rename_is_given_back_in_the_parent() -> None:
    world = World(
        {"model.shop.int_orders": {"order_id": "INTEGER", "net": "INTEGER"}},
        commits=[{"sha": "abc", "files": [renamed_parent()]}],
    )

    report = world.run(case_of([PARENT, READER], failed("model.shop.fct", GONE)))

    cause = report["finding"]["root_cause"]
    assert report["finding"]["cls"] == "upstream_alias_renamed"
    assert (cause["node"], cause["column"], cause["observed"]) == (
        "model.shop.int_orders",
        "amount",
        "net",
    )
    (edit,) = world.calls[-2].input["edits"]
    assert "total as amount" in edit["new"]
    assert world.calls[-2].input["path"] == "models/int_orders.sql"


def test_an_open_rename_is_finished_in_its_readers() -> None:
    world = World(
        {"model.shop.int_orders": {"order_id": "INTEGER", "net": "INTEGER"}},
        uncommitted=[renamed_parent()],
    )

    report = world.run(case_of([PARENT, READER], failed("model.shop.fct", GONE)))

    cause = report["finding"]["root_cause"]
    assert (cause["node"], cause["column"], cause["observed"]) == (
        "model.shop.int_orders",
        "amount",
        "net",
    )
    (call,) = [call for call in world.calls if call.name == "edit_file"]
    assert call.input["path"] == "models/fct.sql"
    assert "net as amount" in call.input["edits"][0]["new"]


def test_an_open_rename_under_a_contract_is_undone() -> None:
    parent = model(
        "int_orders",
        PARENT.raw_code,
        [],
        config={"materialized": "view", "contract": {"enforced": True}},
    )
    world = World(
        {"model.shop.int_orders": {"order_id": "INTEGER", "net": "INTEGER"}},
        uncommitted=[renamed_parent()],
    )

    world.run(case_of([parent, READER], failed("model.shop.fct", GONE)))

    (call,) = [call for call in world.calls if call.name == "edit_file"]
    assert call.input["path"] == "models/int_orders.sql"


@pytest.mark.parametrize(
    ("code", "near", "new"),
    [
        pytest.param("selct a\nfrom t\n", "selct", "select a\n", id="itself"),
        pytest.param("select a\nfrom t\ngruop by a\n", "by", "group by a\n", id="word-after"),
        pytest.param("select a,\nfrom t\n", "from", "select a\n", id="comma"),
    ],
)
def test_one_misspelt_word_is_repaired(code: str, near: str, new: str) -> None:
    world = World()
    text = f'Runtime Error\n  Parser Error: syntax error at or near "{near}"'

    report = world.run(case_of([model("a", code, [])], failed("model.shop.a", text)))

    assert report["finding"]["cls"] == "syntax_error"
    assert report["decision"] == "fix"
    assert world.calls[-2].input["edits"][0]["new"].startswith(new)


def test_sql_that_nothing_repairs_is_a_question() -> None:
    world = World()
    text = 'Parser Error: syntax error at or near "t"'

    report = world.run(case_of([model("a", "select a b c t", [])], failed("model.shop.a", text)))

    assert report["finding"]["cls"] == "syntax_error"
    assert report["decision"] == "escalate"


CONTRACT = """Compilation Error in model daily (models/daily.sql)
  This model has an enforced contract that failed.
  | column_name | definition_type | contract_type | mismatch_reason    |
  | ----------- | --------------- | ------------- | ------------------ |
  | amount      | VARCHAR         | DECIMAL(18,2) | data type mismatch |
"""


def test_a_cast_against_the_contract_is_put_right() -> None:
    code = (
        "select\n    cast(sum(a) as integer) as n,\n"
        "    cast(sum(b) - sum(c) as varchar) as amount\nfrom t\n"
    )
    world = World()

    report = world.run(
        case_of(
            [model("daily", code, [])], failed("model.shop.daily", CONTRACT, "contract_violation")
        )
    )

    assert report["finding"]["cls"] == "contract_violation"
    assert report["finding"]["root_cause"]["column"] == "amount"
    (edit,) = world.calls[-2].input["edits"]
    assert "sum(c) as DECIMAL(18,2)) as amount" in edit["new"]
    assert "cast(sum(a) as integer)" not in edit["old"]


STAGED = model("stg_pay", "select a from {{ ref('pays') }}\n", ["model.shop.pays"])
MART = model(
    "pays",
    "select a from {{ ref('stg_pay') }}\n",
    ["model.shop.stg_pay"],
    original_file_path="models/marts/pays.sql",
)
BEFORE = model("inbox", "select 1 as a", [])
CIRCLE = "Found a cycle: model.shop.stg_pay --> model.shop.pays --> model.shop.stg_pay"
NEW = "\nThe last build of model.shop.stg_pay did not read model.shop.pays."


def test_a_circle_is_cut_where_the_last_build_read_something_else() -> None:
    said = f"{CIRCLE}{NEW}\nIt read what it reads no more: model.shop.inbox"
    world = World()

    report = world.run(
        case_of([STAGED, MART, BEFORE], failed("model.shop.stg_pay", said, "compile_error"))
    )

    assert report["finding"]["cls"] == "circular_ref"
    assert report["finding"]["root_cause"]["node"] == "model.shop.stg_pay"
    assert report["decision"] == "fix"
    assert world.calls[-2].input["edits"][0]["new"] == "select a from {{ ref('inbox') }}\n"


@pytest.mark.parametrize("known", [NEW, ""])
def test_a_circle_that_nothing_tells_how_to_cut_is_a_question_with_its_edges(known: str) -> None:
    world = World()

    report = world.run(
        case_of([STAGED, MART], failed("model.shop.pays", CIRCLE + known, "compile_error"))
    )

    assert report["decision"] == "escalate"
    assert report["finding"]["root_cause"]["node"] == "model.shop.stg_pay"
    facts = " ".join(one["text"] for one in report["finding"]["evidence"])
    assert "stg_pay reads pays" in facts
    assert "pays reads stg_pay" in facts
    assert "a layer above its own" in facts
    assert "edit_file" not in world.names()


UNION = "select * from {{ ref('paid') }} union all select * from {{ ref('churned') }}"
TOTAL = f"with u as ({UNION}) select *, amount * 2 as twice from u where is_first"


@pytest.mark.parametrize(
    ("churned", "told", "node"),
    [
        (["id", "amount", "is_first"], "is_first", "model.shop.paid"),
        (["id", "amount"], "is_first", ""),  # both lack it: which of them gave it is not told
        (["id", "amount", "is_first"], "twice", ""),  # the child's own
    ],
)
def test_of_two_parents_read_by_stars_the_one_that_lost_the_column_is_the_cause(
    churned: list[str], told: str, node: str
) -> None:
    nodes = [
        model("paid", "select id, amount, true as is_first_value from raw", []),
        model("churned", "select id, amount, false as is_first from raw", []),
        model(
            "total",
            TOTAL,
            ["model.shop.paid", "model.shop.churned"],
            config={"materialized": "table"},
        ),
    ]
    world = World(
        {
            "model.shop.paid": dict.fromkeys(["id", "amount", "is_first_value"], "INTEGER"),
            "model.shop.churned": dict.fromkeys(churned, "INTEGER"),
            "model.shop.total": dict.fromkeys(["id", "amount", "is_first", "twice"], "INTEGER"),
        }
    )
    text = f'Binder Error: Referenced column "{told}" not found in FROM clause!'

    report = world.run(case_of(nodes, failed("model.shop.total", text)))

    assert (report["finding"]["code"] == "AR020") is bool(node)
    if node:
        assert report["finding"]["root_cause"]["node"] == node
        assert report["decision"] == "fix"
        assert "is_first from raw" in world.calls[-2].input["edits"][0]["new"]
