"""Runs: the loop, the boundary, the engines, and what holds them together."""

from agentic.runtime.opening import open_session
from agentic.runtime.orchestrate import agent_named, close_gone, handle
from agentic.runtime.plans import plan_named, run_plan
from agentic.runtime.remembering import remember_relations
from agentic.runtime.requests import handle_request, incident_of_request
from agentic.runtime.session import Session
from agentic.runtime.watching import silent_incidents
from agentic.runtime.written_plans import read_plan

__all__ = [
    "Session",
    "agent_named",
    "close_gone",
    "handle",
    "handle_request",
    "incident_of_request",
    "open_session",
    "plan_named",
    "read_plan",
    "remember_relations",
    "run_plan",
    "silent_incidents",
]
