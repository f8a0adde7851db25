"""Where the shipped agents.yml, guardrails.yml and prompts are, and what they say."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from agentic.config.agents_spec import AgentsFile, AgentSpec
from agentic.config.document import read_document
from agentic.config.guardrails_spec import GuardrailsFile
from agentic.config.validate import validate
from agentic.exceptions import ConfigError

STANDARD_PREFIX = "agentic."


def standard_dir() -> Path:
    """The folder with the shipped files: in the wheel `agentic/standard`, else the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "standard"
    return inside if inside.is_dir() else package.parent


@lru_cache(maxsize=1)
def standard_agents() -> dict[str, AgentSpec]:
    """The shipped agents by their full name (`agentic.triage`)."""
    document = read_document(standard_dir() / "agents.yml", "agentic/standard/agents.yml")
    spec = validate(document, AgentsFile)
    if spec is None or document.issues:
        raise ConfigError(document.issues)
    return {STANDARD_PREFIX + agent.name: agent for agent in spec.agents or ()}


@lru_cache(maxsize=1)
def standard_guardrails() -> GuardrailsFile:
    """The shipped guardrails; missing keys of a project's file take their values from it."""
    document = read_document(standard_dir() / "guardrails.yml", "agentic/standard/guardrails.yml")
    spec = validate(document, GuardrailsFile)
    if spec is None or document.issues:
        raise ConfigError(document.issues)
    return spec
