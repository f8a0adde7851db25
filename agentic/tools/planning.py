"""A plan that an engine writes: checked like one in agents.yml, kept with the run, done by nobody
until a person approves it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agentic.records import dump
from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError, tool

_Id = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class StepInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step: an agent with a task, or a tool with its input."""

    id: _Id
    agent: Annotated[str, Meta(description="an agent of agents.yml")] = ""
    tool: Annotated[str, Meta(description="a tool, instead of an agent")] = ""
    task: Annotated[str, Meta(description="for an agent: what to do", max_length=4000)] = ""
    input: dict[str, Any] = {}
    on_success: Annotated[str, Meta(description="the next step; without it the plan ends")] = ""
    on_failure: Annotated[str, Meta(description="a step, or escalate")] = ""
    on_review: Annotated[str, Meta(description="a step after a person's no, or escalate")] = ""
    review: Annotated[bool, Meta(description="a person looks before the plan goes on")] = False
    retries: Annotated[int, Meta(ge=0, le=10)] = 0


@tool(toolset="report", effect="read")
def create_remediation_plan(
    bench: Bench,
    *,
    name: _Id,
    description: Annotated[str, Meta(min_length=1, max_length=400)],
    steps: Annotated[list[StepInput], Meta(min_length=1, max_length=20)],
) -> dict[str, Any]:
    """Write a plan of steps for people to approve, where one change is not enough.

    Nothing in it is done by this call. Write `review: true` at every step that changes files while
    another follows it. Afterwards end with submit_report, decision escalate, and say that there is
    a plan.
    """
    if bench.keep_plan is None:
        raise ToolError("plans are not kept in this run")
    given = {"name": name, "description": description, "steps": [dump(one) for one in steps]}
    faults = bench.keep_plan(given)
    if faults:
        raise ToolError("the plan is not kept:\n" + "\n".join(faults), hint="Mend it; call again.")
    return {
        "stored": True,
        "steps": [one.id for one in steps],
        "next_step": f"agentic run --plan {bench.run_id}" if bench.run_id else "agentic run --plan",
    }
