"""What decides the next step: `rules` without a key, `anthropic` with one, `scripted` in tests."""

from agentic.runtime.engines.base import Engine, Exchange, Task
from agentic.runtime.engines.choose import choose_engine, is_auto, open_engine
from agentic.runtime.engines.scripted import ScriptedEngine

__all__ = [
    "Engine",
    "Exchange",
    "ScriptedEngine",
    "Task",
    "choose_engine",
    "is_auto",
    "open_engine",
]
