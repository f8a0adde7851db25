"""Faults that no test sees: told by figures, asked of the owner, never repaired on a guess."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import OWNER, World, case_of, check, failed, model, source

from agentic.records import Incident, Signal

RAW = "source.shop.raw.payments"
STAGING = "model.shop.stg_payments"
MART = "model.shop.payments"
CODE = "select id as payment_id, amount from {{ source('raw', 'payments') }}"
NODES = [
    source("payments"),
    model("stg_payments", CODE, [RAW]),
    model(
        "payments",
        "select payment_id, amount from {{ ref('stg_payments') }}",
        [STAGING],
        config={"materialized": "table"},
    ),
]


def anomaly(change: str, **figures: Any) -> Incident:
    measured = {"change": change, "column": "amount", "before": 26.0, "now": 2600.0, **figures}
    message = f"payments.amount: {change}"
    signal = Signal(kind="anomaly", node=RAW, message=message, figures=measured)
    return Incident("i", "anomaly", RAW, message, "f", signals=(signal,))


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ("unit_scale_change", "AR070", "amount"),
        ("volume_drop", "AR071", ""),
        ("null_keys", "AR072", "amount"),
        ("value_shift", "AR073", "amount"),
        ("timezone", "AR077", "amount"),
    ],
)
def test_an_anomaly_becomes_a_question_to_the_owner(change: str, code: str, column: str) -> None:
    world = World({RAW: {"id": "INTEGER", "amount": "DECIMAL(10,2)"}})

    report = world.run(case_of(NODES, anomaly(change, column=column)))

    finding = report["finding"]
    assert (finding["code"], finding["cls"]) == (code, change)
    assert finding["root_cause"]["node"] == RAW
    assert (finding["root_cause"]["column"] or "") == column
    assert report["decision"] == "escalate"
    assert OWNER in finding["next_step"]
    assert finding["evidence"][0]["rows"][0]["before"] == 26.0
    assert MART in finding["affected"]
    assert "edit_file" not in world.names()


def red(kind: str = "expression_is_true") -> Incident:
    test = check(kind, STAGING, "amount")
    incident = failed(
        test.unique_id, "Got 90 results", "test_failure", attached=STAGING, failures=90
    )
    return Incident(
        **{
            **{f: getattr(incident, f) for f in incident.__struct_fields__},
            "skipped": (MART,),
        }
    )


def run_red(now: float, old: float) -> dict[str, Any]:
    world = World(
        {
            RAW: {"id": "INTEGER", "amount": "DECIMAL(10,2)"},
            MART: {"payment_id": "INTEGER", "amount": "DECIMAL(10,2)"},
        },
        answers=[("avg", [{"now0": now, "old0": old}])],
    )
    return world.run(case_of([*NODES, check("expression_is_true", STAGING, "amount")], red()))


def test_a_red_test_over_another_unit_is_told_by_what_the_skipped_mart_still_holds() -> None:
    report = run_red(2610.0, 26.0)

    assert report["finding"]["code"] == "AR070"
    assert report["finding"]["root_cause"]["column"] == "amount"
    assert report["decision"] == "escalate"


@pytest.mark.parametrize("now", [26.0, 31.0, 55.0])
def test_an_ordinary_mean_is_not_blamed(now: float) -> None:
    assert run_red(now, 26.0)["finding"]["code"] != "AR070"
