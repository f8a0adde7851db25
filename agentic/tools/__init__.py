"""What an engine may call: one function a tool, registered with its schema and its effect."""

from agentic.tools.bench import Bench, Report, SqlLimits
from agentic.tools.registry import (
    ToolError,
    check_input,
    registry,
    registry_function,
    tool,
    toolsets,
)

__all__ = [
    "Bench",
    "Report",
    "SqlLimits",
    "ToolError",
    "check_input",
    "registry",
    "registry_function",
    "tool",
    "toolsets",
]
