"""What an engine may call, a call, and its result."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agentic.records.decision import Decision

Effect = Literal["read", "workspace", "external"]


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as the compiled manifest and the engines see it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    """JSON Schema (draft 2020-12) of an object; `additionalProperties` is false."""
    effect: Effect
    toolset: str
    timeout_s: float = 60.0


class ToolCall(msgspec.Struct, frozen=True):
    """One request of an engine; `id` is unique within its run."""

    id: str
    name: str
    input: dict[str, Any]
    malformed: str = ""
    """Why the engine's input could not be read; such a call is never made."""


class ToolResult(msgspec.Struct, frozen=True):
    """What came back, already masked and capped."""

    call_id: str
    content: Any
    """JSON-ready."""
    is_error: bool = False
    decision: Decision | None = None
    """Set when a guardrail did not allow the call; `content` then holds its reason."""
    truncated: bool = False
