"""The pure parts that rules are made of."""

from __future__ import annotations

import re

import pytest

from agentic.records import page
from agentic.rules import rules
from agentic.rules.formats import DATES, TIMES, Fit, fit_sql, fits_of, parse_template
from agentic.rules.hunks import hunks_between
from agentic.rules.likeness import edit_distance, likeness, nearest, same_family


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("amount", "amount_usd", True),
        ("customerId", "customer_id", True),
        ("quantity", "qty", True),
        ("user_id", "customer_key", False),
        ("amount", "loaded_at", False),
    ],
)
def test_likeness_of_names(one: str, other: str, alike: bool) -> None:
    assert (likeness(one, other) >= 0.55) is alike


def test_nearest_is_one_or_none() -> None:
    assert nearest("stg_ordres", {"stg_orders", "stg_payments"}) == "stg_orders"
    assert nearest("stg_order3", {"stg_order1", "stg_order2"}) is None
    assert nearest("refunds", {"orders"}) is None
    assert edit_distance("gruop", "group") == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("DECIMAL(10,2)", "bigint", True),
        ("character varying(20)", "TEXT", True),
        ("date", "timestamp without time zone", True),
        ("INTEGER[]", "INTEGER", False),
        ("VARCHAR", "INTEGER", False),
        ("", "INTEGER", None),
    ],
)
def test_families_of_types(one: str, other: str, same: bool | None) -> None:
    assert same_family(one, other) is same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("x\ny\nx\ny\nx\n", "x\ny\nx\nz\nx\n"),
        ("a\r\nb\r\n", "a\r\nc\r\n"),
        ("a\n", "a\nb\n"),
        ("only", "other"),
    ],
)
def test_hunks_apply_one_by_one(before: str, after: str) -> None:
    text = before
    for old, new in hunks_between(before, after):
        assert text.count(old) == 1
        text = text.replace(old, new)

    assert text == after


def test_equal_texts_have_no_hunks() -> None:
    assert hunks_between("a\n", "a\n") == []


def matching(value: str) -> list[str]:
    days = [f for f, p in DATES.items() if re.search(f"^{p}($|[ T])", value)]
    hours = [f for f, p in TIMES.items() if re.search(f"[0-9]{p}$" if p else "^[^:]*$", value)]
    return [day + hour for day in days for hour in hours]


@pytest.mark.parametrize(
    ("value", "forms"),
    [
        ("31/12/2024", ["%d/%m/%Y"]),
        ("12/31/2024", ["%m/%d/%Y"]),
        ("03/04/2024", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("31/12/2024 10:00:00", ["%d/%m/%Y %H:%M:%S"]),
        ("2024-12-31T10:00:00Z", ["%Y-%m-%dT%H:%M:%SZ"]),
        ("20241231", ["%Y%m%d"]),
        ("31 Dec 2024", ["%d %b %Y"]),
        ("2024-12-31 10:00", ["%Y-%m-%d %H:%M"]),
        ("n/a", []),
        ("99/99/2024", []),
    ],
)
def test_a_value_fits_its_format(value: str, forms: list[str]) -> None:
    assert matching(value) == forms


def test_a_format_counts_only_when_every_value_fits() -> None:
    counts = {**dict.fromkeys(DATES, 0), "%d/%m/%Y": 9, "%m/%d/%Y": 10}
    hours = {**dict.fromkeys(TIMES, 0), "": 10}

    assert Fit(10, counts, hours).formats() == ("%m/%d/%Y",)
    assert Fit(11, counts, hours).formats() == ()
    assert Fit(0, counts, hours).formats() == ()


def test_fits_are_read_back_column_by_column() -> None:
    width = 1 + len(DATES) + len(TIMES)
    sql = fit_sql(["a", 'b"'], '"raw"."t"', "duckdb")

    assert sql.count(" as n") == 2 * width
    assert '"b"""' in sql
    assert [fit.filled for fit in fits_of([7, *[0] * (width - 1), 5, *[0] * (width - 1)])] == [7, 5]


@pytest.mark.parametrize(
    ("dialect", "form", "as_date", "template"),
    [
        ("duckdb", "%d/%m/%Y", True, "cast(strptime({col}, '%d/%m/%Y') as date)"),
        ("duckdb", "%d/%m/%Y %H:%M", False, "strptime({col}, '%d/%m/%Y %H:%M')"),
        ("postgres", "%d/%m/%Y", True, "to_date({col}, 'DD/MM/YYYY')"),
        (
            "postgres",
            "%d/%m/%YT%H:%M:%S",
            False,
            "cast(to_timestamp({col}, 'DD/MM/YYYY\"T\"HH24:MI:SS') as timestamp)",
        ),
        ("duckdb", "%Y-%m-%d", True, "cast({col} as date)"),
    ],
)
def test_each_dialect_parses_in_its_own_words(
    dialect: str, form: str, as_date: bool, template: str
) -> None:
    assert parse_template(form, dialect, as_date=as_date) == template


def test_every_rule_has_a_page() -> None:
    for one in rules():
        found = page(one.code)
        assert found is not None
        assert found.name == one.cls
        assert found.what
        assert found.why
        assert found.fix
        assert found.example
