"""An `http` tool: one request to the host that the file names."""

from __future__ import annotations

from typing import Any

from agentic.exceptions import ServiceError
from agentic.integrations import Declared, perform
from agentic.records import OwnTool
from agentic.tools.bench import Bench
from agentic.tools.own.hands import Hands
from agentic.tools.registry import ToolError


def send_request(
    _bench: Bench, tool: OwnTool, given: dict[str, Any], hands: Hands
) -> dict[str, Any]:
    """Status and body of the answer, capped. Raises ToolError."""
    declared = Declared(**tool.body)
    # The same key after a restart: a service that keeps keys does it once.
    key = hands.key() if tool.spec.effect == "external" else ""
    try:
        return perform(
            tool.name, declared, given, hands.variables, timeout_s=tool.timeout_s, key=key
        )
    except ServiceError as error:
        sentence = f"{tool.name}: {error.message}"
        raise ToolError(sentence, code=error.code, hint=error.hint) from error
