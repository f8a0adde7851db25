"""Tools of users: names, inputs and effects resolved, each kind checked as far as files go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from agentic.compiler.inputs import Inputs
from agentic.compiler.own_kinds import body_of
from agentic.config import YamlPath, fault_in_schema, schema_of
from agentic.config.agents_spec import ToolItem
from agentic.records import CompiledGuardrails, Effect, OwnTool, ToolSpec
from agentic.tools.own import DRY_RUN

GRACE_S = 5.0
"""What a body gets beyond its bound to end what it started, before the boundary gives it up."""
_TIMEOUT_S = {"sql": 60.0, "http": 15.0, "python": 60.0, "macro": 300.0}
_RESERVED = {
    DRY_RUN: "it is added to every tool that writes",
    "confirm": "it is added to every tool with an effect outside",
    "var": "it is a function of templates",
    "env_var": "it is a function of templates",
}
_DRY = {
    "type": "boolean",
    "default": True,
    "description": "true: only say what it would do; false: do it",
}


def compile_own_tools(inputs: Inputs, guardrails: CompiledGuardrails) -> tuple[OwnTool, ...]:
    """Every enabled tool by name; faults become issues of `inputs`. MCP servers are not in it."""
    found = []
    for number, item in enumerate(inputs.specs.agents.tools):
        path: YamlPath = ("tools", number)
        if item.mcp is not None:
            continue
        compiled = _compile(inputs, guardrails, item, path)
        if compiled is not None and item.config.enabled:
            found.append(compiled)
    return tuple(sorted(found, key=lambda one: one.name))


def with_own_tools(inputs: Inputs, own: Sequence[OwnTool]) -> Inputs:
    """The same inputs, in which agents, plans and playbooks find the user's tools too."""
    return msgspec.structs.replace(
        inputs, tools={**inputs.tools, **{one.name: one.spec for one in own}}
    )


def offered_dry(spec: ToolSpec) -> ToolSpec:
    """A tool that writes takes `dry_run` besides, which is true until an engine says otherwise."""
    schema = dict(spec.input_schema)
    schema["properties"] = {**schema.get("properties", {}), DRY_RUN: dict(_DRY)}
    return msgspec.structs.replace(spec, input_schema=schema)


def name_free(inputs: Inputs, name: str, path: YamlPath) -> bool:
    """Whether a name is not one of a built-in tool or toolset; an issue if it is (AC240)."""
    taken = "tool" if name in inputs.tools else "toolset" if name in inputs.toolsets else ""
    if taken:
        message = f"{name!r} is a built-in {taken}"
        inputs.error(inputs.specs.agents_document, (*path, "name"), "AC240", message, "rename it")
    return not taken


def _compile(
    inputs: Inputs, guardrails: CompiledGuardrails, item: ToolItem, path: YamlPath
) -> OwnTool | None:
    document = inputs.specs.agents_document
    free, before = name_free(inputs, item.name, path), len(inputs.issues)
    for where, message, hint in _input_faults(item):
        inputs.error(document, (*path, "input", where), "AC241", message, hint)
    kind, effect = _kind(item), _effect(item)
    if kind == "sql" and item.effect not in (None, "read"):
        inputs.error(document, (*path, "effect"), "AC246", "a sql tool reads", "remove it")
    if kind == "http" and item.effect == "workspace":
        hint = "write read or external"
        inputs.error(document, (*path, "effect"), "AC246", "a request leaves the workspace", hint)
    if len(inputs.issues) > before or not free:
        return None
    body, told = body_of(inputs, guardrails, item, path)
    if body is None:
        return None
    timeout_s = item.timeout_s or _TIMEOUT_S[kind]
    description = " ".join(filter(None, (item.description, told)))
    spec = ToolSpec(
        item.name, description, schema_of(item.input), effect, "own", timeout_s + GRACE_S
    )
    dry = effect != "read"
    return OwnTool(
        item.name,
        kind,  # type: ignore[arg-type] # one_of held it to the five
        offered_dry(spec) if dry else spec,
        body,
        timeout_s,
        dry,
        f"{document.name}:{document.at(path).line}",
    )


def _kind(item: ToolItem) -> str:
    return next(kind for kind in _TIMEOUT_S if getattr(item, kind) is not None)


def _effect(item: ToolItem) -> Effect:
    """As declared; a request that is no GET has one outside unless the user says otherwise."""
    if item.effect is not None:
        return item.effect
    return "external" if item.http is not None and item.http.method != "GET" else "read"


def _input_faults(item: ToolItem) -> Iterator[tuple[str, str, str]]:
    for name, kind in item.input.items():
        if name in _RESERVED:
            yield name, f"no input can be named {name!r}: {_RESERVED[name]}", "rename it"
        if isinstance(kind, dict):
            fault = fault_in_schema(kind)
            if fault is not None:
                yield name, f"input {name!r}: {fault[0]}", fault[1]
            elif item.sql is not None and not _scalar(kind):
                yield name, f"input {name!r} of a sql tool must be one value", "give it a type"


def _scalar(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", ())
    listed = [kinds] if isinstance(kinds, str) else list(kinds)
    return bool(listed) and not re.search("object|array", " ".join(map(str, listed)))
