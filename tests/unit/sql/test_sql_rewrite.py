"""Textual edits of raw Jinja SQL: every case is (before, after), None where no edit is safe."""

from __future__ import annotations

import pytest

from agentic.sql.rewrite import (
    columns_read,
    rename_output_column,
    rename_source_column,
    replace_column_expression,
    replace_ref,
    replace_source,
)

S = "{{ source('shop', 'orders') }}"
R = "{{ ref('customers') }}"
STRPTIME = "strptime({col}, '%d/%m/%Y')"

RENAMES = {
    "bare": (f"select id, amount from {S}", f"select id, amt as amount from {S}"),
    "aliased": (f"select amount as x from {S}", f"select amt as x from {S}"),
    "implicit-alias": (f"select amount x from {S}", f"select amt x from {S}"),
    "qualified": (f"select o.amount from {S} o", f"select o.amt as amount from {S} o"),
    "named-by-relation": (
        f"select orders.amount from {S} join {R} on true",
        f"select orders.amt as amount from {S} join {R} on true",
    ),
    "expression": (f"select amount / 100 as usd from {S}", f"select amt / 100 as usd from {S}"),
    "where-group-order": (
        f"select amount, count(*) as n from {S} where amount > 0 group by amount order by amount",
        f"select amt as amount, count(*) as n from {S} where amt > 0 group by amt order by amount",
    ),
    "window": (
        f"select sum(amount) over (partition by id order by amount) as s from {S}",
        f"select sum(amt) over (partition by id order by amt) as s from {S}",
    ),
    "comments-and-strings": (
        f"select 'amount' as kind, -- amount\n  amount /* amount */ from {S}",
        f"select 'amount' as kind, -- amount\n  amt as amount /* amount */ from {S}",
    ),
    "import-cte": (
        f"with source as (select * from {S}), renamed as (select amount from source)\n"
        "select * from renamed",
        f"with source as (select * from {S}), renamed as (select amt as amount from source)\n"
        "select * from renamed",
    ),
    "only-the-right-relation": (
        f"select o.amount, c.amount as other from {S} o join {R} c on c.id = o.amount",
        f"select o.amt as amount, c.amount as other from {S} o join {R} c on c.id = o.amt",
    ),
    "star": (f"select * from {S}", f"select * rename (amt as amount) from {S}"),
    "star-and-mention": (
        f"select *, amount * 2 as twice from {S}",
        f"select * rename (amt as amount), amt * 2 as twice from {S}",
    ),
    "star-of-one-of-two": (
        f"select o.*, c.id as cid from {S} o join {R} c using (id)",
        f"select o.* rename (amt as amount), c.id as cid from {S} o join {R} c using (id)",
    ),
    "exclude": (
        f"with s as (select * from {S}) select * exclude (amount) from s",
        f"with s as (select * from {S}) select * exclude (amt) from s",
    ),
    "exclude-of-every-relation-is-wrapped": (
        f"select * exclude (amount) from {S} o join {R} c on true",
        f"select * exclude (amount) from (select * rename (amt as amount) from {S}) o"
        f" join {R} c on true",
    ),
    "qualify-means-the-column": (
        f"select id as amount from {S} qualify rank() over (order by amount) < 3",
        f"select id as amount from {S} qualify rank() over (order by amt) < 3",
    ),
    "order-means-the-output": (
        f"select amount * 2 as amount from {S} order by amount",
        f"select amt * 2 as amount from {S} order by amount",
    ),
    "macro-argument": (
        f"select {{{{ cents('amount') }}}} as usd from {S}",
        f"select {{{{ cents('amt') }}}} as usd from {S}",
    ),
    "incremental": (
        f"select amount from {S}\n{{% if is_incremental() %}}where amount > 1{{% endif %}}",
        f"select amt as amount from {S}\n{{% if is_incremental() %}}where amt > 1{{% endif %}}",
    ),
    "both-branches": (
        f"select amount from {S} "
        "{% if a %}where amount > 1{% else %}where amount > 2{% endif %}",
        f"select amt as amount from {S} "
        "{% if a %}where amt > 1{% else %}where amt > 2{% endif %}",
    ),
    "union-branch": (
        f"select amount from {S} union all select amount from {R}",
        f"select amt as amount from {S} union all select amount from {R}",
    ),
    "in-subquery": (
        f"select id from {R} where id in (select amount from {S})",
        f"select id from {R} where id in (select amt from {S})",
    ),
    "using-is-wrapped": (
        f"select a.id from {S} as a join {R} b using (amount)",
        f"select a.id from (select * rename (amt as amount) from {S}) as a"
        f" join {R} b using (amount)",
    ),
    "named-by-its-text-is-wrapped": (
        f"select upper(amount) from {S}",
        f"select upper(amount) from (select * rename (amt as amount) from {S}) as orders",
    ),
    "list-in-jinja-is-wrapped": (
        f"{{% set cols = ['amount'] %}}select {{{{ cols | join(',') }}}} from {S}",
        "{% set cols = ['amount'] %}select {{ cols | join(',') }} from "
        f"(select * rename (amt as amount) from {S}) as orders",
    ),
    "macro-that-looks": (
        f"select {{{{ dbt_utils.star(source('shop','orders')) }}}} from {S}",
        None,
    ),
    "not-read-here": (f"select id from {R}", None),
    "not-used-after-its-import": (
        f"with s as (select * from {S}) select id from s",
        None,
    ),
    "not-mentioned": (f"select id from {S}", None),
    "not-sql": (f"select from where {S}", None),
    "upper-case": ("SELECT AMOUNT AS A FROM " + S, "SELECT amt AS A FROM " + S),
}


@pytest.mark.parametrize(("before", "after"), RENAMES.values(), ids=RENAMES)
def test_renamed_source_column(before: str, after: str | None) -> None:
    found = rename_source_column(
        before,
        old="amount",
        new="amt",
        relation_markers=["source('shop','orders')"],
        dialect="duckdb",
    )

    assert found == after


STARS = {
    "snowflake": f"select * rename (amt as amount) from {S}",
    "bigquery": f"select * except (amt), amt as amount from {S}",
    "databricks": f"select * except (amt), amt as amount from {S}",
    "redshift": f"select * exclude (amt), amt as amount from {S}",
    "postgres": None,
}


@pytest.mark.parametrize(("dialect", "after"), STARS.items())
def test_a_star_in_each_dialect(dialect: str, after: str | None) -> None:
    found = rename_source_column(
        f"select * from {S}",
        old="amount",
        new="amt",
        relation_markers=["source('shop', 'orders')"],
        dialect=dialect,
    )

    assert found == after


def test_a_star_without_words_is_spelled_out_where_the_columns_are_known() -> None:
    found = rename_source_column(
        f"select * from {S}",
        old="amount",
        new="amt",
        relation_markers=["source('shop','orders')"],
        dialect="postgres",
        columns=["id", "amt", "Paid At"],
    )

    assert found == f'select id, amt as amount, "Paid At" from {S}'


@pytest.mark.parametrize(
    ("new", "dialect", "written"),
    [
        ("order", "duckdb", '"order"'),
        ("Amount USD", "duckdb", '"Amount USD"'),
        ("Amount", "postgres", '"Amount"'),
        ("amount usd", "bigquery", "`amount usd`"),
        ('a"b', "duckdb", '"a""b"'),
    ],
)
def test_names_are_quoted_where_they_must_be(new: str, dialect: str, written: str) -> None:
    found = rename_source_column(
        f"select x from {S}",
        old="x",
        new=new,
        relation_markers=["source('shop','orders')"],
        dialect=dialect,
    )

    assert found == f"select {written} as x from {S}"


def test_plain_sql_names_the_relation_by_its_name() -> None:
    found = rename_source_column(
        'select amount, "amount" as a from raw.shop.orders',
        old="amount",
        new="amt",
        relation_markers=['"raw"."shop"."orders"'],
        dialect="duckdb",
    )

    assert found == 'select amt as amount, "amt" as a from raw.shop.orders'


EXPRESSIONS = {
    "cast-around": (
        f"select cast(day as date) as day from {S}",
        f"select cast(strptime(day, '%d/%m/%Y') as date) as day from {S}",
    ),
    "bare": (f"select day from {S}", f"select strptime(day, '%d/%m/%Y') as day from {S}"),
    "star": (
        f"select * from {S}",
        f"select * replace (strptime(day, '%d/%m/%Y') as day) from {S}",
    ),
    "macro": (
        f"select {{{{ trunc('day') }}}} as day from {S}",
        f"select {{{{ trunc(\"strptime(day, '%d/%m/%Y')\") }}}} as day from {S}",
    ),
    "grouped": (
        f"select day, count(*) as n from {S} group by day",
        f"select strptime(day, '%d/%m/%Y') as day, count(*) as n from {S}"
        " group by strptime(day, '%d/%m/%Y')",
    ),
}


@pytest.mark.parametrize(("before", "after"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_replaced_expression(before: str, after: str) -> None:
    assert (
        replace_column_expression(before, column="day", template=STRPTIME, dialect="duckdb")
        == after
    )


def test_a_cast_is_not_doubled() -> None:
    found = replace_column_expression(
        f"select cast(day as date) as a, day as b from {S}",
        column="day",
        template="cast(strptime({col}, '%d/%m/%Y') as date)",
        dialect="duckdb",
    )

    assert found == (
        f"select cast(strptime(day, '%d/%m/%Y') as date) as a, "
        f"cast(strptime(day, '%d/%m/%Y') as date) as b from {S}"
    )


OUTPUTS = {
    "alias": (f"select a as old_name from {R}", f"select a as new_name from {R}"),
    "bare": (f"select old_name from {R}", f"select old_name as new_name from {R}"),
    "through-a-star": (
        f"with f as (select a as old_name from {R}) select * from f",
        f"with f as (select a as new_name from {R}) select * from f",
    ),
    "read-on-the-way": (
        f"with f as (select a as old_name from {R}) select *, old_name + 1 as b from f",
        f"with f as (select a as new_name from {R}) select *, new_name + 1 as b from f",
    ),
    "missing": (f"select a from {R}", None),
    "from-a-star": (f"select * from {R}", None),
}


@pytest.mark.parametrize(("before", "after"), OUTPUTS.values(), ids=OUTPUTS)
def test_renamed_output(before: str, after: str | None) -> None:
    assert rename_output_column(before, "old_name", "new_name") == after


def test_refs_and_sources_are_replaced_in_their_own_quotes() -> None:
    raw = "select * from {{ ref(\"a\") }} join {{ ref('p', 'a') }} {# ref('a') #} -- ref('a')"

    assert replace_ref(raw, "a", "b") == (
        "select * from {{ ref(\"b\") }} join {{ ref('p', 'b') }} {# ref('a') #} -- ref('a')"
    )
    assert replace_ref(raw, "zzz", "b") is None
    assert replace_source(f"from {S}", ("shop", "orders"), ("shop", "orders_v2")) == (
        "from {{ source('shop', 'orders_v2') }}"
    )


def test_columns_read_are_told_by_relation() -> None:
    raw = f"with s as (select * from {S}) select s.a, c.B from s join {R} c on c.id = s.id"

    assert columns_read(raw, "duckdb") == {
        "source('shop','orders')": {"a": "a", "id": "id"},
        "ref('customers')": {"b": "B", "id": "id"},
    }
    assert columns_read("select from", "duckdb") == {}
