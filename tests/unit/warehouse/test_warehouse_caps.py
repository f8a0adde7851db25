"""The caps on an answer, and names of relations."""

from __future__ import annotations

import pytest

from agentic.warehouse import Relation
from agentic.warehouse.relation import cap


@pytest.mark.parametrize(
    ("rows", "max_rows", "max_bytes", "kept", "truncated"),
    [
        pytest.param([], 2, 10, 0, False, id="none"),
        pytest.param([("a",), ("b",)], 2, 10, 2, False, id="exactly"),
        pytest.param([("a",), ("b",), ("c",)], 2, 10, 2, True, id="one-more"),
        pytest.param([("aaaa",), ("bbbb",), ("c",)], 9, 8, 2, True, id="bytes"),
        pytest.param([("a" * 99,)], 9, 8, 1, False, id="one-row-is-always-shown"),
    ],
)
def test_caps(
    rows: list[tuple[str]], max_rows: int, max_bytes: int, kept: int, truncated: bool
) -> None:
    found, more = cap(rows, max_rows, max_bytes)

    assert (len(found), more) == (kept, truncated)


def test_nothing_is_read_beyond_the_cap() -> None:
    rows = ((number,) for number in range(10))

    cap(rows, 3, 1000)

    assert next(rows) == (4,)


def test_a_name_is_quoted_part_by_part() -> None:
    relation = Relation("shop", "raw.data", 'a"b')

    assert relation.sql("duckdb") == '"shop"."raw.data"."a""b"'
    assert str(Relation(None, "raw", "orders")) == "raw.orders"
