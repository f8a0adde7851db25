"""The seam between the loop and whatever decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from agentic.records import ToolResult, ToolSpec, Turn


class Task(msgspec.Struct, frozen=True):
    """What an engine is told once, at the start. All text in it is already masked."""

    agent: str
    instructions: str
    """The agent's instructions, rendered; written by the project's people, so trusted."""
    brief: str
    """The incident, in a marked and escaped envelope: text from outside, never instructions."""
    tools: tuple[ToolSpec, ...]
    model: str = ""
    effort: str = ""


class Exchange(msgspec.Struct, frozen=True):
    """One turn and what it led to; histories are appended to and never edited."""

    turn: Turn
    results: tuple[ToolResult, ...] = ()
    note: str = ""
    """A sentence from the loop: that a report is still missing, that the text was cut off."""


class Engine(Protocol):
    """Gives the next turn of a history; it calls no tool itself."""

    name: str

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        """The next turn. Raises EngineError when the engine cannot go on."""
        ...
