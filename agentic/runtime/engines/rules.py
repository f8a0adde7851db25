"""The keyless engine: the rules' generators, one tool call a turn."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from agentic.records import ToolCall, ToolResult, Turn
from agentic.rules import Case, diagnose_and_fix
from agentic.runtime.engines.base import Exchange, Task


class RulesEngine:
    """Drives `diagnose_and_fix`. After a restart it is fed the journal's results again, so that it
    stands where the history stands."""

    name = "rules"

    def __init__(self, case: Case) -> None:
        self.case = case
        self._rules: Generator[ToolCall, ToolResult, None] | None = None
        self._fed = 0

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:  # noqa: ARG002
        """The rules' next call; `end_turn` when they have reported."""
        call: ToolCall | None = None
        try:
            if self._rules is None:
                self._rules = diagnose_and_fix(self.case)
                call = next(self._rules)
            while self._fed < len(history):
                results = history[self._fed].results
                self._fed += 1
                # A turn that ended without a call was answered with words, which rules do not read.
                for result in results:
                    call = self._rules.send(result)
        except StopIteration:
            return Turn("end_turn")
        # They ended in an earlier turn and have no more to say.
        return Turn("tool_use", calls=(call,)) if call is not None else Turn("end_turn")
