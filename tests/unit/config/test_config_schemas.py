"""The JSON Schemas for editors are those of the specs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentic.config import agents_schema, guardrails_schema, playbooks_schema

SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        pytest.param("agents.schema.json", agents_schema, id="agents"),
        pytest.param("guardrails.schema.json", guardrails_schema, id="guardrails"),
        pytest.param("playbooks.schema.json", playbooks_schema, id="playbooks"),
    ],
)
def test_schemas_are_fresh(
    name: str, make: Callable[[], dict[str, Any]], golden: Callable[[Path, str], None]
) -> None:
    golden(SCHEMAS / name, json.dumps(make(), indent=2) + "\n")


def walk(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in walk(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(found for item in schema.values() for found in walk(item))]


@pytest.mark.parametrize("make", [agents_schema, guardrails_schema, playbooks_schema])
def test_mappings_are_closed_and_every_key_is_explained(make: Callable[[], dict[str, Any]]) -> None:
    for part in walk(make()):
        properties = part.get("properties")
        if isinstance(properties, dict) and part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert all("description" in one or "$ref" in one for one in properties.values())
        assert part.get("type") != "null"
