"""Whatever the files hold: specs, or one ConfigError; never another exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentic.config import (
    AgentsFile,
    GuardrailsFile,
    Specs,
    TemplateFault,
    agents_schema,
    load_files,
    parse_item,
    render_template,
)
from agentic.exceptions import ConfigError

KEYS = {*AgentsFile.model_fields, *GuardrailsFile.model_fields}
FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = [*sorted(KEYS), "name", "extends", "agentic.triage", "test_failure", "30m", "1TB", "tag:a"]
WORDS += [
    "select",
    "when",
    "limits",
    "backfill",
    "ask_above",
    "deny",
    "mask",
    "steps",
    "id",
    "slack",
]
WORDS += ["{{ var('x') }}", "{{ env_var('x', 1) }}", "path:x"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), inner, max_size=5),
    ),
    max_leaves=12,
)
FILES = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 2, "1", None])},
    optional=dict.fromkeys(sorted(KEYS - {"version"}), VALUES),
)
SYNTAX = st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t\x00\ufeff1.~<", max_size=60)


def load(root: Path) -> None:
    try:
        specs = load_files(root, env={})
    except ConfigError as error:
        assert error.issues
        assert all(issue.line > 0 and issue.column > 0 and issue.code for issue in error.issues)
    else:
        assert isinstance(specs, Specs)


@FUZZ
@given(agents=FILES, guardrails=FILES)
def test_any_values(tmp_path: Path, agents: Any, guardrails: Any) -> None:
    # JSON is YAML, and every value that hypothesis makes can be written in it.
    (tmp_path / "agents.yml").write_text(json.dumps(agents), encoding="utf-8")
    (tmp_path / "guardrails.yml").write_text(json.dumps(guardrails), encoding="utf-8")

    load(tmp_path)


@FUZZ
@given(text=st.one_of(SYNTAX, st.text(max_size=60)))
def test_any_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "agents.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    (tmp_path / "guardrails.yml").write_bytes(("version: 1\n" + text).encode("utf-8", "replace"))

    load(tmp_path)


@FUZZ
@given(raw=st.binary(max_size=60))
def test_any_bytes(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "guardrails.yml").write_bytes(raw)

    load(tmp_path)


@FUZZ
@given(text=st.text(alphabet="{}%#' varenv_()|[]\"+-*.~1\n", max_size=40))
def test_any_template(text: str) -> None:
    try:
        assert isinstance(render_template(text, {"a": 1}, {}), str)
    except TemplateFault as fault:
        assert fault.code.startswith("AC12")


@FUZZ
@given(text=st.text(max_size=30))
def test_any_item(text: str) -> None:
    try:
        assert parse_item(text).value
    except ValueError as error:
        assert str(error)


def test_a_bomb_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    (tmp_path / "agents.yml").write_text("\n".join(lines))

    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path)

    assert [issue.code for issue in caught.value.issues] == ["AC104"]


def test_the_schema_knows_every_key_of_an_agent() -> None:
    properties = agents_schema()["$defs"]["AgentSpec"]["properties"]

    assert {"name", "extends", "select", "limits", "tools", "when"} <= set(properties)
