"""Instructions: what is static is rendered, what a run knows stays."""

from __future__ import annotations

import pytest

from agentic.compiler import lineage_of, render_instructions
from agentic.compiler.instructions import compile_instructions
from agentic.config import TemplateFault
from agentic.records import Incident, dump

SCOPE = ("model.shop.orders", "source.shop.raw.orders", "test.shop.x")
INCIDENT = Incident(
    id="i", kind="test_failure", node="model.shop.orders", message="{{ no }}", fingerprint="f"
)


def compiled(text: str) -> str:
    return compile_instructions(
        text, scope=SCOPE, variables={"team": "ana"}, env={"REGION": "{{ x }}"}
    )


def rendered(text: str) -> str:
    lineage = {**lineage_of(SCOPE), "parents": [SCOPE[1]], "children": []}
    return render_instructions(compiled(text), incident=dump(INCIDENT), lineage=lineage)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain { text }", "plain { text }", id="plain"),
        pytest.param(
            "{{ var('team') }} of {{ incident.node }}",
            "ana of {{ incident.node }}",
            id="mixed-text",
        ),
        pytest.param("{{ lineage.nodes | length }}", "1", id="lineage"),
        pytest.param(
            "{% for n in lineage.sources %}{{ n }}{% endfor %}", SCOPE[1], id="static-loop"
        ),
        pytest.param(
            "{% if incident.request %}a{% if lineage.all %}b{% endif %}{% endif %}c",
            "{% if incident.request %}a{% if lineage.all %}b{% endif %}{% endif %}c",
            id="nested-dynamic",
        ),
        pytest.param("{# note #}x", "x", id="comment"),
    ],
)
def test_compiling(text: str, expected: str) -> None:
    assert compiled(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{ incident.node }}", "model.shop.orders", id="field"),
        pytest.param("{{ incident.message }}", "{{ no }}", id="outside-text-is-text"),
        pytest.param("{{ env_var('REGION') }}", "{{ x }}", id="a-value-is-never-a-template"),
        pytest.param("{% raw %}{{ a }}{% endraw %}", "{{ a }}", id="raw"),
        pytest.param("a {%- if incident.node %} b {%- endif %}", "a b", id="whitespace"),
        pytest.param("{{ '{' }}{{ incident.kind }}", "{test_failure", id="brace-before-template"),
        pytest.param("{% set n = incident.node %}{{ n }}", "model.shop.orders", id="set"),
        pytest.param("{{ lineage.parents | first }}", "source.shop.raw.orders", id="around"),
        pytest.param("{% for m in memory %}x{% endfor %}-", "-", id="no-memory"),
        pytest.param(
            "{% if incident.node in lineage.nodes %}in{% endif %}", "in", id="lineage-in-a-run"
        ),
    ],
)
def test_rendering(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{{ incident.nod }}", "AC131", id="field"),
        pytest.param("{{ incident['a'].b.c() }}", "AC121", id="call"),
        pytest.param("{% macro m() %}{% endmacro %}", "AC121", id="macro"),
        pytest.param("{% set n = incident.node %}{{ var('team') }}", "AC132", id="set-and-var"),
        pytest.param("{{ lineage.parents[var('team')] }}", "AC132", id="around-and-var"),
        pytest.param("{{ lineage.nodes | nope }}", "AC120", id="filter"),
    ],
)
def test_faults(text: str, code: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        compiled(text)

    assert caught.value.code == code
