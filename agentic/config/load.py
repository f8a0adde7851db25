"""Both files of a project to specs, with every fault of both at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agentic.config.agents_spec import AgentsFile, AgentSpec
from agentic.config.document import Document, YamlPath, read_document
from agentic.config.fields import Spec
from agentic.config.guardrails_spec import GuardrailsFile, filled
from agentic.config.references import duplicates
from agentic.config.render import Renderer
from agentic.config.standard import standard_agents, standard_guardrails
from agentic.config.unbuilt import unbuilt
from agentic.config.validate import validate
from agentic.exceptions import ConfigError, Issue

AGENTS_FILE = "agents.yml"
GUARDRAILS_FILE = "guardrails.yml"
DEFAULT_AGENT = "agentic.triage"
S = TypeVar("S", bound=Spec)


class Specs(msgspec.Struct, frozen=True):
    """What the two files say, missing keys filled in, with where each value was written."""

    root: Path
    """The folder of dbt_project.yml."""
    agents: AgentsFile
    guardrails: GuardrailsFile
    """Every key that the project leaves out has the shipped value."""
    agents_document: Document
    guardrails_document: Document
    variables: dict[str, Any]
    """`vars` of dbt_project.yml, as var() sees them."""
    env: dict[str, str]
    agents_found: bool = True
    """False: there is no agents.yml, and the standard agent is used."""
    guardrails_found: bool = True
    guardrails_written: GuardrailsFile | None = None
    """Only what the project's file itself says; None when there is no file."""


class Inspected(msgspec.Struct, frozen=True):
    """Specs as far as they can be read, and every fault that the files alone show."""

    specs: Specs
    issues: tuple[Issue, ...]


def load_files(
    project_root: Path,
    *,
    variables: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> Specs:
    """Load agents.yml and guardrails.yml beside dbt_project.yml.

    A missing guardrails.yml is the safest configuration, a missing agents.yml the standard agent.
    `variables` are dbt's vars (default: those of dbt_project.yml). Raises ConfigError with every
    Issue of both files.
    """
    found = inspect_files(project_root, variables=variables, env=env)
    if found.issues:
        raise ConfigError(found.issues)
    return found.specs


def inspect_files(
    project_root: Path,
    *,
    variables: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> Inspected:
    """The same without raising: faulty parts are left out of the specs and told as issues."""
    known = dict(project_variables(project_root) if variables is None else variables)
    surroundings = dict(os.environ if env is None else env)
    renderer = Renderer(known, surroundings)
    agents_document, agents_found = _open(project_root, AGENTS_FILE)
    rails_document, rails_found = _open(project_root, GUARDRAILS_FILE)
    agents = _read(agents_document, renderer, AgentsFile) if agents_found else None
    rails = _read(rails_document, renderer, GuardrailsFile) if rails_found else None
    if agents is not None:
        agents_document.issues.extend(duplicates(agents_document, agents))
        agents_document.issues.extend(unbuilt(agents_document, agents))
    if agents is None or agents.agents is None:
        agents = (agents or AgentsFile(version=1)).model_copy(update={"agents": _default_agents()})
    specs = Specs(
        root=project_root,
        agents=agents,
        guardrails=filled(rails, standard_guardrails()) if rails else standard_guardrails(),
        agents_document=agents_document,
        guardrails_document=rails_document,
        variables=known,
        env=surroundings,
        agents_found=agents_found,
        guardrails_found=rails_found,
        guardrails_written=rails,
    )
    issues = {*agents_document.issues, *rails_document.issues}
    return Inspected(specs, tuple(sorted(issues)))


def project_variables(project_root: Path) -> dict[str, Any]:
    """`vars` of dbt_project.yml: global ones, then those of the project's own name."""
    document = read_document(project_root / "dbt_project.yml", "dbt_project.yml")
    value = document.value if isinstance(document.value, dict) else {}
    given = value.get("vars")
    if not isinstance(given, dict):
        return {}
    own = given.get(str(value.get("name")))
    found = {key: item for key, item in given.items() if not isinstance(item, dict)}
    return {**found, **(own if isinstance(own, dict) else {})}


def _open(root: Path, name: str) -> tuple[Document, bool]:
    path = root / name
    if path.is_symlink() or path.exists():
        return read_document(path, name), True
    document = Document(name)
    other = path.with_suffix(".yaml")
    if other.exists():
        message = f"{other.name} is not read"
        document.issues.append(Issue(other.name, 1, 1, "AC108", message, f"rename it to {name}"))
    return document, False


def _read(document: Document, renderer: Renderer, grammar: type[S]) -> S | None:
    if document.value is None:
        if not document.issues and grammar is AgentsFile:
            hint = "write `version: 1` and agents, or delete it to use agentic.triage"
            document.fault(1, 1, "AC107", "the file is empty", hint)
        return None
    renderer.render(document)
    return validate(document, grammar)


def _default_agents() -> tuple[AgentSpec, ...]:
    standard = standard_agents()[DEFAULT_AGENT]
    return (
        AgentSpec(
            name=standard.name,
            extends=DEFAULT_AGENT,
            description=standard.description,
            when=standard.when,
        ),
    )


def place(document: Document, path: YamlPath, *, key: bool = False) -> str:
    """`file:line:col` of a value."""
    line, column = document.at(path, key=key)
    return f"{document.name}:{line}:{column}"
