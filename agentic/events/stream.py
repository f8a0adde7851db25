"""Events and the stream that hands them, masked, to every sink."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from agentic.masking import mask_json, mask_text
from agentic.records import dumps

Level = Literal["debug", "info", "warn", "error"]


class Event(msgspec.Struct, frozen=True):
    """One thing that happened."""

    at: str
    """ISO 8601, UTC."""
    level: Level
    name: str
    """Dotted and stable: `run.started`, `tool.called`, `check.done`."""
    message: str
    """One line for people."""
    fields: dict[str, Any] = {}


Sink = Callable[[Event], None]


class Stream:
    """Masks every event, then gives it to each sink in turn."""

    def __init__(self, clock: Callable[[], str], sinks: tuple[Sink, ...] = ()) -> None:
        self.clock = clock
        self.sinks = list(sinks)

    def emit(self, name: str, message: str, *, level: Level = "info", **fields: Any) -> None:
        """Tell every sink. A sink that fails is dropped and named once on stderr."""
        event = Event(self.clock(), level, name, mask_text(message), mask_json(fields))
        for sink in tuple(self.sinks):
            try:
                sink(event)
            except Exception as error:  # noqa: BLE001 - a sink never ends a run
                self.sinks.remove(sink)
                name = getattr(sink, "__name__", repr(sink))
                sys.stderr.write(f"agentic: the event sink {name} failed and is off: {error}\n")


def file_sink(path: Path) -> Sink:
    """Appends events as JSON lines, as dbt's `logs/dbt.log` does with `--log-format json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT

    def write(event: Event) -> None:
        # Opened each time, for a file that somebody moved away; one write, so that lines of other
        # processes stay whole.
        sink = os.open(path, flags, 0o666)
        try:
            os.write(sink, (dumps(event) + "\n").encode())
        finally:
            os.close(sink)

    return write
