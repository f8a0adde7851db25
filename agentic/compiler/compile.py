"""Both files and the lineage to one compiled manifest, byte-identical for the same input."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.compiler.agents import compile_agents, standard_role
from agentic.compiler.guardrails import compile_guardrails
from agentic.compiler.inputs import Inputs
from agentic.compiler.outputs import compile_outputs
from agentic.compiler.own_tools import compile_own_tools, with_own_tools
from agentic.compiler.plans import compile_plans
from agentic.compiler.playbooks import compile_playbooks
from agentic.config import ConnectionSpec, Specs
from agentic.exceptions import ConfigError, Issue
from agentic.lineage import Graph
from agentic.project import Manifest, Project, Target
from agentic.records import Compiled, CompiledAgent, content_hash, dump
from agentic.tools import registry, toolsets


class Checked(msgspec.Struct, frozen=True):
    """What compiling came to: the result, as far as it goes, and every issue, sorted."""

    compiled: Compiled
    errors: tuple[Issue, ...]
    warnings: tuple[Issue, ...]


def compile_project(
    project: Project,
    specs: Specs,
    manifest: Manifest,
    graph: Graph,
    *,
    target: str | Target,
    targets: dict[str, Target],
) -> Compiled:
    """Resolve every name of both files. Raises ConfigError with every Issue.

    `target` is the baseline's; `targets` are all of the profile, by name.
    """
    checked = check_project(project, specs, manifest, graph, target=target, targets=targets)
    if checked.errors:
        raise ConfigError(checked.errors)
    return checked.compiled


def check_project(
    project: Project,
    specs: Specs,
    manifest: Manifest,
    graph: Graph,
    *,
    target: str | Target,
    targets: dict[str, Target],
) -> Checked:
    """The same without raising."""
    inputs = _inputs(project, specs, manifest, graph, (target, targets))
    compiled = _compiled(inputs)
    return Checked(compiled, tuple(inputs.errors), tuple(inputs.warnings))


def compile_role(
    name: str,
    project: Project,
    specs: Specs,
    manifest: Manifest,
    graph: Graph,
    targets: tuple[str | Target, dict[str, Target]],
) -> CompiledAgent | None:
    """A standard agent that agents.yml does not speak of, as it ships and under its own name.

    None when no agent ships under the name (`governance`, `agentic.governance`), or it has
    delegates: an orchestrator is declared.
    """
    inputs = _inputs(project, specs, manifest, graph, targets)
    return standard_role(inputs, compile_guardrails(inputs).limits, name)


def _inputs(
    project: Project,
    specs: Specs,
    manifest: Manifest,
    graph: Graph,
    targets: tuple[str | Target, dict[str, Target]],
) -> Inputs:
    target, known = targets
    return Inputs(
        project=project,
        specs=specs,
        manifest=manifest,
        graph=graph,
        target=target if isinstance(target, str) else target.name,
        targets=known,
        tools=registry(),
        toolsets=toolsets(),
    )


def _compiled(inputs: Inputs) -> Compiled:
    agents = inputs.specs.agents
    guardrails = compile_guardrails(inputs)
    own = compile_own_tools(inputs, guardrails)
    inputs = with_own_tools(inputs, own)
    members = compile_agents(inputs, guardrails.limits)
    used = {name for agent in members for name in agent.tools} | {one.name for one in own}
    plans = compile_plans(inputs, members, guardrails.limits, guardrails.approve_by)
    used |= {step.tool for plan in plans for step in plan.steps if step.tool}
    playbooks, rule_order = compile_playbooks(inputs, members)
    compiled = Compiled(
        project=inputs.project.name,
        agents=members,
        guardrails=guardrails,
        tools=tuple(inputs.tools[name] for name in sorted(used) if name in inputs.tools),
        own_tools=own,
        connections={name: _connection(agents.connections[name]) for name in agents.connections},
        outputs=compile_outputs(inputs),
        triggers=tuple(sorted(item.name for item in agents.triggers)),
        plans=plans,
        playbooks=playbooks,
        rule_order=rule_order,
        warnings=tuple(inputs.warnings),
    )
    return msgspec.structs.replace(compiled, content_hash=content_hash(dump(compiled)))


def _connection(spec: ConnectionSpec) -> dict[str, Any]:
    return {"kind": spec.kind, "settings": spec.settings}
