"""Every fault of the service and every malformed answer, met by the orchestrator and by a
specialist: nothing runs on input that does not fit, no limit is passed, and the reason is told.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import EngineUnavailable
from agentic.records import Limits
from agentic.runtime.budget import Budget
from agentic.runtime.engines import anthropic as engine_module
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.loop import LoopEnd
from agentic.store import Store, open_store
from tests.support.crew import Crew, clock, report_input
from tests.support.model_server import ModelServer, says, text, tool_use

LIMITS = Limits(tool_calls=30, tokens=50_000)
WHO = ("lead", "data")
Answer = Callable[[int], Any]


@pytest.fixture(autouse=True)
def _service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-123456")
    monkeypatch.setattr(engine_module, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path, project="shop", clock=clock)
    opened.start_run("r1", incident="f", inputs_hash="h", agent="lead")
    yield opened
    opened.engine.dispose()


def play(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
    wrong: Answer,
    set_up: Callable[[ModelServer], None] = lambda _: None,
) -> tuple[LoopEnd, Crew, list[str], ModelServer]:
    """A run in which one of the two speaks as `wrong` says, by the number of its turn."""
    ran: list[str] = []

    def look(_bench: object, *, of: str) -> dict[str, Any]:
        ran.append(of)
        return {"of": of}

    def brain(messages: list[dict[str, Any]]) -> Any:
        turn = len(messages) // 2
        speaker = "lead" if "<incident>" in str(messages[0]["content"]) else "data"
        if speaker == who:
            return wrong(turn)
        if speaker == "lead" and turn == 0:
            return says(tool_use("data", {"task": "look"}))
        return says(tool_use("submit_report", report_input(), number=turn))

    with ModelServer(brain) as server:
        set_up(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        crew = Crew(
            store,
            engines={"lead": AnthropicEngine(base_url=server.url)},
            specialists=["data"],
            bodies={"look": look},
            limits=LIMITS,
        )
        end = crew.run()
    spent = crew.found.budget.spent
    assert spent.tool_calls <= LIMITS.tool_calls
    assert spent.input_tokens + spent.output_tokens <= LIMITS.tokens
    assert server.violations == []
    return end, crew, ran, server


def assert_told(end: LoopEnd, crew: Crew, who: str, reason: str, words: str) -> None:
    """The run of whom it met ended with the reason; a specialist's goes back to the lead."""
    if who == "lead":
        assert end.reason == reason
        assert words in end.sentence
        return
    assert end == LoopEnd("reported")
    (result,) = crew.lead.history[0].results
    assert result.is_error
    assert result.content["ended"] == reason
    assert words in result.content["error"]


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_a_service_that_stays_away(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str, status: int
) -> None:
    end, crew, ran, server = play(store, monkeypatch, who, lambda _turn: status)

    assert_told(end, crew, who, "engine_failed", str(status))
    assert ran == []
    assert len(server.requests) == engine_module.RETRIES + 1 + (0 if who == "lead" else 2)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("place", range(0, 20, 4))
def test_an_answer_cut_off_runs_nothing_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str, place: int
) -> None:
    def wrong(_turn: int) -> Any:
        return says(tool_use("look", {"of": "x" * 400}))

    def cut(server: ModelServer) -> None:
        whole = server.answer

        def answer(body: dict[str, Any]) -> Any:
            lead = "<incident>" in str(body["messages"][0]["content"])
            if lead == (who == "lead"):
                server.cuts = [40 + place * 140]
            return whole(body)

        monkeypatch.setattr(server, "answer", answer)

    end, crew, ran, _ = play(store, monkeypatch, who, wrong, cut)

    assert_told(end, crew, who, "engine_failed", "")
    assert ran == []


def malformed() -> Iterator[Any]:
    """Calls that may not run, and the code that each is answered with."""
    fine = {"of": "a"}
    yield pytest.param(tool_use("look", {}), "AC590", id="missing")
    yield pytest.param(tool_use("look", {"of": 3}), "AC590", id="type")
    yield pytest.param(tool_use("look", {"of": None}), "AC590", id="null")
    yield pytest.param(tool_use("look", fine | {"more": 1}), "AC590", id="extra")
    yield pytest.param(tool_use("no_such_tool", fine), "AG100", id="unknown-tool")
    yield pytest.param(tool_use("look", {"of": "x" * 1_000_000}), "AC590", id="1MB")
    yield pytest.param(tool_use("look", {}) | {"input": '{"of": "a'}, "AC590", id="cut-json")
    yield pytest.param(tool_use("look", {}) | {"input": '{"of": NaN}'}, "AC590", id="nan")
    yield pytest.param(tool_use("look", {}) | {"input": '["a"]'}, "AC590", id="list")
    yield pytest.param(tool_use("submit_report", {"decision": "fix"}), "AC590", id="report")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("block", "code"), list(malformed()))
def test_input_that_does_not_fit_runs_nothing_and_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str, block: dict[str, Any], code: str
) -> None:
    def wrong(turn: int) -> Any:
        if turn == 0:
            return says(block)
        return says(tool_use("submit_report", report_input(), number=turn))

    end, crew, ran, _ = play(store, monkeypatch, who, wrong)

    assert end == LoopEnd("reported")
    assert ran == []
    (result,) = crew.loops[who][0].history[0].results
    assert (result.is_error, result.content["code"]) == (True, code)
    assert len(json.dumps(result.content)) < 4_000


def endings() -> Iterator[Any]:
    """Answers that never come to a report: what they are, why it ends, in which words."""
    same = says(tool_use("look", {"of": "a"}))
    twice = says(tool_use("look", {"of": "a"}), tool_use("look", {"of": "b"}))
    half = says(tool_use("look", {"of": "a"}), stop="max_tokens")
    invalid = says(tool_use("submit_report", {"decision": "wait", "title": "x", "report": {}}))
    yield pytest.param(says(text("All is well.")), "no_report", "without a report", id="text")
    yield pytest.param(says(stop="refusal"), "engine_failed", "refused", id="refusal")
    yield pytest.param(half, "no_report", "without a report", id="cut-in-a-call")
    yield pytest.param(twice, "engine_failed", "one id", id="duplicate-ids")
    yield pytest.param(same, "looping", "again and again", id="the-same-call")
    yield pytest.param(invalid, "invalid_output", "does not fit the schema", id="invalid-report")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("answer", "reason", "words"), list(endings()))
def test_what_never_comes_to_a_report_ends_with_its_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str, answer: Any, reason: str, words: str
) -> None:
    def wrong(turn: int) -> Any:
        blocks = [
            block | ({"id": f"{block['id']}_{turn}"} if reason != "engine_failed" else {})
            for block in answer["content"]
            if "id" in block
        ]
        return answer | ({"content": blocks} if blocks else {})

    end, crew, ran, _ = play(store, monkeypatch, who, wrong)

    assert_told(end, crew, who, reason, words)
    assert ran == (["a"] * 3 if reason == "looping" else [])


@pytest.mark.parametrize("who", WHO)
def test_two_hundred_calls_in_one_turn_run_as_far_as_the_limit(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    many = [tool_use("look", {"of": str(n)}, number=n) for n in range(200)]
    end, crew, ran, _ = play(store, monkeypatch, who, lambda _turn: says(*many))

    assert_told(end, crew, who, "limit", "tool_calls")
    assert len(ran) == len(set(ran)) <= LIMITS.tool_calls
    assert len(crew.loops[who][0].history[0].results) == 200


def test_a_wrong_key_is_a_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong-key-000000")
    end, *_ = play(store, monkeypatch, "lead", lambda _turn: says(text("x")))

    assert "ANTHROPIC_API_KEY" in end.sentence


def ask(url: str, time_left_s: Callable[[], float] = lambda: 600.0) -> str:
    engine = AnthropicEngine(base_url=url, time_left_s=time_left_s)
    crew_task = Crew.task("lead")
    with pytest.raises(EngineUnavailable) as caught:
        engine.next_turn(crew_task, [])
    return caught.value.message


def test_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "TIMEOUT_S", 0.1)
    over = threading.Event()

    def silent(_messages: Any) -> Any:
        over.wait(30)
        return 500

    with ModelServer(silent) as server:
        try:
            assert "no answer in time" in ask(server.url)
        finally:
            over.set()
    assert len(server.requests) == engine_module.RETRIES + 1


def test_a_service_that_cannot_be_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "TIMEOUT_S", 0.1)
    with closing(socket.socket()) as listening, closing(socket.socket()) as filling:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        filling.connect(listening.getsockname())
        more = [socket.socket() for _ in range(4)]
        for one in more:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        said = ask(f"http://127.0.0.1:{listening.getsockname()[1]}")
        for one in more:
            one.close()

    assert "no answer in time" in said


def test_no_request_outlasts_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([5.0, 5.0, 0.05])
    with ModelServer(lambda _: 529) as server:
        ask(server.url, lambda: next(left, 0.0))

    assert len(server.requests) <= 2


@pytest.mark.parametrize("jump_s", [-86_400, -60])
def test_a_clock_that_is_set_back_gives_no_time(jump_s: int) -> None:
    hands = Hands()
    budget = Budget(Limits(duration_s=100.0), hands(), hands, deadline="2026-01-02T00:03:00+00:00")
    hands.seconds = 90
    assert budget.exceeded() is None
    hands.seconds += jump_s

    assert budget.time_left_s() == pytest.approx(10.0)
    hands.seconds += 11

    spent = budget.exceeded()
    assert spent is not None
    assert "duration" in spent.reason


def test_a_clock_that_is_set_forward_ends_the_run() -> None:
    hands = Hands()
    budget = Budget(Limits(duration_s=100.0), hands(), hands)
    hands.seconds = 86_400

    assert budget.time_left_s() == 0.0
    assert budget.exceeded() is not None


class Hands:
    """A clock that goes as the test says."""

    seconds = 0

    def __call__(self) -> str:
        day, rest = divmod(self.seconds + 86_400, 86_400)
        minutes, seconds = divmod(rest, 60)
        hours, minutes = divmod(minutes, 60)
        return f"2026-01-{day + 1:02}T{hours:02}:{minutes:02}:{seconds:02}+00:00"
