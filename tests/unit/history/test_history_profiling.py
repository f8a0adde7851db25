"""What a relation holds: one bounded query, masked where it must be, whatever its names are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from agentic.history import daily_series, profile_relation, time_column
from agentic.project import Target
from agentic.sql.figures import kind_of
from agentic.warehouse import Connection, Relation, open_connection

Open = Callable[[str], Connection]


@pytest.fixture
def shop(tmp_path: Path) -> Open:
    """Opens a warehouse that a statement has filled."""

    def opened(sql: str) -> Connection:
        with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
            session.execute(sql)
        target = Target(
            name="dev",
            adapter="duckdb",
            schema="main",
            database="shop",
            settings={"path": "shop.duckdb"},
        )
        return open_connection(target, project_root=tmp_path)

    return opened


def table(name: str = "t") -> Relation:
    return Relation(None, "main", name)


ORDERS = """
create table t as select
    i as id, (i % 7) * 1.5 as amount, case when i % 10 = 0 then null else 'card' end as method,
    i % 2 = 0 as paid, timestamp '2026-01-01' + to_days((i // 20)::integer) as ordered_at,
    'a' || i || '@example.com' as email
from range(200) r(i)
"""


def test_figures_of_every_kind_of_column(shop: Open) -> None:
    with shop(ORDERS) as connection:
        found = profile_relation(connection, table())

    assert found is not None
    assert (found.rows, found.looked_at) == (200, 200)
    ids, method, paid = found.by_name["id"], found.by_name["method"], found.by_name["paid"]
    assert (ids.min, ids.max, ids.sum, ids.distinct, ids.nulls) == (0, 199, 19900.0, 200, 0)
    assert (method.nulls, method.null_rate) == (20, 0.1)
    assert [(top.value, top.rows, top.share) for top in method.top] == [("card", 180, 0.9)]
    assert paid.sum == 100.0
    assert {top.value: top.rows for top in paid.top} == {"true": 100, "false": 100}
    assert found.by_name["ordered_at"].min == "2026-01-01T00:00:00"
    assert found.mean("id") == 99.5
    assert len(found.queries) == 2


def test_masked_columns_give_counts_alone(shop: Open) -> None:
    with shop(ORDERS) as connection:
        found = profile_relation(connection, table(), masked={"EMAIL", "method"})

    assert found is not None
    for name in ("email", "method"):
        column = found.by_name[name]
        assert (column.masked, column.min, column.max, column.top) == (True, None, None, ())
    assert found.by_name["email"].distinct == 200
    assert "example.com" not in str(found)


def test_a_star_masks_every_column(shop: Open) -> None:
    with shop(ORDERS) as connection:
        found = profile_relation(connection, table(), masked={"*"})

    assert found is not None
    assert all(column.masked and column.sum is None for column in found.columns)


def test_values_that_look_personal_are_masked_by_pattern(shop: Open) -> None:
    with shop("create table t as select 'ann@example.com' as contact from range(3)") as connection:
        found = profile_relation(connection, table())

    assert found is not None
    assert found.columns[0].min == "[email]"
    assert found.columns[0].top[0].value == "[email]"


def test_all_rows_are_counted_where_few_are_looked_at(shop: Open) -> None:
    with shop(ORDERS) as connection:
        found = profile_relation(connection, table(), max_rows=50)

    assert found is not None
    assert (found.rows, found.looked_at) == (200, 50)
    assert found.by_name["id"].distinct == 50


def test_an_empty_relation_has_no_rates(shop: Open) -> None:
    with shop("create table t (a integer, b varchar)") as connection:
        found = profile_relation(connection, table())

    assert found is not None
    assert [(c.nulls, c.null_rate, c.distinct, c.min) for c in found.columns] == [
        (0, 0.0, 0, None)
    ] * 2


def test_a_missing_relation_has_no_profile(shop: Open) -> None:
    with shop("select 1") as connection:
        assert profile_relation(connection, table("nowhere")) is None


@pytest.mark.parametrize(
    "name",
    ['with "quotes"', "dots.in.it", "naïve 🦆", "Select", "it's; drop table t", "%s {{ x }}"],
)
def test_names_may_hold_anything(shop: Open, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    sql = f"create table {quoted} as select 'x' as {quoted}, date '2026-01-01' as day"
    with shop(sql) as connection:
        found = profile_relation(connection, table(name))
        assert found is not None
        series = daily_series(connection, table(name), found)

    assert found.columns[0].name == name
    assert found.columns[0].top[0].value == "x"
    assert series is not None
    assert series.days[0].columns[name].nulls == 0


def test_types_that_do_not_aggregate_are_counted(shop: Open) -> None:
    sql = """create table t as select {'a': 1} as s, [1, 2] as l, 'x'::blob as b,
        interval 1 day as i, uuid() as u, 'nan'::double as f"""
    with shop(sql) as connection:
        found = profile_relation(connection, table())

    assert found is not None
    assert [column.nulls for column in found.columns] == [0] * 6
    assert found.by_name["u"].distinct == 1
    assert found.by_name["f"].sum is None


def test_days_of_a_relation_from_its_own_rows(shop: Open) -> None:
    with shop(ORDERS) as connection:
        profile = profile_relation(connection, table())
        assert profile is not None
        series = daily_series(connection, table(), profile, days=4)

    assert series is not None
    assert series.column == "ordered_at"
    assert [day.day for day in series.days] == [f"2026-01-0{n}" for n in (7, 8, 9)] + ["2026-01-10"]
    last = series.days[-1]
    assert last.rows == 20
    assert last.columns["method"].nulls == 2
    assert last.columns["paid"].sum == 10.0
    assert last.columns["paid"].counts == {"false": 10, "true": 10}
    assert series.values("id", "sum")[-1] == ("2026-01-10", 3790.0)


def test_dates_kept_as_text_are_days_too(shop: Open) -> None:
    day = "'2026-02-0' || (1 + i % 3) || ' 10:00'"
    sql = f"create table t as select {day} as at, i from range(9) r(i)"
    with shop(sql) as connection:
        profile = profile_relation(connection, table())
        assert profile is not None
        series = daily_series(connection, table(), profile)

    assert series is not None
    assert [(day.day, day.rows) for day in series.days] == [(f"2026-02-0{n}", 3) for n in (1, 2, 3)]


def test_a_time_is_chosen_by_what_it_says(shop: Open) -> None:
    sql = """create table t as select date '1980-01-01' + i::integer as date_of_birth,
        date '2026-01-01' + i::integer as ordered_on, timestamp '2026-03-01' as loaded_at
        from range(30) r(i)"""
    with shop(sql) as connection:
        profile = profile_relation(connection, table())

    assert profile is not None
    chosen = time_column(profile)
    declared = time_column(profile, "LOADED_AT")
    assert chosen is not None and chosen.name == "ordered_on"
    assert declared is not None and declared.name == "loaded_at"


def test_without_a_time_there_are_no_days(shop: Open) -> None:
    with shop("create table t as select 1 as id") as connection:
        profile = profile_relation(connection, table())
        assert profile is not None

        assert daily_series(connection, table(), profile) is None


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("DECIMAL(10,2)", "number"),
        ("character varying(20)", "text"),
        ("timestamp without time zone", "timestamp"),
        ("VARCHAR[]", "other"),
        ("STRUCT(a INTEGER)", "other"),
        ("INTERVAL", "other"),
        ("double precision", "number"),
        ("Nullable(String)", "text"),
        ("NUMBER(38,0)", "number"),
        ("jsonb", "other"),
    ],
)
def test_kinds_of_types(written: str, kind: str) -> None:
    assert kind_of(written) == kind
