"""Plans: names, inputs and routes checked, each fault with its position; then the whole graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from agentic.compiler.inputs import Inputs
from agentic.compiler.limits import tightened, widened
from agentic.compiler.plan_graph import Powers, graph_faults
from agentic.config import Document, PlanItem, StepSpec, YamlPath, did_you_mean, parse_document
from agentic.config.validate import validate
from agentic.exceptions import Issue
from agentic.records import (
    ESCALATE,
    Compiled,
    CompiledAgent,
    CompiledPlan,
    Limits,
    PlanStep,
    ToolSpec,
)
from agentic.tools import ToolError, check_input, registry

Tell = Callable[[YamlPath, str, str, str], None]
"""Told of each fault: where in the plan, code, message, hint."""

_NOT_STEPS = ("report", "edits")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


class Cast(msgspec.Struct, frozen=True):
    """Who and what a plan may name."""

    agents: tuple[CompiledAgent, ...]
    tools: Mapping[str, ToolSpec]
    limits: Limits
    """Of guardrails.yml."""
    approve_by: tuple[str, ...] = ()

    def powers(self, step: PlanStep) -> Powers:
        """What a step can do by its tools, its delegates' included."""
        names = {step.tool} if step.tool else self._tools_of(step.agent, set())
        specs = [self.tools[name] for name in names if name in self.tools]
        return Powers(
            writes=any(spec.toolset == "edits" for spec in specs),
            external=any(spec.effect == "external" for spec in specs),
        )

    def _tools_of(self, name: str, seen: set[str]) -> set[str]:
        agent = next((one for one in self.agents if one.name == name), None)
        if agent is None or name in seen:
            return set()
        seen.add(name)
        return set(agent.tools).union(*(self._tools_of(one, seen) for one in agent.delegates))


def compile_plans(
    inputs: Inputs, agents: Sequence[CompiledAgent], limits: Limits, approve_by: Sequence[str]
) -> tuple[CompiledPlan, ...]:
    """Every enabled plan of agents.yml in file order; faults become issues of `inputs`."""
    document = inputs.specs.agents_document
    cast = Cast(tuple(agents), inputs.tools, limits, tuple(approve_by))
    found = []
    for number, item in enumerate(inputs.specs.agents.plans):
        path: YamlPath = ("plans", number)

        def tell(
            place: YamlPath, code: str, message: str, hint: str, path: YamlPath = path
        ) -> None:
            if code == "AC236":
                inputs.warn(document, (*path, *place), code, message, hint)
            else:
                inputs.error(document, (*path, *place), code, message, hint)

        plan = check_plan(item, cast, tell, written=_written(document, path))
        if item.config.enabled:
            found.append(plan)
    return tuple(found)


def plan_of_text(
    text: str, name: str, compiled: Compiled
) -> tuple[CompiledPlan | None, tuple[Issue, ...]]:
    """A plan outside of agents.yml (YAML or JSON), under the same checks; nothing in it is
    rendered. It may use the tools that the project's agents have, and no others."""
    document = parse_document(text, name)
    item = validate(document, PlanItem)
    if item is None or document.issues:
        return None, tuple(sorted({*document.issues}))
    issues: set[Issue] = set()

    def tell(place: YamlPath, code: str, message: str, hint: str) -> None:
        issue = document.issue(place, code, message, hint=hint)
        severity = "warning" if code == "AC236" else "error"
        issues.add(msgspec.structs.replace(issue, severity=severity))

    rails = compiled.guardrails
    tools = {tool.name: tool for tool in compiled.tools}
    cast = Cast(compiled.agents, tools, rails.limits, rails.approve_by)
    for step, id_ in _twice(item):
        path: YamlPath = ("steps", step, "id")
        tell(path, "AC115", f"id {id_!r} is used twice in steps", "rename one of them")
    plan = check_plan(item, cast, tell)
    return plan, tuple(sorted(issues))


def _twice(item: PlanItem) -> list[tuple[int, str]]:
    ids = [step.id for step in item.steps]
    return [(number, one) for number, one in enumerate(ids) if one in ids[:number]]


def check_plan(
    item: PlanItem, cast: Cast, tell: Tell, *, written: Sequence[str] = ()
) -> CompiledPlan:
    """A plan resolved; every fault is told. `written` are the ids as they stand in a file that has
    faults of its own: what these left out may still be named, and the graph is not looked at."""
    faults = 0

    def told(place: YamlPath, code: str, message: str, hint: str = "") -> None:
        nonlocal faults
        faults += 1
        tell(place, code, message, hint)

    for place, asked, bound in widened(cast.limits, item.limits):
        message = f"{place[-1]} {asked} is more than the guardrails allow ({bound})"
        hint = f"lower it, or raise limits.{'.'.join(map(str, place))} in guardrails.yml"
        told(("limits", *place), "AC207", message, hint)
    names = {one.name for one in cast.agents}
    if item.name in names:
        told(("name",), "AC237", f"{item.name!r} is also an agent's name", "rename the plan")
    ids = {step.id for step in item.steps} | set(written)
    for number, step in enumerate(item.steps):
        _check_step(step, ("steps", number), cast, ids, told)
    plan = CompiledPlan(
        name=item.name,
        description=item.description or "",
        steps=tuple(_step(step) for step in item.steps),
        limits=tightened(cast.limits, item.limits),
    )
    if not faults and not written and len(ids) == len(item.steps):
        powers = {step.id: cast.powers(step) for step in plan.steps}
        for fault in graph_faults(plan, powers):
            told(("steps", fault.step, fault.key), fault.code, fault.message, fault.hint)
    _check_approvers(plan, cast, tell)
    return plan


def _check_approvers(plan: CompiledPlan, cast: Cast, tell: Tell) -> None:
    known = any(one == "local" or one.startswith("ssh:") for one in cast.approve_by)
    number = next((n for n, step in enumerate(plan.steps) if step.review), None)
    if number is not None and not known:
        message = f"step {plan.steps[number].id!r} waits for a person whom approve.by does not name"
        hint = "a step has no pull request: add `local` or `ssh:NAME` to approve.by"
        tell(("steps", number, "review"), "AC236", message, hint)


def _written(document: Document, path: YamlPath) -> tuple[str, ...]:
    """The ids of a plan's steps as the file has them; nothing where the file has no fault."""
    here: Any = document.value if document.issues else None
    try:
        for part in (*path, "steps"):
            here = here[part]
        return tuple(str(step["id"]) for step in here if isinstance(step, dict) and "id" in step)
    except (KeyError, IndexError, TypeError):
        return ()


def _step(spec: StepSpec) -> PlanStep:
    return PlanStep(
        id=spec.id,
        agent=spec.agent or "",
        tool=spec.tool or "",
        task=spec.task or "",
        input=dict(spec.input),
        on_success=spec.on_success or "",
        on_failure=spec.on_failure or ESCALATE,
        on_review=spec.on_review or ESCALATE,
        review=spec.review,
        retries=spec.retries,
    )


def _check_step(spec: StepSpec, path: YamlPath, cast: Cast, ids: set[str], told: Any) -> None:
    if spec.id == ESCALATE:
        told((*path, "id"), "AC235", "`escalate` is where routes end, not a step", "rename it")
    for key in ("on_success", "on_failure", "on_review"):
        to = getattr(spec, key)
        allowed = ids if key == "on_success" else {*ids, ESCALATE}
        if to is not None and to not in allowed:
            hint = did_you_mean(to, allowed)
            told((*path, key), "AC230", f"the plan has no step {to!r}", hint)
    if spec.agent is not None:
        _check_agent(spec, path, cast, told)
    if spec.tool is not None:
        _check_tool(spec, path, cast, told)


def _check_agent(spec: StepSpec, path: YamlPath, cast: Cast, told: Any) -> None:
    names = [agent.name for agent in cast.agents]
    if spec.agent not in names:
        hint = did_you_mean(str(spec.agent), names)
        told((*path, "agent"), "AC203", f"there is no agent {spec.agent!r}", hint)
    if spec.input:
        message = f"step {spec.id!r} is an agent's: it takes a task in words, no input"
        told((*path, "input"), "AC235", message, "write `task:`")


def _check_tool(spec: StepSpec, path: YamlPath, cast: Cast, told: Any) -> None:
    if spec.task is not None:
        message = f"step {spec.id!r} is a tool's: it takes an input, no task"
        told((*path, "task"), "AC235", message, "write `input:`")
    found = cast.tools.get(str(spec.tool))
    usable = [name for name, one in cast.tools.items() if one.toolset not in _NOT_STEPS]
    if found is None:
        hint = did_you_mean(str(spec.tool), usable)
        told((*path, "tool"), "AC201", f"there is no tool {spec.tool!r}", hint)
    elif found.toolset in _NOT_STEPS:
        message = f"{found.name} is part of an agent's work, no step of its own"
        told((*path, "tool"), "AC235", message, "name an agent that has it, with a `task:`")
    else:
        _check_given(spec, (*path, "input"), found, told)


def _check_given(spec: StepSpec, path: YamlPath, tool: ToolSpec, told: Any) -> None:
    """The input against the tool's schema, key by key; then as a whole by the tool itself."""
    properties: dict[str, Any] = tool.input_schema.get("properties", {})
    wrong = False
    for key, value in spec.input.items():
        if key not in properties:
            wrong = True
            hint = did_you_mean(key, properties)
            told((*path, key), "AC234", f"{tool.name} takes no {key!r}", hint)
        elif not fits(value, properties[key]):
            wrong = True
            message = f"{tool.name}: {key} must be of type {properties[key]['type']}"
            told((*path, key), "AC234", message)
    for key in tool.input_schema.get("required", []):
        if key not in spec.input:
            wrong = True
            told(path, "AC234", f"{tool.name} needs {key!r}", f"write `{key}:` under input")
    if "dry_run" in properties and "dry_run" not in spec.input:
        wrong = True
        message = f"{tool.name} does nothing unless dry_run is lifted"
        told(path, "AC234", message, "write `dry_run: false` under input, or true to look only")
    if wrong or tool.name not in registry():
        return
    try:
        check_input(tool.name, spec.input)
    except ToolError as error:
        told(path, "AC234", error.message, error.hint)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is of the type that a schema's top level names; True where it names none."""
    named = schema.get("type")
    kinds = _TYPES.get(named) if isinstance(named, str) else None
    if kinds is None:
        return True
    return isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
