"""A `sql` tool: the user's statement with bound inputs, judged as an agent's own would be."""

from __future__ import annotations

from typing import Any

from agentic.exceptions import SqlError
from agentic.records import OwnTool
from agentic.sql.binding import bound
from agentic.tools.bench import Bench
from agentic.tools.own.hands import Hands
from agentic.tools.registry import ToolError
from agentic.tools.statements import rows_of


def run_query(bench: Bench, tool: OwnTool, given: dict[str, Any], _hands: Hands) -> dict[str, Any]:
    """The rows, capped and masked as those of run_sql. Raises ToolError."""
    try:
        sql = bound(tool.body["sql"], given, tool.body["formats"], dialect=bench.dialect)
    except SqlError as error:
        raise ToolError(f"{tool.name}: {error.message}", code="AC590", hint=error.hint) from error
    return rows_of(bench, sql, timeout_s=tool.timeout_s)
