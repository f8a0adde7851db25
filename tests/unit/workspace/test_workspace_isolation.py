"""Texts that keep a build inside the workspace."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from agentic.exceptions import WorkspaceError
from agentic.workspace.isolation import (
    isolate_file,
    move_snapshots,
    moved_relations,
    rename_macros,
    rewrite_project_file,
    without_keys,
)


def moved(text: str) -> str:
    return move_snapshots(text, schema="agentic_x", database="shop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "{{ config(target_schema='history', unique_key='id') }}",
            "{{ config(target_schema='agentic_x_snapshots', unique_key='id') }}",
            id="sql",
        ),
        pytest.param(
            "config(\n  target_schema = generate_schema_name('a', node),\n  x=1)",
            "config(\n  target_schema = 'agentic_x_snapshots',\n  x=1)",
            id="expression-with-commas",
        ),
        pytest.param(
            "config(unique_key='id', target_schema=var('s'))",
            "config(unique_key='id', target_schema='agentic_x_snapshots')",
            id="last-argument",
        ),
        pytest.param(
            '  +target_schema: "{{ target.schema }}_s"  # ours\n',
            "  +target_schema: 'agentic_x_snapshots'  # ours\n",
            id="yaml-with-comment",
        ),
        pytest.param(
            "config: {target_schema: s, strategy: check}",
            "config: {target_schema: 'agentic_x_snapshots', strategy: check}",
            id="flow-mapping",
        ),
        pytest.param(
            "'target_database': 'prod', 'x': 1", "'target_database': 'shop', 'x': 1", id="database"
        ),
        pytest.param("my_target_schema: s\n", "my_target_schema: s\n", id="another-name"),
    ],
)
def test_snapshots_move_into_the_workspace(text: str, expected: str) -> None:
    assert moved(text) == expected


@pytest.mark.parametrize(
    "head",
    ["{% macro ", "{%- macro ", "{%-  macro\t", "{%macro "],
    ids=["plain", "dash", "tab", "tight"],
)
def test_the_users_own_schema_macro_gets_another_name(head: str) -> None:
    text = head + "generate_schema_name(custom, node) -%}{{ custom }}{%- endmacro %}"

    renamed = rename_macros(text)

    assert "agentic_unused_generate_schema_name(custom, node)" in renamed
    assert rename_macros(renamed) == renamed


def test_calls_and_other_macros_stay() -> None:
    text = "{% macro mine() %}{{ generate_schema_name('x') }}{{ run_hooks([]) }}{% endmacro %}"

    assert isolate_file("a.sql", text, schema="s", database="d") == text


PROJECT = """\
name: shop  # the name
on-run-start:
- "{{ log('a') }}"
- create schema x
vars: {a: yes}
on-run-end: >
  {{ log('b') }}
  grant select

models:
  shop: {+materialized: table}
"""


def test_hooks_go_and_every_other_byte_stays() -> None:
    assert rewrite_project_file(PROJECT) == (
        "name: shop  # the name\nvars: {a: yes}\nmodels:\n  shop: {+materialized: table}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{name: shop, on-run-start: [x], vars: {a: 1}}", id="flow"),
        pytest.param('"name": shop\n"on-run-start": [\nx\n]\nvars:\n  a: 1\n', id="quoted"),
    ],
)
def test_unusual_yaml_loses_its_hooks_too(text: str) -> None:
    found = YAML(typ="safe", pure=True).load(rewrite_project_file(text))

    assert found == {"name": "shop", "vars": {"a": 1}}


def test_keys_can_be_set() -> None:
    text = rewrite_project_file(PROJECT, replace={"packages-install-path": "dbt_packages"})

    assert YAML(typ="safe", pure=True).load(text)["packages-install-path"] == "dbt_packages"


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(WorkspaceError, match="not a mapping"):
        rewrite_project_file("- a\n- b\n")


def test_exposures_leave_a_property_file() -> None:
    text = "version: 2\nmodels:\n  - name: a\nexposures:\n  - name: e\n"

    assert without_keys(text, ("exposures", "metrics")) == "version: 2\nmodels:\n  - name: a\n"
    assert without_keys("models: []\n", ("exposures",)) == "models: []\n"


def test_a_moved_source_is_named_as_text() -> None:
    macro = moved_relations({("shop", 'or"ders'): ("agentic_x", "view")})

    assert 'source_name == "shop" and table_name == "or\\"ders"' in macro
    assert "'identifier': \"view\"" in macro
