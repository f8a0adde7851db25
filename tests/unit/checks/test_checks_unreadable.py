"""A safe cast may read as null what is no number, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from agentic.checks import Subject
from agentic.checks.unreadable import became_null
from agentic.records import Finding, RootCause
from agentic.warehouse import Relation
from agentic.warehouse.duckdb_driver import DuckdbConnection
from agentic.workspace import RelationDiff

TEXTS = ("10", "n/a", None, "-3.5", "?")
CAST = "try_cast(amount as decimal(10, 2))"


def said(after: str = CAST, *, cls: str = "src_type_changed", before: str = "amount") -> str:
    session = duckdb.connect()
    session.execute("create schema old; create schema new")
    session.execute("create table raw (amount varchar)")
    session.executemany("insert into raw values (?)", [[text] for text in TEXTS])
    session.execute(f"create table old.orders as select {before} as amount from raw")
    session.execute(f"create table new.orders as select {after} as amount from raw")
    changed = session.execute(
        f"select count({before}) from raw where {after} is null "
        f"or try_cast({before} as double) is distinct from try_cast({after} as double)"
    ).fetchall()[0][0]
    finding = Finding("AR015", cls, RootCause("source.shop.raw.orders", "amount", None), 0.9, "")
    nothing: Any = None
    subject = Subject(nothing, nothing, nothing, nothing, "duckdb", finding=finding)
    old, new = (Relation("memory", place, "orders") for place in ("old", "new"))
    diff = RelationDiff(compared=True, by="key", changed={"amount": changed}, rows_changed=changed)
    with DuckdbConnection(session, Path("memory"), writable=False) as connection:
        return became_null(subject, connection, old, new, diff)


def test_every_changed_text_that_became_null_is_told() -> None:
    assert said() == "2 rows whose amount is no value of the needed type hold null"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"after": "coalesce(try_cast(amount as bigint), 0)"}, id="filled"),
        pytest.param({"after": "nullif(amount, 'n/a')"}, id="text-as-before"),
        pytest.param({"before": "length(amount)"}, id="was-no-text"),
        pytest.param({"cls": "wrong_filter"}, id="another-class"),
        pytest.param({"after": "try_cast(null as decimal(10, 2))"}, id="numbers-lost-too"),
        pytest.param(
            {"after": "case when amount like '-%' then null else try_cast(amount as bigint) end"},
            id="a-number-lost",
        ),
    ],
)
def test_any_other_change_of_values_is_not_excused(given: dict[str, Any]) -> None:
    assert said(**given) == ""
