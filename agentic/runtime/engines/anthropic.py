"""The engine `anthropic`: the real SDK, our own loop.

The whole assistant turn goes back unedited before the results, as the service demands; every text
in a request was masked before it got here. Blocks are read by type, never by position.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anthropic
import httpx2
import msgspec
from anthropic.types import Message, RawMessageStreamEvent

from agentic.exceptions import EngineError, EngineUnavailable
from agentic.records import StopReason, ToolCall, Turn, Usage
from agentic.runtime.engines.base import Exchange, Task
from agentic.runtime.engines.clients import Client, open_client
from agentic.runtime.engines.conversation import CACHED, Conversation, system, tools
from agentic.runtime.engines.prices import Price, cost_usd, price_of

DEFAULT_MODEL = "claude-opus-5-5"
MAX_TOKENS = 32_000
"""Of one answer, thinking included."""
TIMEOUT_S = 300.0
"""Between two pieces of an answer, at most."""
RETRIES = 4
"""Of one request that the service cannot answer now: 408, 409, 429, 5xx, no connection, an answer
that broke off."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 16.0
_KNOWN_STOPS: tuple[StopReason, ...] = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)
_RANDOM = random.SystemRandom()
_PASSING = (408, 409, 429)
_NO_STRICT = ("grammar", "strict", "schema")
"""Words of a refusal that names our schemas and not our request."""


class _Passing(EngineUnavailable):
    """A fault that may be gone the next time. `wait_s`: what the service asked for, if it did."""

    wait_s: float = 0.0


class AnthropicEngine:
    """One streamed message a turn. Credentials are the environment's, as the SDK reads them.

    `time_left_s` gives the seconds that the run may still take: no wait outlasts them.
    """

    name = "anthropic"

    def __init__(
        self,
        *,
        model: str = "",
        base_url: str | None = None,
        time_left_s: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        self.model = model or DEFAULT_MODEL
        self.price: Price = price_of(self.model)
        self.client: Client = open_client(base_url)
        self.time_left_s = time_left_s
        self.strict = True
        self._conversation: Conversation | None = None

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        """Ask for the next turn. Raises EngineUnavailable when the service is gone, refuses the
        key, or keeps failing after the retries; EngineError for an answer that cannot be read."""
        request = self._request(task, history)
        attempt = 0
        while True:
            try:
                return self._ask(request)
            except _Passing as error:
                pause_s = _pause_s(attempt, error.wait_s)
                if attempt == RETRIES or self.time_left_s() <= pause_s:
                    raise
                time.sleep(pause_s)
                attempt += 1
            except anthropic.BadRequestError as error:
                if not self.strict or not any(word in str(error.message) for word in _NO_STRICT):
                    raise _unavailable(error) from error
                self.strict = False
                request = self._request(task, history)

    def _ask(self, request: dict[str, Any]) -> Turn:
        try:
            return self._stream(request)
        except anthropic.BadRequestError:
            raise
        except anthropic.APIStatusError as error:
            if error.status_code not in _PASSING and error.status_code < 500:
                raise _unavailable(error) from error
            passing = _Passing(str(_unavailable(error).message), hint=_advice(error.status_code))
            passing.wait_s = _retry_after_s(error.response.headers)
            raise passing from error
        except anthropic.APITimeoutError as error:
            raise _Passing("the model service gave no answer in time") from error
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            raise _Passing(f"the model service cannot be reached: {error}") from error
        except (anthropic.AnthropicError, TypeError) as error:
            # TypeError: how the SDK says, at the first call, that it found no credentials at all.
            raise EngineUnavailable(f"the model service cannot be used: {error}") from error

    def _request(self, task: Task, history: Sequence[Exchange]) -> dict[str, Any]:
        if self._conversation is None or self._conversation.task is not task:
            self._conversation = Conversation(task)
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "tools": tools(task.tools, strict=self.strict),
            "system": system(task),
            "messages": self._conversation.messages(history),
            "cache_control": CACHED,
            "thinking": {"type": "adaptive"},
        }
        if task.effort:
            request["output_config"] = {"effort": task.effort}
        return request

    def _stream(self, request: dict[str, Any]) -> Turn:
        """Read one answer piece by piece; the input of a call is parsed strictly, at its end."""
        left_s = self.time_left_s()
        if left_s <= 0:
            raise EngineError("the time for this run is used up")
        inputs: dict[int, str] = {}
        with self._open(request, min(TIMEOUT_S, left_s)) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                    inputs[event.index] = inputs.get(event.index, "") + event.delta.partial_json
                if self.time_left_s() <= 0:
                    raise EngineError("the time for this run ran out during an answer")
            answer = stream.get_final_message()
        if answer.stop_reason is None:
            raise _Passing("the model service's answer broke off")
        return self._turn(answer, inputs)

    def _open(self, request: dict[str, Any], timeout_s: float) -> Any:
        """The SDK's stream of one answer. Where the body goes out as we write it, the history's
        bytes are only appended to: the SDK would copy and encode all of it at each turn."""
        if not isinstance(self.client, anthropic.Anthropic) or self._conversation is None:
            return self.client.messages.stream(**request, timeout=timeout_s)
        rest = {name: value for name, value in request.items() if name != "messages"}
        said = self._conversation.encoded()
        body = b'{"messages":' + said + b"," + msgspec.json.encode(rest | {"stream": True})[1:]
        raw = self.client.post(
            "/v1/messages",
            content=body,
            cast_to=Message,
            options={"timeout": timeout_s},
            stream=True,
            stream_cls=anthropic.Stream[RawMessageStreamEvent],
        )
        return anthropic.MessageStream(raw, output_format=anthropic.NOT_GIVEN)

    def _turn(self, answer: Any, inputs: dict[int, str]) -> Turn:
        stop = answer.stop_reason
        if stop not in _KNOWN_STOPS:
            raise EngineError(f"the model service stopped for an unknown reason: {stop!r}")
        calls = tuple(
            _call(block, inputs.get(index, ""))
            for index, block in enumerate(answer.content)
            if block.type == "tool_use"
        )
        if len({call.id for call in calls}) < len(calls):
            raise EngineError("the model service gave two calls one id: none can be answered")
        text = "\n".join(block.text for block in answer.content if block.type == "text")
        raw = [_as_sent(block) for block in answer.content]
        return Turn(stop, calls, text, self._usage(answer.usage), raw)

    def _usage(self, usage: Any) -> Usage:
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


def _as_sent(block: Any) -> dict[str, Any]:
    """A block as it goes back; the service takes no input that is not an object."""
    if block.type == "tool_use" and not isinstance(block.input, dict):
        block.input = {}
    sent: dict[str, Any] = block.model_dump(mode="json", exclude_none=True)
    return sent


def _call(block: Any, text: str) -> ToolCall:
    """A call whose input is what the service sent: the SDK mends JSON that is cut off, and a call
    that looks whole then means something else."""
    try:
        given = msgspec.json.decode(text or "{}")
    except msgspec.MsgspecError as error:
        return ToolCall(block.id, block.name, {}, malformed=f"the input is no JSON: {error}")
    if not isinstance(given, dict):
        return ToolCall(block.id, block.name, {}, malformed="the input is no JSON object")
    return ToolCall(block.id, block.name, given)


def _pause_s(attempt: int, asked_s: float) -> float:
    """Exponential, with jitter, and never sooner than the service asked for."""
    backoff_s = min(FIRST_PAUSE_S * 2.0**attempt, LONGEST_PAUSE_S)
    return max(asked_s, backoff_s * _RANDOM.uniform(0.5, 1.0))


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds that the service asks to wait; nought for what is no number."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) * unit_s)
        except ValueError:
            continue
    return 0.0


def _unavailable(error: anthropic.APIStatusError) -> EngineUnavailable:
    return EngineUnavailable(
        f"the model service answered {error.status_code}: {error.message}",
        hint=_advice(error.status_code),
    )


def _advice(status: int) -> str:
    if status in (401, 403):
        return "Check ANTHROPIC_API_KEY, or run with `engine: rules`."
    if status == 404:
        return "Check the agent's `model:`."
    return "Try again later, or run with `engine: rules`."
