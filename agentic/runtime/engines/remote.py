"""An engine whose next step comes from outside this process: a client of the MCP server.

So a client's calls go through the same loop, budget and boundary as any engine's.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence

from agentic.exceptions import EngineError
from agentic.records import ToolCall, ToolResult, Turn
from agentic.runtime.engines.base import Exchange, Task


class RemoteEngine:
    """`ask` is called by the client's thread, `next_turn` by the run's; one call at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left = False
        """The client is gone; the run ends without a report."""
        self._calls: queue.Queue[ToolCall | None] = queue.Queue()
        self._answers: queue.Queue[ToolResult | None] = queue.Queue()
        self._asked = False

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:  # noqa: ARG002
        """Answer the client's last call, then wait for its next one.

        Raises EngineError when the client is gone.
        """
        if self._asked and history:
            self._asked = False
            self._answers.put(history[-1].results[0])
        call = self._calls.get()
        if call is None:
            self.left = True
            raise EngineError("the client is gone")
        self._asked = True
        return Turn("tool_use", (call,))

    def ask(self, call: ToolCall) -> ToolResult | None:
        """Have a call done; None when the run ended with it."""
        self._calls.put(call)
        return self._answers.get()

    def ended(self) -> None:
        """The run is over: whoever waits for an answer is told."""
        self._answers.put(None)

    def leave(self) -> None:
        """The client goes; the run ends at its next turn."""
        self._calls.put(None)
