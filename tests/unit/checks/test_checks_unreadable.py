"""A safe cast may read as null what is no number, and nothing else."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agentic.checks import Subject
from agentic.checks.unreadable import became_null
from agentic.records import Finding, RootCause
from agentic.warehouse import Column, Relation, Rows
from agentic.workspace import RelationDiff


class Live:
    """One column on both sides: its types, and how many rows hold null."""

    dialect = "duckdb"

    def __init__(self, **sides: tuple[str, int]) -> None:
        self.sides = sides

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        return (Column("amount", self.sides[relation.schema][0]),)

    def query(self, sql: str, *, max_rows: int) -> Rows:
        side = "old" if '"old"' in sql else "new"
        assert '"amount" IS NULL' in sql
        return Rows(("n",), ((self.sides[side][1],),)[:max_rows], False)


def said(
    cls: str = "src_type_changed",
    *,
    before: tuple[str, int] = ("VARCHAR", 2),
    after: tuple[str, int] = ("BIGINT", 9),
    changed: int = 7,
) -> str:
    finding = Finding("AR015", cls, RootCause("source.shop.raw.orders", "amount", None), 0.9, "")
    nothing: Any = None
    subject = Subject(nothing, nothing, nothing, nothing, "duckdb", finding=finding)
    sides = [Relation("db", place, "orders") for place in ("old", "new")]
    diff = RelationDiff(compared=True, by="key", changed={"amount": changed}, rows_changed=changed)
    return became_null(subject, cast("Any", Live(old=before, new=after)), sides[0], sides[1], diff)


def test_every_changed_text_that_became_null_is_told() -> None:
    assert said() == "7 rows whose amount is no value of the needed type hold null"


@pytest.mark.parametrize(
    "given",
    [
        {"changed": 8},  # one of them holds another value
        {"after": ("VARCHAR", 9)},
        {"before": ("BIGINT", 2)},
        {"cls": "wrong_filter"},
    ],
)
def test_any_other_change_of_values_is_not_excused(given: dict[str, Any]) -> None:
    assert said(**given) == ""
