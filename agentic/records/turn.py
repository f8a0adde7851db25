"""One step of an engine."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agentic.records.run import Usage
from agentic.records.tool import ToolCall

StopReason = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
]


class Turn(msgspec.Struct, frozen=True):
    """What an engine wants next: tool calls, or an end.

    `raw` is the provider's whole assistant turn, kept verbatim: histories are appended to unedited.
    """

    stop_reason: StopReason
    calls: tuple[ToolCall, ...] = ()
    text: str = ""
    usage: Usage = Usage()
    raw: Any = None
