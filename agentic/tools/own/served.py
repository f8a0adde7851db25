"""An `mcp` tool: one tool of a server, asked only while it is what a person approved."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentic.exceptions import ServiceError
from agentic.integrations import resolved_secrets
from agentic.project import Project, tool_environment
from agentic.records import CodePage, OwnTool, dump, dumps, publish
from agentic.tools.bench import Bench
from agentic.tools.own.hands import DRY_RUN, Hands
from agentic.tools.registry import ToolError

publish(
    CodePage(
        "AG174",
        "mcp-tool-changed",
        "A tool of an MCP server is not what a person approved, so it was not called.",
        why="A server can change its words and schemas after it was looked at.",
        fix="Run `agentic pin SERVER` in a terminal: it shows the difference.",
    ),
)


def ask_server(bench: Bench, tool: OwnTool, given: dict[str, Any], hands: Hands) -> dict[str, Any]:
    """What the tool said, capped. Raises ToolError."""
    client = client_module()
    if hands.servers is None:
        hands.servers = client.Servers(bench.project.root)
    pin = client.Pin(tool.body["tool"], tool.body["sha256"])
    if tool.body["own_dry_run"]:
        given = {**given, DRY_RUN: False}
    try:
        server = server_at(tool.body, hands.variables)
        said: dict[str, Any] = hands.servers.call(server, pin, given, timeout_s=tool.timeout_s)
    except client.Changed as changed:
        keep_seen(bench.project, tool.body["server"], {pin.tool: changed.now})
        raise ToolError(changed.message, code=changed.code, hint=changed.hint) from changed
    except ServiceError as error:
        raise ToolError(
            f"{tool.name}: {error.message}", code=error.code, hint=error.hint
        ) from error
    return said


def client_module() -> Any:
    """The client, whose packages are an extra. Raises ToolError without them."""
    try:
        return importlib.import_module("agentic.integrations.mcp_client")
    except ModuleNotFoundError as error:
        raise ToolError(
            f"MCP servers need the package {error.name!r}, which is not installed",
            hint="Install the extra: pip install 'dbt-agentic[mcp]'.",
        ) from error


def server_at(body: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """A compiled server with every reference resolved, just before use. Raises ServiceError."""
    name = body["server"]
    return client_module().ServerAt(
        name,
        tuple(body["command"]),
        resolved_secrets(name, {"url": body["url"]}, variables)["url"],
        {**tool_environment(), **resolved_secrets(name, body["env"], variables)},
        resolved_secrets(name, body["headers"], variables),
    )


def seen_path(project: Project, server: str) -> Path:
    """Where it is kept what a server's tools were when they were seen last."""
    return project.target_path / "agentic" / "mcp" / f"{server}.json"


def keep_seen(project: Project, server: str, tools: Mapping[str, Any]) -> None:
    """Note what a tool has become, so that `agentic compile` can show it; None: it is gone."""
    file = seen_path(project, server)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dumps({name: one and dump(one) for name, one in tools.items()}), "utf-8")
