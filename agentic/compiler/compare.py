"""Permission creep: what a compiled pair of files allows that an older pair did not.

Both pairs are compiled against the same dbt manifest, so that only the files differ. What is not
proved to be as narrow as before counts as widened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from agentic.compiler.compare_rules import LooserRule, looser_rules
from agentic.compiler.coverage import covers_name
from agentic.compiler.limits import limits_apart
from agentic.masking import mask_json
from agentic.records import Compiled, CompiledAgent, CompiledGuardrails, OwnTool, PlanStep, ToolSpec

_ENGINES = {"rules": 0, "scripted": 1, "auto": 2, "anthropic": 2}
_EFFECTS = {"read": 0, "workspace": 1, "external": 2}


class Widening(msgspec.Struct, frozen=True):
    """One thing that is allowed now and was not before."""

    what: str
    """Where it is written: `guardrails.change.deny`, `agents.triage.tools`."""
    before: Any
    """JSON-ready; None: it was not there."""
    after: Any
    why: str
    """One sentence."""
    nodes: tuple[str, ...] = ()
    """`unique_id`s that it concerns today, sorted."""

    def __str__(self) -> str:
        nodes = f" ({len(self.nodes)} nodes today)" if self.nodes else ""
        return f"{self.what}: {_shown(self.before)} -> {_shown(self.after)}  {self.why}{nodes}"


def widened_between(before: Compiled, after: Compiled) -> tuple[Widening, ...]:
    """Everything that `after` allows and `before` did not, in the files' order."""
    return (
        *_guardrails(before.guardrails, after.guardrails),
        *_agents(before, after),
        *_plans(before, after),
        *_tools(before.tools, after.tools),
        *_own_tools(before.own_tools, after.own_tools),
        *_connections(before.connections, after.connections),
        *_more("triggers", before.triggers, after.triggers, "a trigger more starts runs"),
    )


def _guardrails(before: CompiledGuardrails, after: CompiledGuardrails) -> Iterator[Widening]:
    for one in looser_rules(before, after):
        yield _of_rule(one)
    yield from _build(before, after)
    yield from _fewer(
        "guardrails.production.targets",
        before.production_targets,
        after.production_targets,
        "a target is no longer production",
    )
    for name in ("sql_max_rows", "sql_max_bytes_scanned", "sql_timeout_s"):
        key = name.removeprefix("sql_").removesuffix("_s")
        yield from _higher(f"guardrails.sql.{key}", getattr(before, name), getattr(after, name))
    for key, old, new, raised in limits_apart(before.limits, after.limits):
        if raised:
            yield Widening(f"guardrails.limits.{key}", old, new, "a limit was raised")
    yield from _higher("guardrails.escalate.after", before.escalate_after_s, after.escalate_after_s)
    yield from _fewer(
        "guardrails.escalate.to",
        before.escalate_to,
        after.escalate_to,
        "somebody is no longer told",
    )
    yield from _more(
        "guardrails.approve.by", before.approve_by, after.approve_by, "somebody more may approve"
    )
    yield from _fewer(
        "guardrails.approve.for",
        before.approve_for,
        after.approve_for,
        "an effect no longer needs a person",
    )


def _of_rule(one: LooserRule) -> Widening:
    what = f"guardrails.{one.section}.{one.list}"
    return Widening(what, f"{one.before} {one.text}", f"{one.after} {one.text}", one.why, one.nodes)


def _build(before: CompiledGuardrails, after: CompiledGuardrails) -> Iterator[Widening]:
    if before.build_target != after.build_target:
        yield Widening(
            "guardrails.build.target",
            before.build_target,
            after.build_target,
            "agents build elsewhere, with other credentials",
        )
    for schema in after.build_schemas:
        if not any(covers_name(known.lower(), schema.lower()) for known in before.build_schemas):
            yield Widening(
                "guardrails.build.schemas",
                list(before.build_schemas),
                list(after.build_schemas),
                f"agents may write to {schema!r}",
            )


def _agents(before: Compiled, after: Compiled) -> Iterator[Widening]:
    known = {agent.name: agent for agent in before.agents}
    for agent in after.agents:
        old = known.get(agent.name)
        if old is None:
            summary = {
                "engine": agent.engine,
                "when": list(agent.when),
                "select": agent.select,
                "tools": list(agent.tools),
            }
            yield Widening(f"agents.{agent.name}", None, summary, "an agent more")
        else:
            yield from _agent(old, agent)
            yield from _agent_limits(old, agent, before, after)


def _agent(before: CompiledAgent, after: CompiledAgent) -> Iterator[Widening]:
    name = f"agents.{after.name}"
    if _ENGINES.get(after.engine, 9) > _ENGINES.get(before.engine, 0):
        why = "what the agent reads may leave the machine"
        yield Widening(f"{name}.engine", before.engine, after.engine, why)
    yield from _more(f"{name}.tools", before.tools, after.tools, "the agent has a tool more")
    yield from _more(
        f"{name}.delegates", before.delegates, after.delegates, "the agent calls an agent more"
    )
    yield from _more(f"{name}.when", before.when, after.when, "the agent starts by itself for more")
    yield from _scope(name, before, after)


def _scope(name: str, before: CompiledAgent, after: CompiledAgent) -> Iterator[Widening]:
    """The selection by its parts: what matches nothing today may match tomorrow."""
    if not before.select or before.select == after.select:
        return
    more = tuple(sorted(set(after.scope) - set(before.scope)))
    parts = set(after.select.split()) - set(before.select.split())
    narrower = (
        bool(after.select) and not more and (not parts or set(after.scope) < set(before.scope))
    )
    if not narrower:
        why = "the agent sees and may propose to change more"
        yield Widening(
            f"{name}.select", before.select, after.select or "the whole project", why, more
        )


def _agent_limits(
    old: CompiledAgent, new: CompiledAgent, before: Compiled, after: Compiled
) -> Iterator[Widening]:
    """Limits of the agent's own; those that it has from guardrails.yml are told there."""
    general = {key for key, *_ in limits_apart(before.guardrails.limits, after.guardrails.limits)}
    for key, was, now, raised in limits_apart(old.limits, new.limits):
        if raised and key not in general:
            yield Widening(f"agents.{new.name}.limits.{key}", was, now, "a limit was raised")


def _plans(before: Compiled, after: Compiled) -> Iterator[Widening]:
    """Plans that are new, tools that they call by themselves, and steps that nobody looks at any
    more."""
    known = {plan.name: plan for plan in before.plans}
    for plan in after.plans:
        name, old = f"plans.{plan.name}", known.get(plan.name)
        if old is None:
            steps = [f"{step.id}: {step.agent or step.tool}" for step in plan.steps]
            yield Widening(name, None, steps, "a plan more")
            continue
        calls = [step.tool for step in plan.steps if step.tool]
        called = [step.tool for step in old.steps if step.tool]
        yield from _more(f"{name}.tools", called, calls, "the plan calls a tool more")
        yield from _plan_steps(name, old.steps, plan.steps)


def _plan_steps(
    name: str, before: Iterable[PlanStep], after: Iterable[PlanStep]
) -> Iterator[Widening]:
    known = {step.id: step for step in before}
    for step in after:
        old = known.get(step.id)
        if old is not None and old.review and not step.review:
            why = "nobody looks at the step any more"
            yield Widening(f"{name}.{step.id}.review", True, False, why)
        if old is not None and step.retries > old.retries:
            why = "the step may start more often"
            yield Widening(f"{name}.{step.id}.retries", old.retries, step.retries, why)


def _tools(before: Iterable[ToolSpec], after: Iterable[ToolSpec]) -> Iterator[Widening]:
    known = {tool.name: tool for tool in before}
    for tool in after:
        old = known.get(tool.name)
        if old is not None and _EFFECTS[tool.effect] > _EFFECTS[old.effect]:
            why = "the tool has a stronger effect"
            yield Widening(f"tools.{tool.name}.effect", old.effect, tool.effect, why)


def _own_tools(before: Iterable[OwnTool], after: Iterable[OwnTool]) -> Iterator[Widening]:
    """A tool of the user's that is new, does something else, or needs nobody any more."""
    known = {tool.name: tool for tool in before}
    for tool in after:
        old, what = known.get(tool.name), f"tools.{tool.name}"
        if old is None:
            effect = {"kind": tool.kind, "effect": tool.spec.effect}
            yield Widening(what, None, effect, "a tool more")
            continue
        if _EFFECTS[tool.spec.effect] < _EFFECTS[old.spec.effect]:
            why = "the tool is taken for one with a weaker effect: fewer people are asked"
            yield Widening(f"{what}.effect", old.spec.effect, tool.spec.effect, why)
        changed = [key for key in tool.body if tool.body[key] != old.body.get(key)]
        if tool.kind != old.kind or changed:
            was = {key: old.body.get(key) for key in changed}
            now = {key: tool.body[key] for key in changed}
            yield Widening(what, mask_json(was), mask_json(now), "the tool does something else")


def _connections(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Widening]:
    for name in after:
        old, new = before.get(name), after[name]
        if old != new:
            why = "a connection more" if old is None else "the connection leads elsewhere"
            yield Widening(f"connections.{name}", mask_json(old), mask_json(dict(new)), why)


def _more(what: str, before: Iterable[str], after: Iterable[str], why: str) -> Iterator[Widening]:
    old, new = list(before), list(after)
    if added := [name for name in new if name not in old]:
        yield Widening(what, old, new, f"{why}: {', '.join(added)}")


def _fewer(what: str, before: Iterable[str], after: Iterable[str], why: str) -> Iterator[Widening]:
    old, new = list(before), list(after)
    if gone := [name for name in old if name not in new]:
        yield Widening(what, old, new, f"{why}: {', '.join(gone)}")


def _higher(what: str, before: float, after: float) -> Iterator[Widening]:
    if after > before:
        yield Widening(what, before, after, "a bound was raised")


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(one)}" for key, one in value.items()) + "}"
    return str(value)
