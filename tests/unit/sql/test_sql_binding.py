"""A value becomes a literal and stays one, whatever it says."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.exceptions import SqlError
from agentic.sql import exp, parse
from agentic.sql.binding import bound, places

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "tsql", "mysql", "trino")
NASTY = (
    "x' or '1'='1",
    "x'; drop table orders; --",
    "\\'; drop table orders; --",
    "x\\",
    "$$; drop",
    "*/ drop /*",
    "{{ ref('x') }}",
    ":other",
    "é' --",
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("value", NASTY)
def test_text_stays_one_literal(dialect: str, value: str) -> None:
    sql = "select a from orders where name = :name and b = 1"

    found = bound(sql, {"name": value}, {}, dialect=dialect)

    literals = [one.this for one in parse(found, dialect).find_all(exp.Literal) if one.is_string]
    assert literals == [value]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, "", "3"),
        (-3, "", "-3"),
        (1e-7, "", "0.0000001"),
        (True, "", "TRUE"),
        (None, "", "NULL"),
        ("2026-01-31", "date", "CAST('2026-01-31' AS DATE)"),
        ("2026-01-31T10:00:00", "date-time", "CAST('2026-01-31T10:00:00' AS TIMESTAMP)"),
    ],
)
def test_values_are_written_by_their_kind(value: Any, kind: str, expected: str) -> None:
    found = bound("select a from t where b = :v", {"v": value}, {"v": kind}, dialect="duckdb")

    assert found == f"SELECT a FROM t WHERE b = {expected}"


def test_places_are_names_and_casts_are_none() -> None:
    sql = "select a::date, ':no' from t where b > :since and c = :since limit :n -- :comment"

    assert places(sql, "duckdb") == ("n", "since")


@pytest.mark.parametrize("sql", ["select ?", "select $1"])
def test_other_places_are_refused(sql: str) -> None:
    with pytest.raises(SqlError):
        places(sql, "duckdb")


@pytest.mark.parametrize("value", [["a"], {"a": 1}, "a\x00b", "a\nb"])
def test_what_is_no_plain_value_is_refused(value: Any) -> None:
    with pytest.raises(SqlError):
        bound("select a from t where b = :v", {"v": value}, {}, dialect="duckdb")


def test_a_place_without_a_value_is_refused() -> None:
    with pytest.raises(SqlError, match="no value"):
        bound("select a from t where b = :v", {}, {}, dialect="duckdb")
