"""What an engine may call: one function a tool, registered with its schema and its effect."""

from agentic.tools import (
    ages,
    columns,
    dbt,
    ddl,
    edits,
    files,
    live,
    nodes,
    notify,
    overview,
    past,
    planning,
    profiles,
    ran,
    report,
    scratchpad,
    statements,
)
from agentic.tools.bench import Bench, Made, Report, SqlLimits
from agentic.tools.registry import (
    ToolError,
    check_input,
    registry,
    registry_function,
    tool,
    toolsets,
)
from agentic.tools.reporting import INVALID_OUTPUT, offered_report

BUILT_IN = (
    ages,
    columns,
    dbt,
    ddl,
    edits,
    files,
    live,
    nodes,
    notify,
    overview,
    past,
    planning,
    profiles,
    ran,
    report,
    scratchpad,
    statements,
)
"""Modules whose import registers the tools."""

__all__ = [
    "BUILT_IN",
    "INVALID_OUTPUT",
    "Bench",
    "Made",
    "Report",
    "SqlLimits",
    "ToolError",
    "check_input",
    "offered_report",
    "registry",
    "registry_function",
    "tool",
    "toolsets",
]
