"""Without a history a unit test's rows say which word of a query is wrong, if one alone fits."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import World, case_of, failed, model

from agentic.project.manifest import DependsOn, UnitTest
from agentic.records import ToolResult
from agentic.rules.unit_rows import one_word_repair, variants

CODE = "{{ config(tags=['a']) }}\nselect id, max(n) as n from {{ ref('stg') }} group by id\n"
STG = model("stg", "select 1", [])
MART = model("mart", CODE, ["model.shop.stg"])
UNIT = UnitTest(
    unique_id="unit_test.shop.mart.adds_up",
    name="adds_up",
    resource_type="unit_test",
    package_name="shop",
    tests="mart",
    tested_node_unique_id="model.shop.mart",
    depends_on=DependsOn(nodes=["model.shop.mart"]),
    given=[{"input": "ref('stg')", "rows": [{"id": 1, "n": 3}, {"id": 1, "n": 5}]}],
    expect={"rows": [{"id": 1, "n": 8}]},
)


def repaired(answers: list[dict[str, Any]], code: str = CODE) -> Any:
    world = World({"model.shop.stg": {"id": "INTEGER", "n": "INTEGER"}}, answers=[(".", answers)])
    case = case_of([STG, MART], failed(UNIT.unique_id, "differs", "unit_test_failure"))
    steps = one_word_repair(case, UNIT, code)
    try:
        call = next(steps)
        while True:
            world.calls.append(call)
            result: ToolResult = world.answer(case, call)
            call = steps.send(result)
    except StopIteration as end:
        return end.value, world


def rows(**sums: int) -> list[dict[str, Any]]:
    return [{"k": int(k[1:]), "id": 1, "n": n} for k, n in sums.items()]


def test_the_one_word_that_gives_the_expected_rows_is_written() -> None:
    best, world = repaired(rows(q0=5, q1=8, q2=3, q3=4))

    assert best.text == CODE.replace("max(n)", "sum(n)")
    sql = world.calls[-1].input["sql"]
    assert "cast(5 as INTEGER)" in sql
    assert "config" not in sql


@pytest.mark.parametrize(
    "answers",
    [rows(q0=5, q1=8, q2=8), rows(q0=8, q1=5), rows(q0=5, q1=6)],
    ids=["two fit", "it fits already", "none fits"],
)
def test_nothing_is_guessed(answers: list[dict[str, Any]]) -> None:
    assert repaired(answers)[0] is None


def test_other_jinja_is_not_filled_in_here() -> None:
    best, world = repaired(rows(q0=5, q1=8), CODE.replace("max(n)", "{{ total('n') }}"))

    assert best is None
    assert "run_sql" not in world.names()


def test_a_star_is_no_sign() -> None:
    found = variants("select *, count(*) as n from t where a <> 'x'", UNIT, "duckdb")

    assert {one.why.rpartition(" for ")[2] for one in found} == {"<>"}
