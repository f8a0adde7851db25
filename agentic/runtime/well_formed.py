"""What an engine says, as text that can be kept and sent: Python's strings may hold half characters
(lone surrogates) that no encoding has."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.records import ToolCall, Turn, dumps

_WHY = "the input holds half of a character (a lone surrogate): write it again without it"


def well_formed(turn: Turn) -> Turn:
    """The same turn; where it cannot be encoded, half characters are replaced, and a call that held
    one is malformed: it may mean something else now."""
    if _encodes(turn):
        return turn
    return msgspec.structs.replace(
        turn,
        calls=tuple(well_formed_call(call) for call in turn.calls),
        text=replaced(turn.text),
        raw=replaced(turn.raw),
    )


def well_formed_call(call: ToolCall) -> ToolCall:
    """The same call, or a malformed one."""
    if _encodes(call):
        return call
    return ToolCall(replaced(call.id), replaced(call.name), replaced(call.input), malformed=_WHY)


def replaced(value: Any) -> Any:
    """JSON-ready builtins with each half character replaced; two halves that make one do."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {replaced(key): replaced(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(one) for one in value]
    return value


def _encodes(value: object) -> bool:
    try:
        dumps(value)
    except UnicodeEncodeError:
        return False
    return True
