"""A source column with a new name, or gone: found by shapes, whatever the message says."""

from __future__ import annotations

import pytest
from rules_world import OWNER, World, case_of, check, failed, model, source

RAW = "source.shop.raw.orders"
STAGING = "model.shop.stg_orders"
CODE = "select id as order_id, amount, status\nfrom {{ source('raw', 'orders') }}\n"
NODES = [source("orders"), model("stg_orders", CODE, [RAW])]
LOUD = 'Binder Error: Referenced column "amount" not found'


def shape(**columns: str) -> dict[str, dict[str, str]]:
    return {RAW: {"id": "INTEGER", "status": "VARCHAR", **columns}}


def test_a_rename_is_named_and_repaired_in_the_reader() -> None:
    world = World(shape(amount_usd="DECIMAL(10,2)"))

    report = world.run(case_of(NODES, failed(STAGING, LOUD)))

    cause = report["finding"]["root_cause"]
    assert (cause["node"], cause["column"], cause["observed"]) == (RAW, "amount", "amount_usd")
    assert report["finding"]["cls"] == "src_column_renamed"
    assert list(report["finding"]["lineage"]) == [RAW, STAGING]
    assert report["finding"]["owner"] == OWNER
    assert report["decision"] == "fix"
    assert report["rename_undone"] == [[RAW, "amount", "amount_usd"]]
    edit = world.calls[-2]
    assert edit.name == "rename_column"
    assert (edit.input["node"], edit.input["old"], edit.input["new"]) == (
        STAGING,
        "amount",
        "amount_usd",
    )


def test_it_is_found_two_nodes_below_without_a_word_about_it() -> None:
    mart = model("orders", "select * from {{ ref('stg_orders') }}", [STAGING])
    test = check("not_null", "model.shop.orders", "amount")
    world = World(shape(amount_usd="DECIMAL(10,2)"))
    incident = failed(
        test.unique_id,
        "Got 3 results, configured to fail if != 0",
        "test_failure",
        attached="model.shop.orders",
        failures=3,
    )

    report = world.run(case_of([*NODES, mart, test], incident))

    assert report["finding"]["root_cause"]["node"] == RAW
    assert report["finding"]["lineage"][-1] in (test.unique_id, "model.shop.orders")


def test_two_like_names_are_a_question_not_a_guess() -> None:
    world = World(shape(amount_eur="DECIMAL(10,2)", amount_usd="DECIMAL(10,2)"))

    report = world.run(case_of(NODES, failed(STAGING, LOUD)))

    assert report["decision"] == "escalate"
    assert report["finding"]["cls"] == "src_column_dropped"
    assert "amount_eur" in report["finding"]["next_step"]
    assert "rename_column" not in world.names()


def test_values_tell_two_like_names_apart() -> None:
    mart = model(
        "orders",
        "select order_id, amount from {{ ref('stg_orders') }}",
        [STAGING],
        config={"materialized": "table"},
    )
    world = World(
        {
            **shape(amount_eur="DECIMAL(10,2)", amount_usd="DECIMAL(10,2)"),
            "model.shop.orders": {"order_id": "INTEGER", "amount": "DECIMAL(10,2)"},
        },
        answers=[("sample", [{"n0": 200, "n1": 3, "n2": 200}])],
    )

    report = world.run(case_of([*NODES, mart], failed(STAGING, LOUD)))

    assert report["decision"] == "fix"
    assert report["finding"]["root_cause"]["observed"] == "amount_usd"


def test_a_column_that_is_gone_is_escalated_with_its_impact() -> None:
    mart = model("orders", "select amount from {{ ref('stg_orders') }}", [STAGING])
    world = World(shape())

    report = world.run(case_of([*NODES, mart], failed(STAGING, LOUD)))

    assert report["finding"]["cls"] == "src_column_dropped"
    assert report["decision"] == "escalate"
    assert list(report["finding"]["affected"]) == ["model.shop.orders", STAGING]
    assert OWNER in report["finding"]["next_step"]


def test_a_new_column_of_another_kind_is_no_successor() -> None:
    nodes = [source("orders", {"amount": "numeric"}), NODES[1]]
    world = World(shape(loaded_at="TIMESTAMP"))

    report = world.run(case_of(nodes, failed(STAGING, LOUD)))

    assert report["decision"] == "escalate"


def test_a_refused_edit_becomes_a_question() -> None:
    world = World(shape(amount_usd="DECIMAL(10,2)"), refused={"rename_column"})

    report = world.run(case_of(NODES, failed(STAGING, LOUD)))

    assert report["decision"] == "escalate"
    assert report["finding"]["cls"] == "src_column_renamed"


def test_a_package_is_never_edited() -> None:
    nodes = [NODES[0], model("stg_orders", CODE, [RAW], package_name="vendor_package")]
    world = World(shape(amount_usd="DECIMAL(10,2)"))

    report = world.run(case_of(nodes, failed(STAGING, LOUD)))

    assert report["decision"] == "escalate"
    assert report["finding"]["root_cause"]["observed"] == "amount_usd"
    assert "rename_column" not in world.names()


@pytest.mark.parametrize("message", [LOUD, "column o.amount does not exist"])
def test_a_source_that_is_whole_is_not_blamed(message: str) -> None:
    world = World(shape(amount="DECIMAL(10,2)", amount_usd="DECIMAL(10,2)"))

    report = world.run(case_of(NODES, failed(STAGING, message)))

    assert report["finding"]["cls"] not in ("src_column_renamed", "src_column_dropped")


def test_questions_are_few_and_asked_once() -> None:
    world = World(shape(amount_usd="DECIMAL(10,2)"))

    world.run(case_of(NODES, failed(STAGING, LOUD)))

    assert len(world.calls) <= 5
    assert [call.id for call in world.calls] == [f"r{n + 1}" for n in range(len(world.calls))]


def test_a_column_that_a_macro_fills_with_null_is_traced_to_the_rename() -> None:
    staging = model(
        "stg_orders",
        "{{ fill_staging_columns(source('raw', 'orders')) }}",
        [RAW],
        package_name="vendor_package",
        compiled_code=(
            'select id as order_id, cast(null as numeric) as amount from "db"."raw"."orders"'
        ),
    )
    test = check("not_null", STAGING, "amount")
    world = World(
        {**shape(amount_usd="DECIMAL(10,2)"), STAGING: {"order_id": "INT", "amount": "DECIMAL"}},
        answers=[("count", [{"c0_0": 50, "c0_1": 0}])],
    )
    incident = failed(
        test.unique_id, "Got 50 results", "test_failure", attached=STAGING, failures=50
    )

    report = world.run(case_of([NODES[0], staging, test], incident))

    cause = report["finding"]["root_cause"]
    assert report["finding"]["code"] == "AR016"
    assert (cause["node"], cause["column"], cause["observed"]) == (RAW, "amount", "amount_usd")
    assert report["decision"] == "escalate"


def test_a_loaders_own_columns_take_nobodys_place() -> None:
    code = "select created_at from {{ source('raw', 'orders') }}"
    nodes = [source("orders"), model("stg_orders", code, [RAW])]
    world = World({RAW: {"created_moment": "TIMESTAMP", "_created_at_synced": "TIMESTAMP"}})

    report = world.run(case_of(nodes, failed(STAGING, 'column "created_at" not found')))

    assert report["finding"]["root_cause"]["observed"] == "created_moment"
    assert report["decision"] == "fix"


SUMMED = model(
    "totals",
    "select sum(amount) as total from {{ ref('stg_orders') }}",
    [STAGING],
    config={"materialized": "table"},
)
TOTALS = {"model.shop.totals": {"total": "DECIMAL(18,2)"}}


def counts(*columns: tuple[int, int, float | None]) -> tuple[str, list[dict[str, object]]]:
    """The one statement over the relation: rows, then filled, distinct and total of each column."""
    figures = [200, *(value for column in columns for value in column)]
    return ("^select count\\(\\*\\) as n0", [{f"n{n}": v for n, v in enumerate(figures)}])


def test_a_name_alone_does_not_beat_a_total_that_was_stored() -> None:
    world = World(
        {**shape(amount_fee="DECIMAL(10,2)", value="DECIMAL(10,2)"), **TOTALS},
        answers=[
            ("as total from", [{"total": 1000.0}]),
            counts((200, 90, 20.0), (200, 180, 1000.0)),
        ],
    )

    report = world.run(case_of([*NODES, SUMMED], failed(STAGING, LOUD)))

    assert report["decision"] == "fix"
    assert report["finding"]["root_cause"]["observed"] == "value"


@pytest.mark.parametrize(
    "figure",
    [(0, 0, None), (200, 1, 400.0), (200, 180, 40.0)],
    ids=["empty", "one value", "another total"],
)
def test_a_new_column_that_cannot_be_the_old_one_is_never_read_in_its_place(
    figure: tuple[int, int, float | None],
) -> None:
    answers = [counts(figure)]
    if figure[2] == 40.0:
        answers = [("as total from", [{"total": 1000.0}]), *answers]
    world = World({**shape(amount_net="DECIMAL(10,2)"), **TOTALS}, answers=answers)

    report = world.run(case_of([*NODES, SUMMED], failed(STAGING, LOUD)))

    assert report["finding"]["cls"] == "src_column_dropped"
    assert report["decision"] == "escalate"
    assert "rename_column" not in world.names()


def test_two_renamed_at_once_are_told_apart_by_their_tests_and_totals() -> None:
    test = check("accepted_values", STAGING, "status", values=["open", "paid"])
    world = World(
        {RAW: {"id": "INTEGER", "c1": "VARCHAR", "c2": "DECIMAL(10,2)"}, **TOTALS},
        answers=[
            ("as total from", [{"total": 1000.0}]),
            (
                "^select count\\(\\*\\) as n0",
                [
                    dict(
                        zip("abcdefghi", [200, 200, 2, None, 200, 200, 150, 1000.0, 0], strict=True)
                    )
                ],
            ),
        ],
    )

    report = world.run(case_of([*NODES, SUMMED, test], failed(STAGING, LOUD)))

    assert report["decision"] == "fix", report
    renamed = {(c.input["old"], c.input["new"]) for c in world.calls if c.name == "rename_column"}
    assert renamed == {("amount", "c2"), ("status", "c1")}


def test_one_renamed_and_one_gone_is_no_half_repair() -> None:
    world = World({RAW: {"id": "INTEGER", "amount_usd": "DECIMAL(10,2)"}})

    report = world.run(case_of(NODES, failed(STAGING, LOUD)))

    assert report["finding"]["root_cause"]["column"] == "amount"
    assert report["decision"] == "escalate"
    assert "status" in report["rationale"]
    assert "rename_column" not in world.names()


def test_a_new_name_and_a_new_type_are_read_and_converted() -> None:
    mart = model(
        "orders",
        "select order_id, amount from {{ ref('stg_orders') }}",
        [STAGING],
        config={"materialized": "table"},
    )
    world = World(
        {**shape(amt="VARCHAR"), "model.shop.orders": {"amount": "DECIMAL(10,2)"}},
        answers=[("sample", [{"n0": 200, "n1": 200}])],
    )

    report = world.run(case_of([*NODES, mart], failed(STAGING, LOUD)))

    assert report["decision"] == "fix"
    edit = next(call for call in world.calls if call.name == "edit_file")
    assert "try_cast(amt as decimal(10,2)) as amount" in edit.input["edits"][0]["new"]
    assert report["rename_undone"] == []
