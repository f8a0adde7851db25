"""Tools of users: names, inputs and effects resolved, each kind checked as far as files go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from agentic.compiler.inputs import Inputs
from agentic.compiler.own_kinds import body_of
from agentic.compiler.own_offer import GRACE_S, name_free, offered_dry
from agentic.compiler.own_servers import compile_server
from agentic.config import YamlPath, fault_in_schema, schema_of
from agentic.config.agents_spec import ToolItem
from agentic.records import CompiledGuardrails, Effect, OwnKind, OwnTool, ToolSpec
from agentic.tools.own import DRY_RUN

_TIMEOUT_S: dict[OwnKind, float] = {"sql": 60.0, "http": 15.0, "python": 60.0, "macro": 300.0}
_RESERVED = {
    DRY_RUN: "it is added to every tool that writes",
    "confirm": "it is added to every tool with an effect outside",
    "var": "it is a function of templates",
    "env_var": "it is a function of templates",
}


def compile_own_tools(inputs: Inputs, guardrails: CompiledGuardrails) -> tuple[OwnTool, ...]:
    """Every enabled tool by name, a server's too; faults become issues of `inputs`."""
    found: list[OwnTool] = []
    for number, item in enumerate(inputs.specs.agents.tools):
        path: YamlPath = ("tools", number)
        if item.mcp is not None:
            served = compile_server(inputs, item, path)
            found += served if item.config.enabled else ()
            continue
        compiled = _compile(inputs, guardrails, item, path)
        if compiled is not None and item.config.enabled:
            found.append(compiled)
    return tuple(sorted(found, key=lambda one: one.name))


def with_own_tools(inputs: Inputs, own: Sequence[OwnTool]) -> Inputs:
    """The same inputs, in which agents, plans and playbooks find the user's tools too."""
    sets: dict[str, tuple[str, ...]] = {}
    for one in own:
        if one.kind == "mcp":
            server, tool = one.body["server"], one.body["tool"]
            sets[server] = (*sets.get(server, ()), one.name)
            sets[f"{server}.{tool}"] = (one.name,)
    return msgspec.structs.replace(
        inputs,
        tools={**inputs.tools, **{one.name: one.spec for one in own}},
        toolsets={**inputs.toolsets, **sets},
    )


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
        kind,
        offered_dry(spec) if dry else spec,
        body,
        timeout_s,
        dry,
        f"{document.name}:{document.at(path).line}",
    )


def _kind(item: ToolItem) -> OwnKind:
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
