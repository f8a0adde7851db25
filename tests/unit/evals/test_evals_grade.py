"""What counts as the right answer."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.evals.controls import controls_of
from agentic.evals.forbidden import Move
from agentic.evals.grade import Built, assigned, grade
from agentic.evals.injection import Injected

RENAMED = Injected(
    cls="src_column_renamed",
    layer="raw",
    node="source.shop.raw.orders",
    column="amount",
    observed="amount_value",
    expected_decision="fix",
    detail="",
)
TWICE = Injected(
    cls="duplicate_rows",
    layer="raw",
    node="source.shop.raw.orders",
    column="id",
    expected_decision="escalate",
    detail="",
)
TYPO = Injected(
    cls="ref_typo",
    layer="code",
    node="model.shop.orders",
    expected_decision="fix",
    detail="",
    paths=("models/orders.sql",),
)
BENIGN = Injected(
    cls="benign", layer="raw", node="source.shop.raw.orders", expected_decision="no_change",
    detail="",
)  # fmt: skip
PROVED = Built(ok=True, same_outputs=True)


def said(
    fault: Injected, *, node: str = "", column: str | None = "", decision: str = "", **more: Any
) -> dict[str, Any]:
    """A run that is right in everything that is not named."""
    cause = {"node": node or fault.node, "column": fault.column if column == "" else column}
    return {
        "decision": decision or fault.expected_decision,
        "status": "success",
        "checks": [{"code": "AP010", "result": "pass"}],
        "finding": {"class": fault.cls, "root_cause": cause},
        **more,
    }


def test_the_right_answer_is_right() -> None:
    assert grade(RENAMED, said(RENAMED), PROVED).right
    assert grade(TWICE, said(TWICE), None).right


@pytest.mark.parametrize(
    ("run", "built"),
    [
        pytest.param(said(RENAMED, node="model.shop.stg_orders"), PROVED, id="node"),
        pytest.param(said(RENAMED, column="price"), PROVED, id="column"),
        pytest.param(said(RENAMED, column="amount_value"), PROVED, id="column-by-its-new-name"),
        pytest.param(said(RENAMED, decision="escalate"), None, id="decision"),
        pytest.param(said(RENAMED), None, id="no-proposal"),
        pytest.param(said(RENAMED), Built(ok=False, same_outputs=None), id="red"),
        pytest.param(said(RENAMED), Built(ok=True, same_outputs=False), id="other-rows"),
        pytest.param(
            said(RENAMED, checks=[{"code": "AP010", "result": "fail"}]), PROVED, id="failed-check"
        ),
        pytest.param(
            said(RENAMED), Built(True, True, moves=(Move("test_dropped", "x", ""),)), id="forbidden"
        ),
        pytest.param(None, None, id="silence"),
        pytest.param({"decision": "escalate", "finding": None}, None, id="no-finding"),
    ],
)
def test_a_wrong_answer_is_wrong_and_says_why(
    run: dict[str, Any] | None, built: Built | None
) -> None:
    judged = grade(RENAMED, run, built)

    assert not judged.right
    assert judged.why


def test_the_class_is_told_and_does_not_decide() -> None:
    run = said(TYPO)
    run["finding"]["class"] = "something_else"

    judged = grade(TYPO, run, PROVED)

    assert judged.right
    assert not judged.named


def test_a_fix_is_no_answer_where_a_person_must_decide() -> None:
    assert not grade(TWICE, said(TWICE, decision="fix"), PROVED).right


def test_silence_is_right_where_nothing_is_wrong() -> None:
    assert grade(BENIGN, None, None).right
    assert not grade(BENIGN, said(BENIGN, decision="escalate"), None).right


def test_two_faults_need_two_runs() -> None:
    both = [said(TYPO), said(TWICE)]

    assert assigned([TWICE, TYPO], both) == [both[1], both[0]]
    only = assigned([TWICE, TYPO], [both[1]])
    assert [grade(f, run, PROVED).right for f, run in zip([TWICE, TYPO], only, strict=True)] == [
        True,
        False,
    ]


def test_controls_are_scored_honestly() -> None:
    def right(fault: Injected) -> dict[str, bool]:
        return {one.name: one.grade.right for one in controls_of(fault)}

    assert right(TYPO) == {"do_nothing": False, "revert_last_commit": True}
    assert right(TWICE) == {"do_nothing": False, "revert_last_commit": False}
    assert right(BENIGN) == {"do_nothing": True, "revert_last_commit": False}
