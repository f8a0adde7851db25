"""One stream of what happens, many sinks. A sink never ends a run."""

from agentic.events.openlineage import openlineage_sink
from agentic.events.stream import Event, Level, Sink, Stream, file_sink

__all__ = ["Event", "Level", "Sink", "Stream", "file_sink", "openlineage_sink"]
