"""A plan, checked: steps, the routes between them, and what the whole of it may spend."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agentic.records.run import Limits

ESCALATE = "escalate"
"""A route's end: a person takes over."""
Route = Literal["success", "failure", "review"]


class PlanStep(msgspec.Struct, frozen=True):
    """One node of the graph: an agent with a task, or a tool with its input."""

    id: str
    agent: str = ""
    tool: str = ""
    """Exactly one of both is set."""
    task: str = ""
    """For an agent: what it is to do, besides the plan's request."""
    input: dict[str, Any] = {}
    """For a tool."""
    on_success: str = ""
    """A step; empty: the plan ends well."""
    on_failure: str = ESCALATE
    """A step, or `escalate`."""
    on_review: str = ESCALATE
    """Where a person's no leads: a step, or `escalate`."""
    review: bool = False
    retries: int = 0
    """How often it may start again, whatever leads to it."""

    def routes(self) -> tuple[tuple[Route, str], ...]:
        """Its edges to other steps, in the order of the grammar."""
        pairs: tuple[tuple[Route, str], ...] = (
            ("success", self.on_success),
            ("failure", self.on_failure),
            ("review", self.on_review),
        )
        return tuple((route, to) for route, to in pairs if to and to != ESCALATE)


class CompiledPlan(msgspec.Struct, frozen=True):
    """A plan, ready to run; the first step starts."""

    name: str
    description: str = ""
    steps: tuple[PlanStep, ...] = ()
    limits: Limits = Limits()
    """Of all steps together."""

    def step(self, name: str) -> PlanStep:
        """A step by its id. Raises KeyError."""
        return {step.id: step for step in self.steps}[name]
