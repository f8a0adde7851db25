"""MCP servers: the tools whose effect is declared and whose words a person approved.

No server is started here: what is offered is what agentic.lock holds, so that compiling stays a
matter of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentic.compiler.inputs import Inputs
from agentic.compiler.own_offer import GRACE_S, name_free, offered_dry
from agentic.config import (
    LOCK_FILE,
    LockFault,
    Pins,
    ServedTool,
    Unfit,
    YamlPath,
    did_you_mean,
    fit_schema,
    quoted,
    read_lock,
)
from agentic.config.agents_spec import ToolItem
from agentic.records import Effect, OwnTool, ToolSpec

_TIMEOUT_S = 60.0
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,64}\Z")
_CALLED = 64
"""Characters that a service's API takes for a tool's name."""


def compile_server(inputs: Inputs, item: ToolItem, path: YamlPath) -> list[OwnTool]:
    """The tools of one server that can be offered; the others become issues of `inputs`."""
    document = inputs.specs.agents_document
    if not name_free(inputs, item.name, path):
        return []
    try:
        pins = read_lock(inputs.specs.root)
    except LockFault as fault:
        message = f"{LOCK_FILE} {fault.message}"
        inputs.error(document, (*path, "name"), "AC249", message, fault.hint)
        return []
    if not item.effects:
        hint = "write effects: {TOOL: read}"
        inputs.error(
            document, (*path, "mcp"), "AC246", f"{item.name!r} declares no tool's effect", hint
        )
    return list(_tools(inputs, item, path, pins))


def _tools(inputs: Inputs, item: ToolItem, path: YamlPath, pins: Pins) -> Iterator[OwnTool]:
    document, approved = inputs.specs.agents_document, pins.get(item.name, {})
    line, seen = document.at(path).line, set[str]()
    for tool, effect in item.effects.items():
        where: YamlPath = (*path, "effects", tool)
        pin = approved.get(tool)
        if pin is None:
            message = f"{item.name}.{tool} is not approved yet, so no agent has it"
            near = did_you_mean(tool, approved)
            hint = near if near.startswith("did you") else f"run `agentic pin {item.name}`"
            inputs.warn(document, where, "AC247", message, hint)
            continue
        name = _called(item.name, tool)
        try:
            if not _TOOL_NAME.match(tool) or len(name) > _CALLED or name in seen:
                raise Unfit("its name cannot be offered beside the others")
            spec = _spec(item, name, pin, effect)
        except Unfit as fault:
            inputs.error(document, where, "AC248", f"{item.name}.{tool}: {fault}", "remove it")
            continue
        seen.add(name)
        timeout_s = item.timeout_s or _TIMEOUT_S
        own = "dry_run" in (pin.input_schema.get("properties") or {})
        body = {**server_body(item), "tool": tool, "sha256": pin.sha256, "own_dry_run": own}
        here = f"{document.name}:{line}"
        yield OwnTool(name, "mcp", spec, body, timeout_s, effect != "read", here)


def _called(server: str, tool: str) -> str:
    return f"{server}__{re.sub(r'[^A-Za-z0-9_]', '_', tool)}"


def _spec(item: ToolItem, name: str, pin: ServedTool, effect: Effect) -> ToolSpec:
    said = " ".join(filter(None, (item.description, quoted(item.name, pin.description))))
    timeout_s = (item.timeout_s or _TIMEOUT_S) + GRACE_S
    spec = ToolSpec(name, said, fit_schema(pin.input_schema), effect, item.name, timeout_s)
    return spec if effect == "read" else offered_dry(spec)


def server_body(item: ToolItem) -> dict[str, Any]:
    """How a server is reached, references unresolved."""
    assert item.mcp is not None
    return {
        "server": item.name,
        "command": list(item.mcp.command or ()),
        "url": item.mcp.url or "",
        "env": dict(item.mcp.env),
        "headers": dict(item.mcp.headers),
    }
