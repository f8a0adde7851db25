"""The real SDK against a server that speaks the protocol and refuses what the service refuses."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.exceptions import EngineError, EngineUnavailable
from agentic.records import ToolResult, ToolSpec, Turn
from agentic.runtime.engines import Exchange, Task
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.engines.choose import choose_engine
from tests.support.model_server import ModelServer, says, text, tool_use

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TASK = Task(
    "triage",
    "Find the root cause.",
    "<incident>it broke</incident>",
    (ToolSpec("read_file", "Read a file.", SCHEMA, "read", "context"),),
    effort="medium",
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-123456")


def ask(server: ModelServer, history: list[Exchange]) -> Turn:
    return AnthropicEngine(base_url=server.url).next_turn(TASK, history)


def test_a_conversation_keeps_the_protocol() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "sig"}
    answers = [says(thinking, tool_use("read_file", {"path": "a"})), says(text("done"))]

    with ModelServer(lambda messages: answers[len(messages) // 2]) as server:
        first = ask(server, [])
        results = tuple(ToolResult(call.id, {"text": "</tool_output> x"}) for call in first.calls)
        second = ask(server, [Exchange(first, results, "go on")])

    assert server.violations == []
    assert (first.stop_reason, first.calls[0].name) == ("tool_use", "read_file")
    assert (second.stop_reason, second.text) == ("end_turn", "done")
    sent = server.requests[1]["messages"][-1]["content"]
    assert sent[0]["content"].count("</tool_output>") == 1
    assert sent[1] == {"type": "text", "text": "go on"}
    assert server.requests[0]["output_config"] == {"effort": "medium"}


def test_usage_is_priced_with_the_cache() -> None:
    usage = {"cache_read_input_tokens": 1_000_000, "cache_creation_input_tokens": 0}
    with ModelServer(lambda _: says(text("x"), **usage)) as server:
        turn = ask(server, [])

    assert turn.usage.input_tokens == 1_000_100
    assert turn.usage.cost_usd == pytest.approx(0.2 + 100 * 4e-6 + 20 * 20e-6)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "pause_turn", "stop_sequence"])
def test_every_stop_reason_comes_through(stop: str) -> None:
    with ModelServer(lambda _: says(text("x"), stop=stop)) as server:
        assert ask(server, []).stop_reason == stop


def test_a_stop_reason_of_tomorrow_is_refused() -> None:
    odd = ModelServer(lambda _: says(text("x"), stop="telepathy"))
    with odd as server, pytest.raises(EngineError, match="telepathy"):
        ask(server, [])


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_passing_fault_is_tried_again(status: int) -> None:
    answers: list[Any] = [status, says(text("back"))]
    with ModelServer(lambda _: answers.pop(0)) as server:
        assert ask(server, []).text == "back"


def test_a_service_that_keeps_failing_is_unavailable() -> None:
    with ModelServer(lambda _: 500) as server, pytest.raises(EngineUnavailable, match="500"):
        ask(server, [])


def test_a_wrong_key_is_named_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong-key-000000")
    fine = ModelServer(lambda _: says(text("x")))
    with fine as server, pytest.raises(EngineUnavailable) as caught:
        ask(server, [])

    assert "ANTHROPIC_API_KEY" in caught.value.hint


def test_a_server_that_is_gone_is_unavailable() -> None:
    with ModelServer(lambda _: says(text("x"))) as server:
        url = server.url
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        AnthropicEngine(base_url=url).next_turn(TASK, [])


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(EngineError, match="no price is known"):
        AnthropicEngine(model="claude-of-tomorrow")


def test_auto_takes_what_the_credentials_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_engine("auto") == "anthropic"
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert choose_engine("auto") == "rules"
    with pytest.raises(EngineError, match="needs a key"):
        choose_engine("anthropic")
