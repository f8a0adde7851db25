"""What came of an eval, counted and shown."""

from __future__ import annotations

from pathlib import Path

from agentic.evals.case import Case, CaseResult
from agentic.evals.controls import controls_of
from agentic.evals.forbidden import Move
from agentic.evals.grade import Grade
from agentic.evals.injection import Injected
from agentic.evals.score import control_scores, score_of
from agentic.evals.suite import Kept, distinct
from agentic.evals.tables import html_page, markdown, matrix, text_table

FAULT = Injected(
    cls="ref_typo", layer="code", node="model.shop.a", expected_decision="fix",
    detail="a says <b>", paths=("models/a.sql",),
)  # fmt: skip


def result(
    *, seed: int = 0, right: bool = True, proof: bool | None = True, forbidden: int = 0
) -> CaseResult:
    moves = tuple(Move("test_dropped", str(n), "") for n in range(forbidden))
    judged = Grade(
        cause=right, decision=True, named=True, proof=proof, forbidden=moves,
        why=() if right else ("root cause model.shop.b, is model.shop.a",),
    )  # fmt: skip
    return CaseResult(
        case=Case(project="shop", fault="ref_typo", seed=seed), fits=True, noticed="red",
        detail=f"place {seed} <script>", faults=(FAULT,), grades=(judged,),
        controls=controls_of(FAULT),
    )  # fmt: skip


UNFIT = CaseResult(case=Case(project="shop", fault="macro_renamed"), fits=False, why_not="no macro")


def test_scores_count_what_was_asked() -> None:
    found = score_of([result(), result(seed=1, right=False), result(seed=2, proof=None)])

    assert (found.faults, found.cause, found.fixable, found.proved) == (3, 2, 2, 2)
    assert not found.reached
    assert score_of([result()]).reached
    assert not score_of([result(forbidden=1)]).reached
    assert not result(forbidden=1).right


def test_controls_are_scored_on_the_same_cases() -> None:
    found = control_scores([result(), result(seed=1)])

    assert {name: one.right for name, one in found.items()} == {
        "do_nothing": 0,
        "revert_last_commit": 2,
    }


def test_every_verdict_is_shown() -> None:
    text = text_table([result(), result(seed=1, right=False), UNFIT], {"rules": False})

    assert "right  shop ref_typo seed 0" in text
    assert "WRONG  shop ref_typo seed 1" in text
    assert "root cause model.shop.b, is model.shop.a" in text
    assert "macro_renamed seed 0 (rules): does not fit: no macro" in text
    assert "do nothing" in text
    assert "revert last commit" in text
    green = next(line for line in text.splitlines() if line.startswith("  rules"))
    assert green.endswith("WRONG")


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = html_page([result(), UNFIT], {"rules": True})

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page
    assert "does not fit" in page


def test_the_matrix_has_a_column_a_project() -> None:
    rows = matrix([result(), result(seed=1, right=False), UNFIT])

    assert rows == [
        ("class", "shop"),
        ("`macro_renamed`", "does not fit"),
        ("`ref_typo`", "1/2 2/2 2/2"),
    ]
    assert markdown(rows).splitlines()[1] == "| --- | --- |"


def test_a_place_counts_once() -> None:
    twice = [result(), result(), result(seed=1)]

    assert [one.case.seed for one in distinct(twice)] == [0, 1]


def test_results_are_kept_for_the_code_that_gave_them(tmp_path: Path) -> None:
    folder = tmp_path
    one = result()
    Kept(folder, "old").put(one)

    assert Kept(folder, "old").get(one.case) == one
    assert Kept(folder, "new").get(one.case) is None
    assert Kept(folder, "new", any_version=True).get(one.case) == one
    assert Kept(None, "old").get(one.case) is None
