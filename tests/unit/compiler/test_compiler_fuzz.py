"""Whatever the files select and name: issues with positions, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.shop import check_shop

FUZZ = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORDS = ["tag:gold", "+orders", "@orders", "source:raw.*", "path:models", "path:**", "config.x:y"]
WORDS += ["relation:raw.*", "column:raw.a.b", "{{ incident.node }}", "{% if x %}", "orders.md", "*"]
PARTS = st.one_of(st.sampled_from(WORDS), st.text(alphabet="atg:+@,. */\\[]\0-1{}%", max_size=8))
TEXTS = st.lists(PARTS, min_size=1, max_size=3).map(" ".join)
LISTS = st.lists(TEXTS, max_size=3)


@FUZZ
@given(
    agent=st.fixed_dictionaries(
        {"name": st.just("a"), "extends": st.just("agentic.triage")},
        optional={"select": TEXTS, "instructions": TEXTS, "tools": LISTS, "when": LISTS},
    ),
    rails=st.fixed_dictionaries(
        {"read": st.fixed_dictionaries({}, optional={"deny": LISTS, "mask": LISTS})},
        optional={
            "change": st.fixed_dictionaries({}, optional={"allow": LISTS, "deny": LISTS}),
            "build": st.fixed_dictionaries({}, optional={"target": TEXTS, "schemas": LISTS}),
            "escalate": st.fixed_dictionaries({}, optional={"to": LISTS}),
        },
    ),
)
def test_any_names(tmp_path: Path, agent: dict[str, Any], rails: dict[str, Any]) -> None:
    (tmp_path / "agents.yml").write_text(json.dumps({"version": 1, "agents": [agent]}))
    (tmp_path / "guardrails.yml").write_text(json.dumps({"version": 1, **rails}))

    _, checked, issues = check_shop(tmp_path)

    assert all(issue.line > 0 and issue.code.startswith("AC") for issue in issues)
    assert checked.compiled.content_hash
