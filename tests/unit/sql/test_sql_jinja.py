"""Masked Jinja: same length, same places, parseable."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentic.exceptions import SqlError
from agentic.sql import jinja, name_sql, parse, quote, relation_sql
from agentic.sql.parsing import dialect_of

PIECES = st.sampled_from(
    [
        "select a from t ",
        "{{ ref('x') }}",
        "{{ config(materialized='table') }}",
        "{% if a %}",
        "{% else %}",
        "{% endif %}",
        "{% for x in ['}}', \"%}\"] %}",
        "{% endfor %}",
        "{# a {{ comment }} #}",
        "{{ {'a': {'b': 1}} }}",
        "{% set x = 1 %}",
        "{% raw %}{{ kept }}{% endraw %}",
        "\n",
        "{{",
        "-- note\n",
        "'text'",
        "é",
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, max_size=8))
def test_masking_moves_nothing(pieces: list[str]) -> None:
    raw = "".join(pieces)

    for masked in jinja.variants(raw):
        assert len(masked.text) == len(raw)
        for tag in jinja.tags(raw):
            assert raw[tag.start : tag.start + 2] == tag.kind


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a {% if x %}b{% endif %} c", ["a b c", "a c"]),
        ("a {% if x %}b{% elif y %}d{% else %}e{% endif %}", ["a b", "a d", "a e"]),
        ("{% for c in cs %}a{% if not loop.last %},{% endif %}{% endfor %}", ["a"]),
        ("{% macro m() %}junk{% endmacro %}a", ["a"]),
        ("{% set q %}select{% endset %}a", ["a"]),
        ("{{ config(a='b') }} a", ["a"]),
        ("{% snapshot s %}a{% endsnapshot %}", ["a"]),
    ],
)
def test_branches_are_shown_one_at_a_time(raw: str, shown: list[str]) -> None:
    assert [" ".join(one.text.split()) for one in jinja.variants(raw)] == shown


def test_equal_expressions_get_equal_names_that_join_their_neighbours() -> None:
    (masked,) = jinja.variants("select {{ m }}_amount, t.{{ m }}_amount, {{ n }}_amount from t")
    first, second, third = parse(masked.text, "duckdb").expressions

    assert first.name == second.name
    assert first.name != third.name


@pytest.mark.parametrize(
    "raw",
    [
        "{{ dbt_utils.union_relations(relations=[ref('a')]) }}",
        "with d as (\n  -- dates\n  {{ dates() }}\n) select * from d",
        "{{ config() }} select * from {{ ref('a') }} where x = '{{ var('y') }}' limit {{ n }}",
        "select a {{ x }} from t",
    ],
)
def test_common_templates_parse(raw: str) -> None:
    assert parse(jinja.variants(raw)[0].text, "duckdb")


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        (" ref('x') ", "ref('x')"),
        ('ref( "p" , "x" )', "ref('p','x')"),
        ("source('a', 'b')", "source('a','b')"),
        ("ref('x', v=2)", "ref('x',v=2)"),
        ("builtins.ref('x')", "ref('x')"),
        ("ref(name)", None),
        ("x.ref('y') ~ 'z'", None),
    ],
)
def test_relation_markers_have_one_spelling(text: str, marker: str | None) -> None:
    assert jinja.relation_marker(text) == marker


@pytest.mark.parametrize(
    "text", ["", "select 1; select 2", "select 'a", "(((", "select 1 from t where"]
)
def test_what_is_no_statement_raises_sql_error(text: str) -> None:
    with pytest.raises(SqlError):
        parse(text, "duckdb")


def test_names_are_quoted() -> None:
    assert quote('a"b', "duckdb") == '"a""b"'
    assert relation_sql([None, "s", "t"], "bigquery") == "`s`.`t`"
    assert [name_sql(name, "duckdb") for name in ("a", "A", "a b", "select")] == [
        "a",
        "A",
        '"a b"',
        '"select"',
    ]
    assert (dialect_of("duckdb"), dialect_of("sqlserver"), dialect_of("nobody")) == (
        "duckdb",
        "tsql",
        "",
    )
