"""JSON Schemas of people's files, for editors; made from the specs, so that they cannot differ."""

from __future__ import annotations

from typing import Any

from agentic.config.agents_spec import AgentsFile
from agentic.config.fields import Spec
from agentic.config.guardrails_spec import GuardrailsFile
from agentic.config.playbooks_spec import PlaybooksFile

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def agents_schema() -> dict[str, Any]:
    """JSON Schema of agents.yml."""
    return _schema(AgentsFile, "agents.yml")


def guardrails_schema() -> dict[str, Any]:
    """JSON Schema of guardrails.yml."""
    return _schema(GuardrailsFile, "guardrails.yml")


def playbooks_schema() -> dict[str, Any]:
    """JSON Schema of playbooks/*.yml."""
    return _schema(PlaybooksFile, "playbooks/*.yml")


def _schema(grammar: type[Spec], title: str) -> dict[str, Any]:
    schema = _plain(grammar.model_json_schema(by_alias=True))
    return {"$schema": _DRAFT, **schema, "title": title}


def _plain(value: Any) -> Any:
    """Without pydantic's titles, and without null, which the files do not allow."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {
        key: {name: _plain(item) for name, item in part.items()}
        if key in ("properties", "$defs")
        else _plain(part)
        for key, part in value.items()
        if not (key == "title" and isinstance(part, str))
        and not (key == "default" and part in (None, {}, []))
    }
    options = [one for one in found.get("anyOf", []) if one != {"type": "null"}]
    if "anyOf" in found and len(options) < len(found["anyOf"]):
        del found["anyOf"]
        found = {**(options[0] if len(options) == 1 else {"anyOf": options}), **found}
    return found
