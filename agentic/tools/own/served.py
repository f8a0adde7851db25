"""An `mcp` tool: one tool of a server, asked only while it is what a person approved."""

from __future__ import annotations

from typing import Any

from agentic.records import OwnTool
from agentic.tools.bench import Bench
from agentic.tools.own.hands import Hands
from agentic.tools.registry import ToolError


def ask_server(
    _bench: Bench, tool: OwnTool, _given: dict[str, Any], _hands: Hands
) -> dict[str, Any]:
    """What the tool said, capped. Raises ToolError."""
    raise ToolError(f"{tool.name} cannot be asked")
