"""What a change of a query's text changes: columns, rows, nothing, or nobody knows."""

from __future__ import annotations

import pytest

from agentic.sql.difference import ColumnChange, Difference, compare, compare_raw

BASE = (
    "with s as (select * from raw.o), r as (select id, amount / 100 as amt, cust, status from s"
    " where status = 'x' and id > 1) select id, amt, cust from r"
)
KNOWN = {"raw.o": ["id", "amount", "cust", "status"]}


def changed(new: str, old: str = BASE) -> Difference:
    return compare(old, new, "duckdb", KNOWN.get)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(BASE.replace("with", "-- why\nwith /* and how */"), id="comment"),
        pytest.param(BASE.upper().replace("'X'", "'x'"), id="case"),
        pytest.param(BASE.replace(" ", "\n  "), id="layout"),
        pytest.param(
            BASE.replace("cust from r", "cust from r as z").replace(
                "select id, amt,", "select z.id, amt,"
            ),
            id="alias",
        ),
        pytest.param(
            "select o.id, o.amount / 100 as amt, o.cust from raw.o as o"
            " where (o.id > 1) and (o.status = 'x')",
            id="without-ctes",
        ),
        pytest.param(BASE.replace("), r as", "), unused as (select 1 as n), r as"), id="unused"),
        pytest.param(BASE + " order by id", id="order"),
    ],
)
def test_what_is_no_change(new: str) -> None:
    assert changed(new).same


@pytest.mark.parametrize(
    ("new", "columns", "rows"),
    [
        (BASE.replace("/ 100", "/ 10"), [("amt", "changed", "")], False),
        (
            BASE.replace("amount / 100", "cast(amount / 100 as int)"),
            [("amt", "retyped", "")],
            False,
        ),
        (BASE.replace("id, amt, cust from r", "id, amt from r"), [("cust", "removed", "")], False),
        (
            BASE.replace("id, amt, cust from r", "id, amt, cust, status from r"),
            [("status", "added", "")],
            False,
        ),
        (
            BASE.replace("select id, amt", "select id as key, amt"),
            [("id", "renamed", "key")],
            False,
        ),
        (BASE.replace("'x'", "'y'"), [], True),
        (BASE.replace("from raw.o", "from raw.o limit 5"), [], True),
        (BASE.replace("select id, amt", "select distinct id, amt"), [], True),
        (BASE + " left join raw.p using (id)", [], True),
    ],
)
def test_classes_of_change(new: str, columns: list[tuple[str, str, str]], rows: bool) -> None:
    found = changed(new)

    assert [(one.column, one.kind, one.now) for one in found.columns] == columns
    assert found.rows is rows


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select a from t group by a", "select a from t group by a, b"),
        ("select sum(a) as a from t", "select sum(a) as a from t group by b"),
        ("select a from t union all select a from u", "select a from t union select a from u"),
        ("select a.x from t a join u b on a.i = b.i",
         "select a.x from t a left join u b on a.i = b.i"),
        ("select a from t where exists (select 1 from u)",
         "select a from t where exists (select 1 from v)"),
        ("select a from t qualify row_number() over (partition by b order by c) = 1",
         "select a from t qualify row_number() over (partition by b order by d) = 1"),
    ],
)  # fmt: skip
def test_grain_joins_and_filters_change_rows(old: str, new: str) -> None:
    assert changed(new, old).rows
    assert changed(old, old).same


def test_two_sides_of_a_self_join_are_two_relations() -> None:
    old = "select a.x, b.x as y from t a join t b on a.i = b.j"
    found = changed("select b.x, a.x as y from t a join t b on a.i = b.j", old)

    assert {one.column for one in found.columns} == {"x", "y"}


def test_order_of_columns_alone() -> None:
    found = changed("select b, a from t", "select a, b from t")

    assert found == Difference(reordered=True)


def test_raw_code_is_compared_with_its_jinja() -> None:
    old = (
        "{{ config(materialized='table') }} select {{ cents('a') }} as x, b from {{ ref('t') }}"
        " {% if is_incremental() %} where b > 1 {% endif %}"
    )

    assert compare_raw(old, old.replace("{{ ref('t') }}", "{{ref( 't' )}} -- hi\n"), "duckdb").same
    assert compare_raw(old, old.replace("'table'", "'view'"), "duckdb") == Difference(config=True)
    assert compare_raw(old, old.replace("b > 1", "b > 2"), "duckdb").rows
    assert compare_raw(old, old.replace("cents('a')", "cents('c')"), "duckdb").columns == (
        ColumnChange("x", "changed"),
    )
    assert compare_raw(old, old.replace("ref('t')", "ref('u')"), "duckdb").rows
    logic = compare_raw(old, old.replace("is_incremental()", "var('x')"), "duckdb")
    assert logic.unknown == "Jinja blocks changed"


@pytest.mark.parametrize("new", ["select a from", "drop table t", "select * from t, lateral ("])
def test_what_cannot_be_read_says_so(new: str) -> None:
    found = changed(new, "select a from t")

    assert found.unknown
    assert not found.same
