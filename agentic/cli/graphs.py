"""Plans, orchestrators and what starts agents, drawn: as text, for mermaid, as nodes and edges."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentic.records import ESCALATE, Compiled, CompiledAgent, CompiledPlan, PlanStep

END = "end"
_ARROWS = {"success": "-->", "failure": "-.->", "review": "==>"}


def chosen(compiled: Compiled, items: Sequence[Mapping[str, Any]]) -> Compiled:
    """The compiled files with the agents and plans alone that `ls` would list."""
    import msgspec

    def names(kind: str) -> set[str]:
        return {item["name"] for item in items if item["resource_type"] == kind}

    return msgspec.structs.replace(
        compiled,
        agents=tuple(one for one in compiled.agents if one.name in names("agent")),
        plans=tuple(one for one in compiled.plans if one.name in names("plan")),
    )


def routes(step: PlanStep) -> Iterator[tuple[str, str]]:
    """Every way out of a step, the ends of the plan included."""
    yield "success", step.on_success or END
    yield "failure", step.on_failure
    if step.review or step.on_review != ESCALATE:
        yield "review", step.on_review


def as_json(compiled: Compiled) -> dict[str, Any]:
    """Nodes and edges; ids are `agent:NAME`, `plan:NAME` and `plan:NAME/STEP`."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, str]] = []
    for agent in compiled.agents:
        here = f"agent:{agent.name}"
        nodes.append({"id": here, "kind": "agent", "orchestrator": bool(agent.delegates)})
        edges += [{"from": f"incident:{one}", "to": here, "kind": "when"} for one in agent.when]
        edges += [
            {"from": here, "to": f"agent:{one}", "kind": "delegate"} for one in agent.delegates
        ]
    for plan in compiled.plans:
        here = f"plan:{plan.name}"
        nodes.append({"id": here, "kind": "plan"})
        edges.append({"from": here, "to": f"{here}/{plan.steps[0].id}", "kind": "start"})
        for step in plan.steps:
            node = {"id": f"{here}/{step.id}", "kind": "step", "agent": step.agent or None}
            more = {"tool": step.tool or None, "review": step.review, "retries": step.retries}
            nodes.append(node | more)
            edges += [
                {"from": f"{here}/{step.id}", "to": f"{here}/{to}", "kind": kind}
                for kind, to in routes(step)
            ]
    return {"nodes": nodes, "edges": edges}


def as_text(compiled: Compiled) -> Iterator[str]:
    """A block a plan and an orchestrator; agents alone on a line each."""
    for plan in compiled.plans:
        yield from _plan_text(plan)
        yield ""
    alone = []
    for agent in compiled.agents:
        if agent.delegates:
            yield f"orchestrator {agent.name}  ({_starts(agent)})"
            yield from _branches(agent, compiled, "  ", {agent.name})
            yield ""
        else:
            alone.append(agent)
    for agent in alone:
        yield f"agent {agent.name}  ({_starts(agent)})"


def plan_lines(plan: CompiledPlan) -> Iterator[str]:
    """A plan as it is approved: with limits, steps and routes, each task and a tool's input."""
    return _plan_text(plan, whole=True)


def _plan_text(plan: CompiledPlan, *, whole: bool = False) -> Iterator[str]:
    limits = plan.limits
    about = f": {' '.join(plan.description.split())}" if plan.description else ""
    yield f"plan {plan.name}{about}"
    yield (
        f"  together at most {limits.tool_calls} tool calls, {limits.tokens:,} tokens, "
        f"{limits.cost_usd:g} USD, {limits.duration_s / 60:g} min"
    )
    wide = max(len(step.id) for step in plan.steps)
    order = {step.id: number for number, step in enumerate(plan.steps)}
    for step in plan.steps:
        marks = ["a person looks"] if step.review else []
        marks += [f"at most {step.retries + 1} times"] if step.retries else []
        who = f"agent {step.agent}" if step.agent else f"tool {step.tool}"
        yield f"  {step.id:<{wide}}  {who}" + (f"  [{', '.join(marks)}]" if marks else "")
        yield from (f"  {'':<{wide}}    {line}" for line in _given(step) if whole)
        for kind, to in routes(step):
            back = "  (back)" if order.get(to, len(order)) <= order[step.id] else ""
            yield f"  {'':<{wide}}    {kind:<7} -> {to}{back}"


def _given(step: PlanStep) -> Iterator[str]:
    """What a step is told: no line of it can pass for one of ours."""
    if step.tool:
        yield f"input   {json.dumps(step.input, ensure_ascii=False, sort_keys=True)}"
    for number, line in enumerate(step.task.splitlines()):
        yield f"{'' if number else 'task':<7} {line}"


def _branches(
    agent: CompiledAgent, compiled: Compiled, indent: str, seen: set[str]
) -> Iterator[str]:
    by_name = {one.name: one for one in compiled.agents}
    for number, name in enumerate(agent.delegates):
        last = number == len(agent.delegates) - 1
        about = by_name[name].description if name in by_name else ""
        yield f"{indent}{'`-' if last else '|-'} {name}" + (f": {about}" if about else "")
        if name in by_name and name not in seen:
            deeper = indent + ("   " if last else "|  ")
            yield from _branches(by_name[name], compiled, deeper, {*seen, name})


def _starts(agent: CompiledAgent) -> str:
    return ", ".join(agent.when) or "only when called"


def as_mermaid(compiled: Compiled) -> Iterator[str]:
    """What starts which agent, its toolsets and delegates, and each plan as a subgraph."""
    yield "flowchart LR"
    toolset = {tool.name: tool.toolset for tool in compiled.tools}
    for agent in compiled.agents:
        here = _key(agent.name)
        yield f'  {here}["{agent.name}"]'
        yield from (f"  {kind}([{kind}]) --> {here}" for kind in agent.when)
        used = sorted({toolset[name] for name in agent.tools if name in toolset})
        yield from (f"  {here} --> tools_{_key(name)}[[{name}]]" for name in used)
        yield from (f"  {here} ==> {_key(name)}" for name in agent.delegates)
    for plan in compiled.plans:
        yield from _plan_mermaid(plan)


def _plan_mermaid(plan: CompiledPlan) -> Iterator[str]:
    here = f"plan_{plan.name}"
    yield f'  subgraph {here}["plan {plan.name}"]'
    for step in plan.steps:
        label = f'"{step.id}: {step.agent or step.tool}"'
        shape = f"{{{{{label}}}}}" if step.review else f"[{label}]"
        yield f"    {here}_{step.id}{shape}"
    ends = dict.fromkeys(to for step in plan.steps for _, to in routes(step))
    yield from (f"    {here}_{end}([{end}])" for end in (END, ESCALATE) if end in ends)
    for step in plan.steps:
        for kind, to in routes(step):
            yield f"    {here}_{step.id} {_ARROWS[kind]}|{kind}| {here}_{to}"
    yield "  end"


def _key(name: str) -> str:
    return name.replace(".", "_")
