"""Which figures moved between two profiles: any that differ, and no rounding."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.history import ColumnProfile, RelationProfile, TopValue
from agentic.history.moves import moves


def profile(rows: int = 100, looked_at: int | None = None, **given: Any) -> RelationProfile:
    figures = {"kind": "number", "type": "DOUBLE", "distinct": 40, "sum": 1000.0, **given}
    column = ColumnProfile(name="amount", **figures)
    return RelationProfile("main.orders", rows, (column,), looked_at=looked_at or rows)


def test_equal_profiles_and_sums_in_another_order_are_no_move() -> None:
    assert moves(profile(), profile(sum=1000.0000000001)) == ()


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (profile(rows=62, looked_at=62), "rows 100 → 62"),
        (profile(sum=900.0), "amount: sum 1,000 → 900"),
        (profile(nulls=3), "amount: nulls 0 → 3"),
        (profile(distinct=39), "amount: distinct 40 → 39"),
    ],
)
def test_a_figure_that_differs_is_named_with_both_values(now: RelationProfile, text: str) -> None:
    assert [one.text for one in moves(profile(), now)] == [text]


def test_categories_move_where_their_rows_do() -> None:
    def shares(paid: int) -> RelationProfile:
        top = (TopValue("paid", paid, paid / 100), TopValue("open", 100 - paid, 1 - paid / 100))
        return profile(kind="text", type="TEXT", sum=None, top=top)

    assert [one.text for one in moves(shares(60), shares(50))] == ["amount: rows of open 40 → 50"]


def test_new_gone_retyped_and_masked_columns_are_no_move() -> None:
    for other in ({"kind": "text", "sum": None}, {"masked": True, "sum": None, "distinct": 2}):
        assert moves(profile(), profile(**other)) == ()


def test_dates_of_code_that_asks_for_the_present_and_samples_do_not_count() -> None:
    dated: dict[str, Any] = {"kind": "date", "type": "DATE", "sum": None}
    early, late = profile(**dated, max="2026-01-01"), profile(**dated, max="2026-01-02")

    assert len(moves(early, late)) == 1
    assert moves(early, late, clocks=False) == ()
    assert moves(profile(looked_at=50), profile(looked_at=50, sum=2.0)) == ()
