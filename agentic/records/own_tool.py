"""A tool of the user's own, compiled: what an engine sees, and what the boundary does."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agentic.records.tool import ToolSpec

OwnKind = Literal["http", "sql", "python", "macro", "mcp"]


class OwnTool(msgspec.Struct, frozen=True):
    """One entry under `tools` of agents.yml; an MCP server yields one for each of its tools."""

    name: str
    """As engines call it; that of an MCP server's tool is `SERVER__TOOL`."""
    kind: OwnKind
    spec: ToolSpec
    body: dict[str, Any] = {}
    """What its kind needs. References to the environment are still references."""
    timeout_s: float = 60.0
    """For the work itself; the spec's is a little longer, so that what hangs is ended first."""
    dry: bool = False
    """It writes: only what it would do is said, unless the engine gives `dry_run: false`."""
    where: str = ""
    """`file:line` of its entry."""
