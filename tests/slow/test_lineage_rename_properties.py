"""Renamed columns on a real DuckDB: the edited query answers as the old one did before."""

from __future__ import annotations

import re

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agentic.sql import jinja
from agentic.sql.rewrite import rename_source_column, replace_column_expression

pytestmark = pytest.mark.slow

ORDERS = "{{ source('shop', 'orders') }}"
PAYMENTS = "{{ ref('payments') }}"
SETUP = """
create table orders as
    select i as id, (i * 7) % 13 as amount, i % 3 as cust, 'a' || (i % 2) as status
    from range(12) t(i);
create table payments as select i as id, i % 5 as order_id, i * 2 as amount, i % 3 as cust
    from range(9) t(i);
"""
RENAME = "alter table orders rename column amount to {new}"

columns = st.sampled_from(["id", "amount", "cust", "status", "AMOUNT", '"amount"'])
numbers = st.sampled_from(["id", "amount", "cust"])
aliases = st.sampled_from(["", "o", "src"])


@st.composite
def expressions(draw: st.DrawFn, prefix: str, names: st.SearchStrategy[str]) -> str:
    column = prefix + draw(names)
    return draw(
        st.sampled_from(
            [
                column,
                f"{column} + 1",
                f"coalesce({column}, 0)",
                f"case when {column} > 3 then {prefix}id else {column} end",
                f"cast({column} as varchar)",
                f"{column}::double / 2",
                f"({column})",
                f"sum({column}) over (partition by {prefix}cust order by {prefix}id, {column})",
                f"row_number() over (order by {column}, {prefix}id)",
                f"(select max(p.amount) from {PAYMENTS} p where p.order_id = {column})",
                "'amount'",
            ]
        )
    )


@st.composite
def items(draw: st.DrawFn, prefix: str) -> str:
    found = []
    for index in range(draw(st.integers(1, 4))):
        text = draw(st.one_of(columns.map(lambda c: prefix + c), expressions(prefix, numbers)))
        name = draw(st.sampled_from(["", "", f"as c{index}", f"c{index}", "as amount"]))
        found.append(f"{text} {name}".strip())
    star = draw(st.sampled_from(["", "", "*", f"{prefix}*" if prefix else "*"]))
    if star:
        star += draw(st.sampled_from(["", "", " exclude (status)", " exclude (amount)"]))
        found.insert(draw(st.integers(0, len(found))), star)
    comma = draw(st.sampled_from([", ", ",\n    ", "\n    , ", ", -- amount\n    "]))
    return comma.join(found)


@st.composite
def tails(draw: st.DrawFn, prefix: str) -> str:
    where = draw(
        st.sampled_from(
            [
                "",
                f" where {prefix}amount > 2 and 'amount' <> {prefix}status",
                f" where {prefix}id in (select order_id from {PAYMENTS} where amount > 3)",
                f" where exists (select 1 from {PAYMENTS} p where p.order_id = {prefix}amount)",
                f" where {prefix}amount in (select amount from {ORDERS} where cust = 1)",
                f"\n{{% if is_incremental() %}} where {prefix}amount > 1 {{% endif %}}",
            ]
        )
    )
    last = draw(
        st.sampled_from(
            [
                "",
                f" qualify rank() over (partition by {prefix}cust order by {prefix}amount) < 3",
                f" order by {prefix}amount, {prefix}id",
                " order by 1",
            ]
        )
    )
    return where + last


@st.composite
def selects(draw: st.DrawFn, relation: str = ORDERS) -> str:
    alias = draw(aliases)
    prefix = f"{alias}." if alias and draw(st.booleans()) else ""
    as_ = f" {draw(st.sampled_from(['as ', '']))}{alias}" if alias else ""
    kind = draw(st.sampled_from(["plain", "plain", "group", "join", "using", "distinct"]))
    if kind == "group":
        by = draw(st.sampled_from([f"{prefix}amount", f"{prefix}cust", "1"]))
        key = f"{prefix}amount" if by == "1" else by
        conditions = ["", f" having sum({prefix}amount) > 2", " having total > 1"]
        having = draw(st.sampled_from(conditions))
        return (
            f"select {key}, sum({prefix}amount) as total, count(*) as n from {relation}{as_}"
            f" group by {by}{having}"
        )
    if kind in ("join", "using"):
        name = alias or "o"
        on = f"using ({draw(st.sampled_from(['cust', 'amount']))})"
        if kind == "join":
            on = f"on {name}.id = p.order_id and p.amount >= {name}.amount"
        side = draw(st.sampled_from(["join", "left join"]))
        return (
            f"select {draw(items(f'{name}.'))}, p.amount as paid from {relation} as {name}"
            f" {side} {PAYMENTS} p {on}"
        )
    word = "select distinct" if kind == "distinct" else "select"
    return f"{word} {draw(items(prefix))}\nfrom {relation}{as_}{draw(tails(prefix))}"


@st.composite
def queries(draw: st.DrawFn) -> str:
    shape = draw(st.sampled_from(["one", "import", "import", "union", "nested", "chain"]))
    if shape == "one":
        return draw(selects())
    if shape == "union":
        return f"select id, amount from {ORDERS} union all select amount, id from {PAYMENTS}"
    if shape == "nested":
        return f"select * from (\n  {draw(selects())}\n) as inside"
    with_ = f"with src as (\n    select * from {ORDERS}\n)"
    if shape == "import":
        return f"{with_}, final as (\n{draw(selects('src'))}\n)\nselect * from final"
    return (
        f"{with_}, mid as (select * from src where amount > 0),\n"
        f"last as (\n{draw(selects('mid'))}\n)\nselect last.* from last"
    )


def rendered(raw: str) -> str:
    text = raw.replace(ORDERS, "orders").replace(PAYMENTS, "payments")
    return re.sub(r"\{%.*?%\}", "", text)


Answer = tuple[list[str], list[tuple[object, ...]]]


def answer(session: duckdb.DuckDBPyConnection, raw: str) -> Answer:
    found = session.execute(rendered(raw))
    names = [column[0] for column in found.description or ()]
    return names, sorted(found.fetchall(), key=repr)


def session() -> duckdb.DuckDBPyConnection:
    one = duckdb.connect()
    one.execute(SETUP)
    return one


SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@SETTINGS
@given(queries(), st.sampled_from(["amt", "order", "Amount USD", "AMOUNT_2"]), st.booleans())
def test_a_renamed_column_changes_no_answer(raw: str, new: str, known: bool) -> None:
    warehouse = session()
    try:
        before = answer(warehouse, raw)
    except duckdb.Error:
        assume(False)
    warehouse.execute(RENAME.format(new='"' + new + '"'))

    edited = rename_source_column(
        raw,
        old="amount",
        new=new,
        relation_markers=["source('shop','orders')"],
        dialect="duckdb",
        columns=["id", new, "cust", "status"] if known else (),
    )

    # None where nothing in the query reads the column: it still runs as it is.
    assert answer(warehouse, edited or raw) == before, edited


@SETTINGS
@given(queries())
def test_edits_touch_nothing_but_sql_of_the_relation(raw: str) -> None:
    edited = rename_source_column(
        raw, old="amount", new="amt", relation_markers=["source('shop','orders')"], dialect="duckdb"
    )

    assume(edited is not None)
    assert comments(edited or "") == comments(raw)
    assert re.findall(r"'[^']*'", edited or "") == re.findall(r"'[^']*'", raw)
    assert [tag.inner for tag in jinja.tags(edited or "")] == [tag.inner for tag in jinja.tags(raw)]


@SETTINGS
@given(queries())
def test_a_wrapped_column_changes_no_answer(raw: str) -> None:
    warehouse = session()
    try:
        before = answer(warehouse, raw)
    except duckdb.Error:
        assume(False)
    warehouse.execute("alter table orders alter column amount type varchar using 'n' || amount")

    edited = replace_column_expression(
        raw,
        column="amount",
        template="cast(substr({col}, 2) as bigint)",
        dialect="duckdb",
        relation_markers=["source('shop','orders')"],
    )

    assert answer(warehouse, edited or raw) == before, edited


def comments(text: str) -> list[str]:
    return re.findall(r"--[^\n]*", text)
