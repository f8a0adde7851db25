"""The loop: ask the engine, do its calls through the boundary, until it reports or must stop.

Every way out is a `LoopEnd`. Budgets are asked before each turn and each call; each turn and each
call is a step of the journal, so a run that was killed goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from agentic.events import Stream
from agentic.exceptions import EngineError
from agentic.masking import mask_text
from agentic.records import Decision, ToolCall, ToolResult, Turn
from agentic.runtime.boundary import Boundary
from agentic.runtime.budget import Budget
from agentic.runtime.effects import Parked, Rejected
from agentic.runtime.engines import Engine, Exchange, Task
from agentic.runtime.handover import brief_again, hand_over
from agentic.runtime.well_formed import replaced, well_formed
from agentic.store import Ask, Journal

WINDOW_SHARE = 0.8
NUDGES = 2
"""How often an engine that stops without a report is asked for one."""
CORRECTIONS = 2
"""How often a report that is not valid goes back with what is wrong with it."""
HANDOVERS = 3
"""How many conversations may follow the first."""
_WINDOW_FULL = "model_context_window_exceeded"
_ENDINGS = {
    "refusal": "the engine refused to go on",
    _WINDOW_FULL: "the engine's history grew past its window again and again",
}


class LoopEnd(msgspec.Struct, frozen=True):
    """Why the loop ended: a report lies on the bench, or a sentence says why not."""

    reason: Literal[
        "reported",
        "limit",
        "looping",
        "no_report",
        "invalid_output",
        "engine_failed",
        "parked",
        "rejected",
    ]
    sentence: str = ""
    ask: Ask | None = None
    """What waits for a person, when the run is parked."""


class _Asked(msgspec.Struct, frozen=True):
    """What asking an engine gave: journalled, so that a failure is replayed as a failure."""

    turn: Turn | None = None
    failure: str = ""


@dataclass
class Loop:
    """One engine on one task."""

    engine: Engine
    task: Task
    boundary: Boundary
    budget: Budget
    journal: Journal
    stream: Stream
    history: list[Exchange] = field(default_factory=list)
    window_tokens: int = 200_000
    """What one request may hold; near it a new conversation starts."""
    _earlier: int = 0
    """Turns of the conversations before this one."""
    _handovers: int = 0

    def __post_init__(self) -> None:
        self._first_brief = self.task.brief

    def run(self) -> LoopEnd:
        """Go on until the engine reports, a limit is used up, it cannot go on, or a person is
        asked."""
        try:
            return self._turns()
        except Parked as parked:
            return LoopEnd("parked", parked.sentence, parked.ask)
        except Rejected as rejected:
            return LoopEnd("rejected", rejected.sentence)

    def _turns(self) -> LoopEnd:
        nudges = 0
        while True:
            if spent := self.budget.exceeded():
                return LoopEnd("limit", spent.reason)
            asked = self._ask()
            if asked.turn is None:
                return LoopEnd("engine_failed", asked.failure)
            turn = asked.turn
            self.budget.spend(turn.usage)
            if turn.stop_reason == _WINDOW_FULL and self._begin_anew():
                continue
            if turn.stop_reason in _ENDINGS:
                return LoopEnd("engine_failed", _ENDINGS[turn.stop_reason])
            results = self._do(turn)
            if end := self._ended():
                return end
            note = self._note(turn)
            if note and (nudges := nudges + 1) > NUDGES:
                return LoopEnd("no_report", "the engine stopped without a report")
            self.history.append(Exchange(turn, results, note))
            if turn.usage.input_tokens > WINDOW_SHARE * self.window_tokens:
                self._begin_anew()

    def _ended(self) -> LoopEnd | None:
        """What the calls of a turn came to, where they were the last."""
        if self.boundary.bench.report is not None:
            return LoopEnd("reported")
        if len(self.boundary.invalid_reports) > CORRECTIONS:
            return LoopEnd("invalid_output", self.boundary.invalid_reports[-1])
        if self.boundary.looping:
            return LoopEnd("looping", "the engine made the same call again and again")
        return None

    def _begin_anew(self) -> bool:
        """A new conversation from an explicit record; False when there were enough of them."""
        if self._handovers == HANDOVERS:
            return False
        record = hand_over(self.boundary.bench, self.history)
        self.task = msgspec.structs.replace(self.task, brief=brief_again(self._first_brief, record))
        # A turn that found the window full led to no exchange, and still was a step.
        self._earlier += len(self.history) + 1
        self._handovers += 1
        self.history = []
        self.stream.emit("engine.handover", "the conversation grew too long; a new one goes on")
        return True

    def _ask(self) -> _Asked:
        def effect(_key: str) -> _Asked:
            try:
                return _Asked(well_formed(self.engine.next_turn(self.task, self.history)))
            except EngineError as error:
                return _Asked(failure=mask_text(replaced(_said(error))))

        given = {"engine": self.engine.name, "turn": self._earlier + len(self.history)}
        asked = self.journal.step("turn", self.engine.name, given, _Asked, effect)
        if asked.turn is not None:
            text = asked.turn.text or ", ".join(call.name for call in asked.turn.calls)
            self.stream.emit("engine.turn", f"{self.engine.name}: {text}", level="debug")
        return asked

    def _do(self, turn: Turn) -> tuple[ToolResult, ...]:
        if turn.stop_reason == "max_tokens":
            # A call that was cut off may look whole and mean something else: none is done.
            sentence = "Not done: your answer was cut off. Make one call at a time."
            return tuple(self._not_done(call, "AG111", sentence) for call in turn.calls)
        groups = self.boundary.groups(turn.calls)
        return tuple(result for group in groups for result in self._together(group))

    def _together(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Do calls at the same time, as far as there is something left; results in their order."""
        if self.boundary.bench.report is not None:
            sentence = "Not done: the report was already submitted."
            return [self._not_done(call, "AG112", sentence) for call in calls]
        spent = [self.budget.take_call() for _ in calls]
        taken = [call for call, no in zip(calls, spent, strict=True) if no is None]
        done = iter(self.boundary.call_all(taken) if taken else ())
        return [
            next(done) if no is None else self._not_done(call, no.code, no.reason)
            for call, no in zip(calls, spent, strict=True)
        ]

    def _not_done(self, call: ToolCall, code: str, sentence: str) -> ToolResult:
        """Not made, not journalled, and on record all the same."""
        return self.boundary.refuse(call, Decision("deny", code, sentence))

    def _note(self, turn: Turn) -> str:
        if turn.stop_reason == "pause_turn" or (turn.calls and turn.stop_reason == "tool_use"):
            return ""
        if turn.stop_reason == "max_tokens":
            return "Your answer was cut off at its token limit. Go on in smaller steps."
        return "End by calling submit_report with your finding and decision."


def _said(error: EngineError) -> str:
    return f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message
