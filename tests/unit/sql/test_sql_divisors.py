"""Columns that a query divides by, unguarded."""

from __future__ import annotations

import pytest

from agentic.sql.divisors import bare_divisors


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select a / b as c from t", ("b",)),
        ("select o.a / cast(o.B as double) + a / c as c from t as o", ("b", "c")),
        ("select a / nullif(b, 0) as c from t", ()),
        ("select a / 100 as c from t", ()),
        ("select case when b > 0 then a / b end as c from t", ()),
        ("select case when x > 0 then a / b end as c from t", ("b",)),
        ("select a / b as c from t where b <> 0", ()),
        ("select a / b as c from t where x <> 0", ("b",)),
        ("select a from t", ()),
        ("select a / from", ()),
    ],
)
def test_a_divisor_is_a_column_that_nothing_guards(sql: str, names: tuple[str, ...]) -> None:
    assert bare_divisors(sql, "duckdb") == names
