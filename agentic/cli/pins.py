"""What pin, compile and debug share: a server's tools now, and against what was approved."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from agentic.cli.output import plain
from agentic.compiler import server_body
from agentic.config import (
    LOCK_FILE,
    ServedTool,
    Unfit,
    fit_schema,
    inspect_files,
    project_variables,
    read_lock,
)
from agentic.config.agents_spec import ToolItem
from agentic.project import Project
from agentic.records import dumps
from agentic.tools.own.served import client_module, seen_path, server_at

_SHOWN = 60_000
"""Characters of a tool that a person is shown; one with more is not offered."""
State = Literal["approved", "new", "changed", "gone", "unfit"]


class Standing(NamedTuple):
    """One declared tool of a server: what it is now, and what was approved."""

    tool: str
    state: State
    now: ServedTool | None
    before: ServedTool | None


def servers_of(project: Project) -> dict[str, ToolItem]:
    """The MCP servers that agents.yml declares, by name."""
    tools = inspect_files(project.root).specs.agents.tools
    return {item.name: item for item in tools if item.mcp is not None and item.config.enabled}


def asked(project: Project, item: ToolItem, *, timeout_s: float = 30.0) -> tuple[ServedTool, ...]:
    """Start the server and ask what it offers. Raises ServiceError and ToolError."""
    at = server_at(server_body(item), project_variables(project.root))
    servers = client_module().Servers(project.root)
    try:
        found: tuple[ServedTool, ...] = servers.tools(at, timeout_s=timeout_s)
    finally:
        servers.close()
    return found


def standings(project: Project, item: ToolItem, found: tuple[ServedTool, ...]) -> list[Standing]:
    """Each declared tool, in the file's order. Raises LockFault."""
    now = {one.name: one for one in found}
    before = read_lock(project.root).get(item.name, {})
    return [
        Standing(tool, _state(now.get(tool), before.get(tool)), now.get(tool), before.get(tool))
        for tool in item.effects
    ]


def _state(now: ServedTool | None, before: ServedTool | None) -> State:
    if now is None:
        return "gone"
    try:
        fit_schema(now.input_schema)
    except Unfit:
        return "unfit"
    if len(dumps(now)) > _SHOWN:
        return "unfit"
    if before is None:
        return "new"
    return "approved" if now.sha256 == before.sha256 else "changed"


def shown(one: Standing) -> str:
    """A new tool in full; of a changed one the lines that differ."""
    if one.now is None:
        return "  the server does not offer it"
    lines = _lines(one.now)
    if one.before is not None:
        old = _lines(one.before)
        lines = list(difflib.unified_diff(old, lines, "approved", "now", n=2, lineterm=""))
    text = "\n".join(f"  {plain(line)}" for line in lines)
    return text if one.state != "unfit" else text[:_SHOWN]


def _lines(tool: ServedTool) -> list[str]:
    said = tool.description.splitlines() or ["(no description)"]
    return [*said, *dumps(tool.input_schema, indent=2).splitlines()]


def seen_changes(project: Project) -> list[str]:
    """What runs saw of tools that are not what was approved, and how to approve it."""
    told = []
    for name, item in servers_of(project).items():
        for one in _seen(project, item):
            if one.state in ("changed", "gone"):
                told += [f"{name}.{one.tool} is not what {LOCK_FILE} holds:", shown(one)]
                told.append(f"  No agent can call it. Approve it in a terminal: agentic pin {name}")
    return told


def _seen(project: Project, item: ToolItem) -> list[Standing]:
    try:
        raw: Mapping[str, Any] = msgspec.json.decode(seen_path(project, item.name).read_bytes())
        seen = {name: one and msgspec.convert(one, ServedTool) for name, one in raw.items()}
    except (OSError, msgspec.MsgspecError, AttributeError):
        return []
    before = read_lock(project.root).get(item.name, {})
    return [
        Standing(tool, _state(one, before.get(tool)), one, before.get(tool))
        for tool, one in seen.items()
        if tool in item.effects
    ]
