"""Orchestrators: the agents that an agent may hand a task to, resolved and kept to one level.

A delegate is an agent of the project, or else the standard agent of that name. It is offered to the
orchestrator as a tool of its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from agentic.compiler.inputs import Inputs
from agentic.config import YamlPath, did_you_mean, standard_agents
from agentic.config.standard import STANDARD_PREFIX
from agentic.records import CodePage, CompiledAgent, Effect, ToolSpec, publish

TOOLSET = "delegates"
_TASK_CHARS = 4000
_INPUT = {
    "type": "object",
    "properties": {
        "task": {
            "type": "string",
            "description": "what to find out or do, and what a good answer holds",
            "minLength": 1,
            "maxLength": _TASK_CHARS,
        },
        "nodes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "unique_ids to look at first",
            "maxItems": 50,
        },
        "hypothesis": {
            "type": "string",
            "description": "what you think is so, to be confirmed or refuted",
            "maxLength": 1000,
        },
    },
    "required": ["task"],
    "additionalProperties": False,
}
_STRICTER: Sequence[Effect] = ("read", "workspace", "external")

publish(
    CodePage(
        "AC220",
        "delegate-cycle",
        "Agents hand tasks to each other in a circle.",
        fix="Take one of them out of `delegates:`.",
    ),
    CodePage(
        "AC221",
        "delegate-depth",
        "A delegate has delegates of its own.",
        why="A task is handed on once: who did what stays readable, and budgets are drawn once.",
        fix="Write `delegates: []` at the delegate, or name its delegates at the orchestrator.",
    ),
    CodePage(
        "AC222",
        "delegate-name",
        "A delegate has the name of a tool, so that the orchestrator could not tell them apart.",
        fix="Give the agent another name.",
    ),
)


def with_delegates(
    inputs: Inputs,
    agents: Sequence[CompiledAgent],
    written: Mapping[str, YamlPath],
    standard: Callable[[str], CompiledAgent],
) -> tuple[CompiledAgent, ...]:
    """The agents with what their delegates name: standard agents that stand in come last.

    `written` are the places of `delegates:` in agents.yml, by agent; an agent that inherits its
    delegates has none. `standard` compiles a standard agent of a short name.
    """
    own = {agent.name for agent in agents}
    off = {item.name for item in inputs.specs.agents.agents or ()} - own
    known = own | {name.removeprefix(STANDARD_PREFIX) for name in standard_agents()} - off
    found = []
    places: dict[tuple[str, str], YamlPath] = {}
    for agent in agents:
        kept = tuple(name for name in agent.delegates if name in known)
        for number, name in enumerate(agent.delegates):
            if agent.name not in written:
                continue
            path = places[agent.name, name] = (*written[agent.name], number)
            if name not in known:
                hint = did_you_mean(name, known)
                _error(inputs, path, "AC203", f"unknown delegate {name!r}", hint)
        found.append(replace(agent, delegates=kept))
    named = dict.fromkeys(name for agent in found for name in agent.delegates)
    every = (*found, *(standard(name) for name in named if name not in own))
    for agent in found:
        _check(inputs, agent, {one.name: one for one in every}, places)
    return every


def delegate_spec(agent: CompiledAgent, tools: Mapping[str, ToolSpec]) -> ToolSpec:
    """A delegate as a tool: it reads if all its tools read.

    What it does outside is asked about where it does it, so the call itself is never `external`.
    """
    effects = [tools[name].effect for name in agent.tools if name in tools]
    alone = any(effect != "read" for effect in effects) or any(
        tools[name].toolset == "dbt" for name in agent.tools if name in tools
    )
    return ToolSpec(
        name=agent.name,
        description=f"Hand a task to the specialist `{agent.name}`. {agent.description}".strip(),
        input_schema=_INPUT,
        effect="workspace" if alone else "read",
        toolset=TOOLSET,
        timeout_s=agent.limits.duration_s,
    )


def _check(
    inputs: Inputs,
    agent: CompiledAgent,
    every: Mapping[str, CompiledAgent],
    places: Mapping[tuple[str, str], YamlPath],
) -> None:
    for name in agent.delegates:
        path = places.get((agent.name, name), ("agents",))
        circle = _circle(agent.name, name, every)
        if circle:
            _error(inputs, path, "AC220", f"delegates go in a circle: {' -> '.join(circle)}")
        elif every[name].delegates:
            below = ", ".join(every[name].delegates)
            message = f"the delegate {name!r} has delegates of its own: {below}"
            _error(inputs, path, "AC221", message, f"write `delegates: []` at {name!r}")
        if name in inputs.tools:
            message = f"the delegate {name!r} has the name of a tool"
            _error(inputs, path, "AC222", message, "give the agent another name")


def _circle(start: str, name: str, every: Mapping[str, CompiledAgent]) -> list[str]:
    """The shortest way from an agent through a delegate back to it; empty if there is none."""
    ways, seen = [[start, name]], {name}
    while ways:
        way = ways.pop(0)
        if way[-1] == start:
            return way
        for one in every[way[-1]].delegates:
            if one not in seen:
                seen.add(one)
                ways.append([*way, one])
    return []


def _error(inputs: Inputs, path: YamlPath, code: str, message: str, hint: str = "") -> None:
    inputs.error(inputs.specs.agents_document, path, code, message, hint)
