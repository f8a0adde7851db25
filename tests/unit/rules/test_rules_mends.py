"""Small repairs of text that does not parse: the right one first, the rest byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentic.rules.binding_mends import grouped, meant, qualified, renamed
from agentic.rules.hunks import mixed, undone
from agentic.rules.jinja_mends import jinja_fault, jinja_mends
from agentic.rules.mends import mends
from agentic.rules.yaml_mends import declared, yaml_mends
from agentic.sql.fault import fault_at

GOOD = """with orders as (

    select * from {{ ref('stg_orders') }}  -- every order, once

),

totals as (
    select
        order_id,
        sum(amount) as total,
        sum(case when kind = 'food' then 1 else 0 end) as food
    from {{ ref('stg_items') }}
    group by order_id
)

select
    orders.order_id,
    totals.total
from orders
left join totals on orders.order_id = totals.order_id
where orders.status <> 'cancelled'
"""
BREAKS = {
    "comma": ("order_id,\n        sum(amount)", "order_id\n        sum(amount)"),
    "double comma": ("        order_id,\n", "        order_id,,\n"),
    "comma before from": ("as food\n    from", "as food,\n    from"),
    "bracket": ("sum(amount) as", "sum(amount as"),
    "bracket too many": ("sum(amount) as", "sum(amount)) as"),
    "query's bracket": ("once\n\n),", "once\n\n,"),
    "query's comma": ("once\n\n),", "once\n\n)"),
    "comma after the last query": (
        "by order_id\n)\n\nselect",
        "by order_id\n),\n\nselect",
    ),
    "end": ("else 0 end)", "else 0)"),
    "when": ("case when", "case whn"),
    "group": ("group by", "gruop by"),
    "join": ("left join", "left jion"),
    "from": ("    totals.total\nfrom", "    totals.total\nform"),
    "on": ("totals on orders", "totals orders"),
    "by": ("group by", "group"),
    "quote": ("'cancelled'", "'cancelled"),
}
WORDS = {"double comma": ",", "comma before from": "from"}


@pytest.mark.parametrize("name", sorted(BREAKS))
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_first_repair_is_the_text_as_it_was(name: str, newline: str) -> None:
    good, bad = BREAKS[name]
    assert GOOD.count(good) == 1
    whole = GOOD.replace("\n", newline)
    broken = GOOD.replace(good, bad).replace("\n", newline)

    found = mends(broken, "duckdb", word=WORDS.get(name, ""))

    assert found
    assert found[0].text == whole


def test_text_that_no_single_repair_mends_has_none() -> None:
    assert mends("select from where ) ( as as", "duckdb") == []


JINJA = {
    "select * from {{ ref('a') }": "select * from {{ ref('a') }}",
    "select * from {{ ref('a) }}": "select * from {{ ref('a') }}",
    "select * from {{ ref('a' }}": "select * from {{ ref('a') }}",
    "select 1\n{% if x %}\nwhere a\n{% edif %}\n": "select 1\n{% if x %}\nwhere a\n{% endif %}\n",
    "select 1\n{% if x %}\nwhere a\n": "select 1\n{% if x %}\nwhere a\n{% endif %}\n",
    "select 1\n{% if x }}\nwhere a\n{% endif %}\n": "select 1\n{% if x %}\nwhere a\n{% endif %}\n",
}


@pytest.mark.parametrize("broken", sorted(JINJA))
def test_broken_jinja_is_repaired(broken: str) -> None:
    assert jinja_fault(broken)
    assert jinja_mends(broken)[0].text == JINJA[broken]


def test_dbt_s_own_tags_are_no_fault() -> None:
    text = "{% snapshot a %}\nselect 1\n{% endsnapshot %}\n{% test b(model) %}x{% endtest %}"

    assert jinja_fault(text) == ""


YAML = """version: 2

models:
  - name: orders
    description: Every order, once.
    columns:
      - name: order_id  # the key
        data_tests: [unique, not_null]
      - name: amount
        data_tests: [not_null]
  - name: items
    columns:
      - name: item_id
        data_tests: [unique]
"""
YAML_BREAKS = {
    "      - name: amount": "     - name: amount",
    "  - name: items": "   - name: items",
    "    columns:\n      - name: item_id": "    columns\n      - name: item_id",
    "data_tests: [unique]": "data_tests: [unique",
    "      - name: item_id": "      -name: item_id",
    "    description: Every": "  description: Every",
    "        data_tests: [not_null]": "\t\tdata_tests: [not_null]",
}


@pytest.mark.parametrize("good", sorted(YAML_BREAKS))
def test_a_properties_file_declares_again_what_it_did(good: str) -> None:
    broken = YAML.replace(good, YAML_BREAKS[good])
    assert declared(broken) is None
    line = YAML[: YAML.index(good)].count("\n") + 1

    same = [one for one in yaml_mends(broken, line) if declared(one.text) == declared(YAML)]

    assert same
    assert "# the key" in same[0].text


def test_ambiguous_names_are_said_with_the_first_relation_in_one_query_alone() -> None:
    text = (
        "with a as (select id from x)\nselect id, b.n\nfrom a as one\n"
        "left join b on one.id = b.id\nwhere id > 1 -- id\n"
    )

    (mend,) = qualified(text, "duckdb", "id")

    assert mend.text == (
        "with a as (select id from x)\nselect one.id, b.n\nfrom a as one\n"
        "left join b on one.id = b.id\nwhere one.id > 1 -- id\n"
    )


def test_a_query_that_sums_up_is_grouped_by_what_it_selects_beside() -> None:
    (mend,) = grouped("select\n    a,\n    lower(b) as c,\n    sum(d) as d\nfrom t\n", "duckdb")

    assert mend.text.endswith("from t\ngroup by a, lower(b)\n")


def test_a_group_gets_the_column_that_it_lacks() -> None:
    (mend,) = grouped("select a, b, sum(d) as d from t group by a order by 1", "duckdb", "b")

    assert mend.text == "select a, b, sum(d) as d from t group by a, b order by 1"


def test_a_windowed_sum_needs_no_group() -> None:
    assert grouped("select a, sum(d) over (partition by a) as d from t", "duckdb") == []


def test_names_are_corrected_outside_of_strings_comments_and_jinja() -> None:
    text = "select amuont, 'amuont', {{ f('amuont') }} -- amuont\nfrom t"

    assert renamed(text, "amuont", "amount") == text.replace("select amuont", "select amount")


def test_a_name_between_two_others_is_not_guessed() -> None:
    assert meant("order_i", ["order_a", "order_b"]) is None


LINES = st.lists(
    st.sampled_from(["select a", "  b -- x", "", "{{ f(1) }}", "from t", "\tc,"]), max_size=8
)
NEWLINE = st.sampled_from(["\n", "\r\n"])


@given(LINES, LINES, NEWLINE, st.booleans())
@settings(max_examples=60, deadline=None)
def test_taking_every_place_back_gives_the_text_before(
    old: list[str], new: list[str], newline: str, ends: bool
) -> None:
    before, after = (newline.join(one) + (newline if ends else "") for one in (old, new))

    assert mixed(before, after, range(99)) == before
    assert mixed(before, after, ()) == after
    assert len(undone(before, after)) == 0 or before != after


@given(
    st.sampled_from(sorted(BREAKS)),
    NEWLINE,
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["    ", "\t"]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_a_repair_changes_one_place_alone(
    name: str, newline: str, bom: str, indent: str, ends: bool
) -> None:
    good, bad = BREAKS[name]
    broken = GOOD.replace(good, bad).replace("    ", indent).replace("\n", newline)
    broken = bom + (broken if ends else broken.rstrip("\r\n"))

    for mend in mends(broken, "duckdb", word=WORDS.get(name, ""))[:3]:
        assert fault_at(mend.text, "duckdb") is None
        head = 0
        while head < min(len(broken), len(mend.text)) and broken[head] == mend.text[head]:
            head += 1
        tail = 0
        while (
            tail < min(len(broken), len(mend.text)) - head
            and broken[-1 - tail] == mend.text[-1 - tail]
        ):
            tail += 1
        assert len(broken) - head - tail <= 12
        assert len(mend.text) - head - tail <= 40
