"""The keyless engine: the rules' generators, one tool call a turn."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from agentic.exceptions import EngineError
from agentic.records import ToolCall, ToolResult, Turn
from agentic.rules import Case, diagnose_and_fix, roles_with_routines, routine_for
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
        """The rules' next call; `end_turn` when they have reported.

        Raises EngineError for a task in words that no rule can do.
        """
        call: ToolCall | None = None
        try:
            if self._rules is None:
                self._rules = _begun(self.case)
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


def _begun(case: Case) -> Generator[ToolCall, ToolResult, None]:
    """The rules for what broke, the role's routine for a task in words."""
    if case.incident.kind != "request":
        return diagnose_and_fix(case)
    steps = routine_for(case)
    if steps is None:
        able = ", ".join(roles_with_routines())
        also = f" Roles that can do some tasks without a model: {able}." if able else ""
        raise EngineError(
            f"no rule of `{case.role}` works from these words",
            hint="The engine `anthropic` would: set ANTHROPIC_API_KEY and leave `engine: auto`."
            + also,
        )
    return steps
