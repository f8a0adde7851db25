"""Agents resolved: what they extend, their tools, scope, instructions and limits."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from agentic.compiler.delegates import with_delegates
from agentic.compiler.inputs import Inputs
from agentic.compiler.instructions import compile_instructions, names_file, read_instructions
from agentic.compiler.limits import tightened, widened
from agentic.config import (
    DEFAULT_AGENT,
    AgentSpec,
    TemplateFault,
    YamlPath,
    did_you_mean,
    standard_agents,
    standard_dir,
)
from agentic.config.standard import STANDARD_PREFIX
from agentic.outputs import INCIDENT_REPORT, standard_outputs
from agentic.records import CompiledAgent, IncidentKind, Limits

INCIDENT_KINDS: tuple[str, ...] = get_args(IncidentKind)
_LEAST_TOOLS = ("context", "report")
_INHERITED = ("description", "engine", "model", "effort", "tools", "delegates", "output")


def compile_agents(inputs: Inputs, limits: Limits) -> tuple[CompiledAgent, ...]:
    """Every enabled agent in file order; faults become issues of `inputs`."""
    found = []
    written: dict[str, YamlPath] = {}
    for number, spec in enumerate(inputs.specs.agents.agents or ()):
        compiled = _compile(inputs, spec, ("agents", number), limits)
        if spec.delegates is not None:
            written[compiled.name] = ("agents", number, "delegates")
        if spec.config.enabled:
            found.append(compiled)

    def standard(name: str) -> CompiledAgent:
        spec = AgentSpec(name=name, extends=f"{STANDARD_PREFIX}{name}")
        return replace(_compile(inputs, spec, ("agents",), limits), name=name)

    return with_delegates(inputs, found, written, standard)


def standard_role(inputs: Inputs, limits: Limits, name: str) -> CompiledAgent | None:
    """A standard agent as it ships, under its short name; None if there is none of it."""
    short = name.removeprefix(STANDARD_PREFIX)
    base = standard_agents().get(f"{STANDARD_PREFIX}{short}")
    if base is None:
        return None
    spec = AgentSpec(name=short, extends=f"{STANDARD_PREFIX}{short}")
    return replace(_compile(inputs, spec, ("agents",), limits), name=short)


def _compile(inputs: Inputs, spec: AgentSpec, path: YamlPath, limits: Limits) -> CompiledAgent:
    base = _base(inputs, spec, path)
    merged = _merged(spec, base)
    scope = _scope(inputs, spec, path)
    _check_names(inputs, spec, path)
    for place, asked, bound in widened(limits, spec.limits):
        message = f"{place[-1]} {asked} is more than the guardrails allow ({bound})"
        hint = f"lower it, or raise limits.{'.'.join(map(str, place))} in guardrails.yml"
        document = inputs.specs.agents_document
        inputs.error(document, (*path, "limits", *place), "AC207", message, hint)
    own = tightened(tightened(limits, base.limits) if base else limits, spec.limits)
    text = _instructions(inputs, spec, base, scope, path)
    return CompiledAgent(
        name=spec.name if inputs.specs.agents_found else DEFAULT_AGENT,
        role=(spec.extends or spec.name).removeprefix("agentic."),
        description=merged.description or "",
        engine=merged.engine or "auto",
        model=merged.model or standard_agents()[DEFAULT_AGENT].model or "",
        effort=merged.effort or "medium",
        instructions=text,
        instructions_hash=sha256(text.encode()).hexdigest(),
        tools=_tools(inputs, merged, spec, path),
        delegates=merged.delegates or (),
        output=merged.output or INCIDENT_REPORT,
        when=tuple(dict.fromkeys(spec.when or ())),
        select=spec.select or "",
        scope=scope,
        limits=own,
    )


def _base(inputs: Inputs, spec: AgentSpec, path: YamlPath) -> AgentSpec | None:
    if spec.extends is None:
        return None
    base = standard_agents().get(spec.extends)
    if base is None:
        whole = f"{STANDARD_PREFIX}{spec.extends}"
        known = standard_agents()
        hint = did_you_mean(whole if whole in known else spec.extends, known)
        message = f"unknown standard agent {spec.extends!r}"
        inputs.error(inputs.specs.agents_document, (*path, "extends"), "AC206", message, hint)
    return base


def _merged(spec: AgentSpec, base: AgentSpec | None) -> AgentSpec:
    if base is None:
        return spec
    missing = {key: getattr(base, key) for key in _INHERITED if getattr(spec, key) is None}
    return spec.model_copy(update=missing)


def _scope(inputs: Inputs, spec: AgentSpec, path: YamlPath) -> tuple[str, ...]:
    if spec.select is None:
        return tuple(sorted(inputs.manifest.all))
    return inputs.select(inputs.specs.agents_document, (*path, "select"), spec.select)


def _check_names(inputs: Inputs, spec: AgentSpec, path: YamlPath) -> None:
    agents = inputs.specs.agents
    triggers = [item.name for item in agents.triggers]
    outputs = [*standard_outputs(), *(item.name for item in agents.outputs)]
    checks: list[tuple[str, Iterable[str], list[str], str, str]] = [
        ("when", spec.when or (), [*INCIDENT_KINDS, *triggers], "AC204", "incident or trigger"),
    ]
    document = inputs.specs.agents_document
    for key, names, known, code, what in checks:
        for number, name in enumerate(names):
            if name not in known:
                hint = did_you_mean(name, known)
                inputs.error(document, (*path, key, number), code, f"unknown {what} {name!r}", hint)
    if spec.output is not None and spec.output not in outputs:
        message, hint = f"unknown output {spec.output!r}", did_you_mean(spec.output, outputs)
        inputs.error(document, (*path, "output"), "AC202", message, hint)


def _tools(inputs: Inputs, merged: AgentSpec, spec: AgentSpec, path: YamlPath) -> tuple[str, ...]:
    declared = inputs.specs.agents.tools
    own = {item.name for item in declared}
    # What is declared and has a fault, or is not approved yet, is told where it is declared.
    own |= {f"{item.name}.{tool}" for item in declared for tool in item.effects}
    found: set[str] = set()
    for number, name in enumerate(merged.tools if merged.tools is not None else _LEAST_TOOLS):
        if name in inputs.toolsets:
            found.update(inputs.toolsets[name])
        elif name in inputs.tools:
            found.add(name)
        elif spec.tools is not None and name not in own:
            hint = did_you_mean(name, [*inputs.toolsets, *inputs.tools, *own])
            document = inputs.specs.agents_document
            inputs.error(
                document, (*path, "tools", number), "AC201", f"unknown tool {name!r}", hint
            )
    return tuple(sorted(found))


def _instructions(
    inputs: Inputs,
    spec: AgentSpec,
    base: AgentSpec | None,
    scope: tuple[str, ...],
    path: YamlPath,
) -> str:
    document = inputs.specs.agents_document
    text, root = _source(inputs, spec, base)
    if not text:
        if spec.extends is None and (spec.engine or "auto") in ("auto", "anthropic"):
            message = f"agent {spec.name!r} has no instructions"
            hint = "add `extends: agentic.triage`, or `instructions:` with a file or text"
            inputs.error(document, (*path, "name"), "AC208", message, hint)
        return ""
    try:
        return compile_instructions(
            read_instructions(text, root),
            scope=scope,
            variables=inputs.specs.variables,
            env=inputs.specs.env,
        )
    except TemplateFault as fault:
        place = (*path, "instructions")
        # AC130 names the file already; of any other the fault stands in that file, not here.
        inside = "" if fault.code == "AC130" or not names_file(text) else f"{text.strip()}: "
        inputs.error(document, place, fault.code, inside + fault.message, fault.hint)
        return ""


def _source(inputs: Inputs, spec: AgentSpec, base: AgentSpec | None) -> tuple[str, Path]:
    if spec.instructions is not None:
        return spec.instructions, inputs.specs.root
    return (base.instructions or "" if base else ""), standard_dir()
