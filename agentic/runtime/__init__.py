"""Runs: the loop, the boundary, the engines, and what holds them together."""

from agentic.runtime.opening import open_session
from agentic.runtime.orchestrate import close_gone, handle
from agentic.runtime.remembering import remember_relations
from agentic.runtime.session import Session
from agentic.runtime.watching import silent_incidents

__all__ = [
    "Session",
    "close_gone",
    "handle",
    "open_session",
    "remember_relations",
    "silent_incidents",
]
