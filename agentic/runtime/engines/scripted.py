"""An engine that plays given turns: for tests, the user's own too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import EngineError
from agentic.records import StopReason, ToolCall, Turn
from agentic.runtime.engines.base import Exchange, Task

Step = Turn | Callable[[Task, Sequence[Exchange]], Turn]


class ScriptedEngine:
    """Plays `steps` in order; a step may be a function of the history."""

    name = "scripted"

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        """The turn at the history's length; an empty `end_turn` once the script is over."""
        if len(history) >= len(self.steps):
            return Turn("end_turn", text="The script is over.")
        step = self.steps[len(history)]
        return step(task, history) if callable(step) else step


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    calls: list[dict[str, Any]] = []
    text: str = ""
    stop_reason: StopReason | None = None


def read_script(path: Path) -> ScriptedEngine:
    """A script file: a JSON list of `{calls: [{name, input}], text, stop_reason}`.

    Raises EngineError when the file is missing or not of that form.
    """
    try:
        lines = msgspec.json.decode(path.read_bytes(), type=list[_Line])
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineError(
            f"the script cannot be used: {error}",
            where=str(path),
            hint="A script is a JSON list of {calls: [{name, input}], text}.",
        ) from error
    return ScriptedEngine([_turn(number, line) for number, line in enumerate(lines)])


def _turn(number: int, line: _Line) -> Turn:
    calls = tuple(
        ToolCall(f"script-{number}-{place}", str(call.get("name", "")), call.get("input") or {})
        for place, call in enumerate(line.calls)
    )
    return Turn(line.stop_reason or ("tool_use" if calls else "end_turn"), calls, line.text)
