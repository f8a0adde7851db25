"""Jinja of the two files."""

from __future__ import annotations

import pytest

from agentic.config import TemplateFault, check_template, render_template, resolve_reference

VARIABLES = {"team": "finance", "n": 3, "on": True, "list": ["a", "b"]}
ENV = {"HOME_TARGET": "ci", "DBT_ENV_SECRET_X": "hush"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("tag:{{ var('team') }}", "tag:finance", id="var"),
        pytest.param("{{ var('none', 'x') }}", "x", id="var-default"),
        pytest.param("{{ env_var('HOME_TARGET') }}", "ci", id="env"),
        pytest.param("{{ env_var('NONE', 3) }}", "3", id="env-default"),
        pytest.param("{{ var('team') | upper }}", "FINANCE", id="filter"),
        pytest.param("{{ 'a' if var('on') else 'b' }}", "a", id="condition"),
        pytest.param("{% if var('n') > 2 %}big{% endif %}", "big", id="if"),
        pytest.param("{{ var('list')[1] }}", "b", id="item"),
        pytest.param("{# note #}x{{ '{{' }}", "x{{", id="comment-and-braces"),
        pytest.param("{{ var('n') | as_number }}", "3", id="dbt-filter"),
    ],
)
def test_rendering(text: str, expected: str) -> None:
    assert render_template(text, VARIABLES, ENV) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{{ 7 * 7 }}", "AC121", id="arithmetic"),
        pytest.param("{{ 'a' ** 9 }}", "AC121", id="power"),
        pytest.param("{{ var.__globals__ }}", "AC121", id="attribute"),
        pytest.param("{{ var('x', 1)['__class__'] }}", "AC120", id="item-of-class"),
        pytest.param("{{ range(9) }}", "AC121", id="global"),
        pytest.param("{% set x = 1 %}", "AC121", id="set"),
        pytest.param("{% include 'x' %}", "AC121", id="include"),
        pytest.param("{{ [var('n')] | map('upper') }}", "AC121", id="other-filter"),
        pytest.param("{{ var('list')['x'] }}", "AC120", id="undefined-item"),
        pytest.param("{{ var('x' }}", "AC120", id="syntax"),
        pytest.param("{{ env_var('NOT_THERE') }}", "AC122", id="env"),
        pytest.param("{{ env_var('DBT_ENV_SECRET_X') }}", "AC124", id="secret"),
    ],
)
def test_faults(text: str, code: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        render_template(text, VARIABLES, ENV)

    assert caught.value.code == code


def test_a_reference_is_checked_without_the_variable_and_resolved_with_it() -> None:
    text = "Bearer {{ env_var('DBT_ENV_SECRET_X') }}"

    check_template(text)

    assert resolve_reference(text, {}, ENV) == "Bearer hush"
    with pytest.raises(TemplateFault):
        resolve_reference(text, {}, {})
