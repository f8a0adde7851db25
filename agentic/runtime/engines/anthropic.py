"""The engine `anthropic`: the real SDK, our own loop.

The whole assistant turn goes back unedited before the results, as the service demands; every text
in a request was masked before it got here. Blocks are read by type, never by position.
"""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from typing import Any

import anthropic

from agentic.exceptions import EngineError, EngineUnavailable
from agentic.records import StopReason, ToolCall, ToolResult, ToolSpec, Turn, Usage, dumps
from agentic.runtime.engines.base import Exchange, Task
from agentic.runtime.engines.prices import Price, cost_usd, price_of

DEFAULT_MODEL = "claude-opus-5-5"
MAX_TOKENS = 16_000
"""Of one answer; above 21,333 the SDK refuses a call that does not stream."""
TIMEOUT_S = 300.0
RETRIES = 3
_KNOWN_STOPS: tuple[StopReason, ...] = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)


class AnthropicEngine:
    """One `messages.create` a turn. Credentials are the environment's, as the SDK reads them."""

    name = "anthropic"

    def __init__(self, *, model: str = "", base_url: str | None = None) -> None:
        self.model = model or DEFAULT_MODEL
        self.price: Price = price_of(self.model)
        try:
            self.client = anthropic.Anthropic(
                base_url=base_url or os.environ.get("ANTHROPIC_BASE_URL") or None,
                max_retries=RETRIES,
                timeout=TIMEOUT_S,
            )
        except anthropic.AnthropicError as error:
            raise EngineUnavailable(f"the model service cannot be used: {error}") from error

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        """Ask for the next turn. Raises EngineUnavailable when the service is gone, refuses the
        key, or keeps failing after the SDK's retries."""
        try:
            answer = self.client.messages.create(**self._request(task, history))
        except anthropic.APIStatusError as error:
            raise EngineUnavailable(
                f"the model service answered {error.status_code}: {error.message}",
                hint=_advice(error.status_code),
            ) from error
        except (anthropic.AnthropicError, TypeError) as error:
            # TypeError: how the SDK says, at the first call, that it found no credentials at all.
            raise EngineUnavailable(f"the model service cannot be reached: {error}") from error
        return self._turn(answer)

    def _request(self, task: Task, history: Sequence[Exchange]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": task.instructions,
            "messages": messages(task, history),
            "tools": [_tool(spec) for spec in task.tools],
            "cache_control": {"type": "ephemeral"},
        }
        if task.effort:
            request["output_config"] = {"effort": task.effort}
        return request

    def _turn(self, answer: anthropic.types.Message) -> Turn:
        stop = answer.stop_reason
        if stop not in _KNOWN_STOPS:
            raise EngineError(f"the model service stopped for an unknown reason: {stop!r}")
        calls = tuple(
            ToolCall(block.id, block.name, block.input)
            for block in answer.content
            if block.type == "tool_use" and isinstance(block.input, dict)
        )
        text = "\n".join(block.text for block in answer.content if block.type == "text")
        raw = [block.model_dump(mode="json", exclude_none=True) for block in answer.content]
        return Turn(stop, calls, text, self._usage(answer.usage), raw)

    def _usage(self, usage: anthropic.types.Usage) -> Usage:
        written = usage.cache_creation_input_tokens or 0
        read = usage.cache_read_input_tokens or 0
        return Usage(
            input_tokens=usage.input_tokens + written + read,
            output_tokens=usage.output_tokens,
            cost_usd=cost_usd(
                self.price,
                fresh=usage.input_tokens,
                written=written,
                read=read,
                output=usage.output_tokens,
            ),
        )


def messages(task: Task, history: Sequence[Exchange]) -> list[dict[str, Any]]:
    """The conversation in the service's shape; a pure function, so that it can be tested."""
    said: list[dict[str, Any]] = [{"role": "user", "content": task.brief}]
    for exchange in history:
        if exchange.turn.raw:
            said.append({"role": "assistant", "content": exchange.turn.raw})
        answer: list[dict[str, Any]] = [_result(result) for result in exchange.results]
        if exchange.note:
            answer.append({"type": "text", "text": exchange.note})
        if answer:
            said.append({"role": "user", "content": answer})
    return said


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "description": spec.description,
        "input_schema": spec.input_schema,
    }


def _result(result: ToolResult) -> dict[str, Any]:
    """A result inside an envelope: what it holds is data, whatever it says."""
    cut = ' truncated="true"' if result.truncated else ""
    body = html.escape(dumps(result.content), quote=False)
    return {
        "type": "tool_result",
        "tool_use_id": result.call_id,
        "content": f"<tool_output{cut}>\n{body}\n</tool_output>",
        "is_error": result.is_error,
    }


def _advice(status: int) -> str:
    if status in (401, 403):
        return "Check ANTHROPIC_API_KEY, or run with `engine: rules`."
    if status == 404:
        return "Check the agent's `model:`."
    return "Try again later, or run with `engine: rules`."
