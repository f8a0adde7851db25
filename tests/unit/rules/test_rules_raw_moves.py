"""What raw relations held after the last green build explains a red test, and silent zeros."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from rules_world import OWNER, World, case_of, check, failed, model, source

from agentic.project import Node
from agentic.records import Incident, Signal
from agentic.rules.needs import keeps_rows

ORDERS, CUSTOMERS = "source.shop.raw.orders", "source.shop.raw.customers"
STG_ORDERS, STG_CUSTOMERS = "model.shop.stg_orders", "model.shop.stg_customers"
ORDER_SQL = "select id as order_id, customer_id, price / 100 as amount, units from {}"
SHAPES = {
    ORDERS: dict.fromkeys(["id", "customer_id", "price", "units"], "INTEGER"),
    CUSTOMERS: {"id": "INTEGER"},
    STG_ORDERS: dict.fromkeys(["order_id", "customer_id", "amount", "units"], "INTEGER"),
    STG_CUSTOMERS: {"customer_id": "INTEGER"},
}
NODES = [
    source("orders"),
    source("customers"),
    model(
        "stg_orders",
        ORDER_SQL.format("{{ source('raw', 'orders') }}"),
        [ORDERS],
        compiled_code=ORDER_SQL.format('"db"."raw"."orders"'),
    ),
    model(
        "stg_customers",
        "select id as customer_id from {{ source('raw', 'customers') }}",
        [CUSTOMERS],
        compiled_code='select id as customer_id from "db"."raw"."customers"',
    ),
]


@dataclass
class Remembering(World):
    """A world that knows rows and means of the last green build."""

    past: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _compare_profiles(self, _case: object, given: dict[str, Any]) -> dict[str, Any]:
        known = self.past.get(given["node"])
        return {"against": "last good", **known} if known else {"note": "nothing is remembered"}


def red(test: Node, failures: int = 7) -> Incident:
    return failed(
        test.unique_id,
        f"Got {failures} results",
        "test_failure",
        attached=str(test.attached_node),
        failures=failures,
    )


def run(test: Node, past: dict[str, Any], **more: Any) -> tuple[dict[str, Any], Remembering]:
    world = Remembering(SHAPES, past=past, **more)
    return world.run(case_of([*NODES, test], red(test))), world


def orphan_test() -> Node:
    given = {"to": "ref('stg_customers')", "field": "customer_id", "parents": [STG_CUSTOMERS]}
    return check("relationships", STG_ORDERS, "customer_id", **given)


ORPHANS: list[tuple[str, list[dict[str, Any]]]] = [
    ("count.* as keys", [{"keys": 48, "orphans": 330}]),
    ("as orphan", [{"orphan": 4, "times": 9}]),
]


def test_a_parent_that_lost_its_rows_is_blamed_not_the_child_that_points_at_them() -> None:
    past = {CUSTOMERS: {"rows": [60, 12]}, ORDERS: {"rows": [400, 400]}}

    report, _ = run(orphan_test(), past, answers=ORPHANS)

    finding = report["finding"]
    assert (finding["code"], finding["root_cause"]["node"]) == ("AR071", CUSTOMERS)
    assert report["decision"] == "escalate"
    assert "edit_file" not in report
    assert OWNER in finding["next_step"]


@pytest.mark.parametrize("rows", [[60, 60], [60, 40], [12, 2]])
def test_rows_that_come_and_go_leave_the_child_to_blame(rows: list[int]) -> None:
    past = {CUSTOMERS: {"rows": rows}, ORDERS: {"rows": [400, 400]}}

    report, _ = run(orphan_test(), past, answers=ORPHANS)

    assert report["finding"]["root_cause"]["node"] == ORDERS


def test_without_a_memory_only_two_relations_are_asked() -> None:
    _, world = run(orphan_test(), {}, answers=ORPHANS)

    assert world.names().count("compare_profiles") == 2


@pytest.mark.parametrize(
    ("means", "rows", "code"),
    [
        ([25.0, 2510.0], 400, "AR070"),
        ([25.0, 2510.0], 4000, ""),
        ([25.0, 31.0], 400, ""),
        ([0, 25.0], 400, ""),
    ],
)
def test_a_red_test_over_another_unit_is_told_by_the_last_green_build(
    means: list[float], rows: int, code: str
) -> None:
    changed = [{"column": "customer_id", "mean": [1, 100]}, {"column": "price", "mean": means}]
    past = {ORDERS: {"rows": [400, rows], "changed": changed}}

    report, _ = run(check("expression_is_true", STG_ORDERS, "amount"), past)

    found = report["finding"]
    assert (found["code"] == "AR070") is bool(code)
    if code:
        assert (found["root_cause"]["node"], found["root_cause"]["column"]) == (ORDERS, "price")


@pytest.mark.parametrize(
    ("raw_nulls", "nulls", "node", "column"),
    [(7, 7, ORDERS, "price"), (0, 7, STG_ORDERS, "amount"), (90, 7, STG_ORDERS, "amount")],
)
def test_nulls_are_followed_through_what_computes_with_them(
    raw_nulls: int, nulls: int, node: str, column: str
) -> None:
    counts: list[dict[str, Any]] = [{"a": 400, "b": nulls, "c": 400, "d": raw_nulls}]
    alone: list[dict[str, Any]] = [{"a": 400, "b": nulls}]
    answers = [("c1_0", counts), ("c0_0", alone), ("is null limit", [{"id": 3}])]

    report, _ = run(check("not_null", STG_ORDERS, "amount"), {}, answers=answers)

    cause = report["finding"]["root_cause"]
    assert (cause["node"], cause["column"]) == (node, column)


def silent_zero(zeros: int) -> dict[str, Any]:
    figures: dict[str, str | float | None] = {
        "change": "division_by_zero",
        "column": "units",
        "reader": STG_ORDERS,
    }
    text = "orders.units is 0 in some rows, which it never was, and stg_orders divides by it"
    signal = Signal(kind="anomaly", node=ORDERS, message=text, figures=figures)
    incident = Incident("i", "anomaly", ORDERS, text, "f", signals=(signal,))
    world = World(SHAPES, answers=[("count", [{"rows": 400, "zeros": zeros}])])
    return world.run(case_of(NODES, incident))


def test_a_divisor_that_is_zero_for_the_first_time_is_asked_about() -> None:
    report = silent_zero(5)

    cause = report["finding"]["root_cause"]
    assert (cause["node"], cause["column"]) == (ORDERS, "units")
    assert (report["finding"]["code"], report["decision"]) == ("AR075", "escalate")
    assert "nullif" in report["finding"]["next_step"]


def test_a_zero_that_is_gone_again_is_not_told_of() -> None:
    assert silent_zero(0)["finding"]["code"] != "AR075"


@pytest.mark.parametrize(("joined", "node"), [(False, ORDERS), (True, STG_ORDERS)])
def test_nulls_of_a_masked_column_are_told_by_the_code_that_copies_it(
    joined: bool, node: str
) -> None:
    code = ORDER_SQL.replace("id as", "o.id as").format('"db"."raw"."orders" as o')
    code += ' left join "db"."raw"."customers" as c on c.id = o.customer_id' if joined else ""
    given: dict[str, Any] = {"compiled_code": code} if joined else {}
    staging = model("stg_orders", code, [ORDERS, CUSTOMERS] if joined else [ORDERS], **given)
    nodes = [NODES[0], NODES[1], staging if joined else NODES[2]]
    test = check("not_null", STG_ORDERS, "customer_id")
    masked = [{"a": 400, "b": "[masked]", "c": 400, "d": "[masked]"}]
    world = World(SHAPES, answers=[("c0_0", masked)])

    report = world.run(case_of([*nodes, test], red(test, 5)))

    assert report["decision"] == "escalate"
    assert (report["finding"]["code"] == "AR042") is (node == ORDERS)
    if node == ORDERS:
        cause = report["finding"]["root_cause"]
        assert (cause["node"], cause["column"]) == (ORDERS, "customer_id")


@pytest.mark.parametrize(
    ("code", "whole"),
    [
        ('select id, customer_id from "db"."raw"."orders"', True),
        ('select id, customer_id from "db"."raw"."orders" where units > 0', False),
        ('select customer_id from "db"."raw"."orders" group by 1', False),
    ],
)
def test_what_is_unique_below_a_filter_is_not_so_above(code: str, whole: bool) -> None:
    nodes = [NODES[0], model("buyers", code, [ORDERS], compiled_code=code)]
    buyers = "model.shop.buyers"

    assert keeps_rows(case_of(nodes, failed(buyers, "no")), ORDERS, buyers) is whole
