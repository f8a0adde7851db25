"""What the model service can do wrong, by the real SDK against a server that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentic.exceptions import EngineError, EngineUnavailable
from agentic.records import ToolResult, ToolSpec, Turn
from agentic.runtime.engines import Exchange, Task
from agentic.runtime.engines import anthropic as engine_module
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.engines.conversation import strict_schema
from tests.support.model_server import ModelServer, says, text, tool_use

SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string", "minLength": 1}},
    "required": ["path"],
    "additionalProperties": False,
}
TASK = Task(
    "triage",
    "Find the root cause.",
    "<incident>it broke</incident>",
    (
        ToolSpec("read_file", "Read a file.", SCHEMA, "read", "context"),
        ToolSpec("edit_file", "Edit a file.", SCHEMA, "workspace", "edits"),
    ),
)
CALL = says(tool_use("edit_file", {"path": "models/a.sql", "text": "x" * 400}), text("done"))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-123456")
    monkeypatch.setattr(engine_module, "FIRST_PAUSE_S", 0.001)


def ask(server: ModelServer, time_left_s: Callable[[], float] = lambda: 600.0) -> Turn:
    engine = AnthropicEngine(base_url=server.url, time_left_s=time_left_s)
    return engine.next_turn(TASK, [])


@pytest.mark.parametrize("place", range(20))
def test_an_answer_cut_anywhere_is_asked_for_again(place: int) -> None:
    with ModelServer(lambda _: CALL) as server:
        server.cuts = [40 + place * 75]
        turn = ask(server)

    assert len(server.requests) == 2
    assert turn.calls[0].input["text"] == "x" * 400
    assert server.violations == []


def test_an_answer_that_is_always_cut_ends_the_engine() -> None:
    with ModelServer(lambda _: CALL) as server, pytest.raises(EngineUnavailable):
        server.cuts = [200] * 50
        ask(server)

    assert len(server.requests) == engine_module.RETRIES + 1


@pytest.mark.parametrize("wait", ["7200", "inf"])
def test_a_wait_longer_than_the_run_may_take_is_not_waited(wait: str) -> None:
    with ModelServer(lambda _: 429) as server, pytest.raises(EngineUnavailable, match="429"):
        server.headers = {"retry-after": wait}
        ask(server)

    assert len(server.requests) == 1


@pytest.mark.parametrize("wait", ["nan", "-5", "Fri, 20 Nov 2026 10:00:00 GMT", ""])
def test_a_wait_that_is_no_number_is_our_own(wait: str) -> None:
    answers: list[Any] = [429, CALL]
    with ModelServer(lambda _: answers.pop(0)) as server:
        server.headers = {"retry-after": wait}

        assert ask(server).calls


@pytest.mark.parametrize("given", ['{"path": "mod', '["a"]', '{"path": NaN}', "null", '{"a":1}{'])
def test_input_that_is_no_json_object_is_never_made_whole(given: str) -> None:
    said = says(tool_use("edit_file", {}) | {"input": given})
    with ModelServer(lambda _: said) as server:
        turn = ask(server)

    assert turn.calls[0].input == {}
    assert "JSON" in turn.calls[0].malformed


def test_the_conversation_goes_on_after_input_that_is_no_json() -> None:
    answers = [says(tool_use("edit_file", {}) | {"input": '{"path"'}), says(text("done"))]
    with ModelServer(lambda messages: answers[len(messages) // 2]) as server:
        engine = AnthropicEngine(base_url=server.url)
        first = engine.next_turn(TASK, [])
        result = answered(first)
        engine.next_turn(TASK, [Exchange(first, (result,))])

    assert server.violations == []


def answered(turn: Turn) -> ToolResult:
    return ToolResult(turn.calls[0].id, {"error": turn.calls[0].malformed}, is_error=True)


def test_two_calls_with_one_id_end_the_engine() -> None:
    twice = says(tool_use("read_file", {"path": "a"}), tool_use("read_file", {"path": "b"}))
    with ModelServer(lambda _: twice) as server, pytest.raises(EngineError, match="one id"):
        ask(server)


def test_no_request_is_made_when_the_time_is_used_up() -> None:
    with ModelServer(lambda _: CALL) as server, pytest.raises(EngineError, match="used up"):
        ask(server, lambda: 0.0)

    assert server.requests == []


def test_only_calls_with_an_effect_are_strict() -> None:
    with ModelServer(lambda _: CALL) as server:
        ask(server)

    read, edit = server.requests[0]["tools"]
    assert "strict" not in read
    assert edit["strict"] is True
    assert edit["input_schema"]["properties"] == {"path": {"type": "string"}}


def test_a_service_that_cannot_be_strict_is_asked_without() -> None:
    with ModelServer(lambda _: CALL, refuse_strict=True) as server:
        turn = ask(server)

    assert turn.calls
    assert [any("strict" in tool for tool in one["tools"]) for one in server.requests] == [
        True,
        False,
    ]


def test_a_schema_that_lets_anything_in_is_not_strict() -> None:
    part = {"type": "object", "properties": {}}

    assert strict_schema(SCHEMA) is not None
    assert strict_schema(part) is None
    assert strict_schema(SCHEMA | {"properties": {"any": {"description": "any value"}}}) is None


def test_the_prefix_is_the_same_in_every_request() -> None:
    answers = [says(tool_use("read_file", {"path": "a"})), says(text("done"))]
    with ModelServer(lambda messages: answers[len(messages) // 2]) as server:
        engine = AnthropicEngine(base_url=server.url)
        first = engine.next_turn(TASK, [])
        engine.next_turn(TASK, [Exchange(first, (answered(first),))])

    one, two = server.requests
    assert (one["tools"], one["system"]) == (two["tools"], two["system"])
    assert one["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert two["messages"][: len(one["messages"])] == one["messages"]
