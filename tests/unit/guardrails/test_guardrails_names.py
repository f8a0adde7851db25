"""A guardrail judges the node that a tool would find, however its name is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentic.guardrails import Situation
from agentic.tools.nodes import find_node


@pytest.mark.parametrize("name", ["salaries", "SALARIES", "model.shop.salaries"])
def test_it_is_the_node_that_a_tool_finds(name: str) -> None:
    node = SimpleNamespace(name="salaries", unique_id="model.shop.salaries")
    manifest = cast(Any, SimpleNamespace(all={node.unique_id: node}))
    nothing = cast(Any, None)
    situation = Situation(nothing, manifest, nothing, "duckdb", nothing, nothing, nothing)
    bench = cast(Any, SimpleNamespace(manifest=manifest))

    assert situation.node_named(name) == find_node(bench, name).unique_id
