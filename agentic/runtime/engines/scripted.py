"""An engine that plays given turns: for tests, the user's own too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class ScriptedTeam:
    """Plays the script of the task's agent, else of the first words that its brief has in it."""

    name = "scripted"

    def __init__(self, scripts: Mapping[str, ScriptedEngine]) -> None:
        self.scripts = dict(scripts)

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        """The turn of the first script that fits. Raises EngineError when none does."""
        if task.agent in self.scripts:
            return self.scripts[task.agent].next_turn(task, history)
        for words, script in self.scripts.items():
            if words in task.brief:
                return script.next_turn(task, history)
        raise EngineError(f"no script fits {task.agent!r}", hint=", ".join(self.scripts))


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    calls: list[dict[str, Any]] = []
    text: str = ""
    stop_reason: StopReason | None = None


def read_script(path: Path) -> ScriptedEngine | ScriptedTeam:
    """A script file: a JSON list of `{calls: [{name, input}], text, stop_reason}`, or an object
    that has such a list by an agent's name or by words of the brief.

    Raises EngineError when the file is missing or not of that form.
    """
    try:
        read = msgspec.json.decode(path.read_bytes(), type=list[_Line] | dict[str, list[_Line]])
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineError(
            f"the script cannot be used: {error}",
            where=str(path),
            hint="A script is a JSON list of {calls: [{name, input}], text}.",
        ) from error
    if isinstance(read, dict):
        return ScriptedTeam({words: _engine(lines) for words, lines in read.items()})
    return _engine(read)


def _engine(lines: Sequence[_Line]) -> ScriptedEngine:
    return ScriptedEngine([_turn(number, line) for number, line in enumerate(lines)])


def _turn(number: int, line: _Line) -> Turn:
    calls = tuple(
        ToolCall(f"script-{number}-{place}", str(call.get("name", "")), call.get("input") or {})
        for place, call in enumerate(line.calls)
    )
    return Turn(line.stop_reason or ("tool_use" if calls else "end_turn"), calls, line.text)
