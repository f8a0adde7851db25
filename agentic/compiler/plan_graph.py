"""The graph of a plan: what is never reached, what never ends, what nobody looked at.

Pure: steps in, faults out, each with the step that it is about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from agentic.records import CompiledPlan, PlanStep

_Key = Literal["id", "review", "retries"]


class StepFault(msgspec.Struct, frozen=True):
    """One fault: the step's number in its plan, the key it is told at, and why."""

    step: int
    key: _Key
    code: str
    message: str
    hint: str = ""


class Powers(msgspec.Struct, frozen=True):
    """What a step can do by its tools."""

    writes: bool = False
    """It may leave a proposal."""
    external: bool = False


def graph_faults(plan: CompiledPlan, powers: Mapping[str, Powers]) -> Iterator[StepFault]:
    """Faults of the graph as a whole; every route of `plan` names a step. `powers` by step id."""
    numbers = {step.id: number for number, step in enumerate(plan.steps)}
    reached = _reached(plan.steps)
    for step in plan.steps:
        if step.id not in reached:
            before = plan.steps[numbers[step.id] - 1].id
            hint = f"write `on_success: {step.id}` at step {before!r}, or remove it"
            yield StepFault(
                numbers[step.id], "id", "AC231", f"no route leads to step {step.id!r}", hint
            )
    cycle = _endless(plan.steps)
    if cycle:
        way = " -> ".join((*cycle, cycle[0]))
        message = f"the steps {way} could go round for ever"
        hint = f"write `retries:` at step {cycle[0]!r}: how often it may start again"
        yield StepFault(numbers[cycle[0]], "id", "AC232", message, hint)
    yield from _unreviewed(plan, powers, numbers)


def _reached(steps: Sequence[PlanStep]) -> set[str]:
    by_id = {step.id: step for step in steps}
    found: set[str] = set()
    waiting = [steps[0].id] if steps else []
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += [to for _, to in by_id[here].routes()]
    return found


def _endless(steps: Sequence[PlanStep]) -> tuple[str, ...]:
    """A cycle of steps none of which has a bound; empty when every cycle has one."""
    routes = {step.id: [to for _, to in step.routes()] for step in steps if not step.retries}
    done: set[str] = set()

    def walk(here: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if here in path:
            return path[path.index(here) :]
        if here in done or here not in routes:
            return ()
        for to in routes[here]:
            if found := walk(to, (*path, here)):
                return found
        done.add(here)
        return ()

    return next((found for step in routes if (found := walk(step, ()))), ())


def _unreviewed(
    plan: CompiledPlan, powers: Mapping[str, Powers], numbers: Mapping[str, int]
) -> Iterator[StepFault]:
    """Risky steps that a path reaches with a proposal of another step that nobody looked at."""
    by_id = {step.id: step for step in plan.steps}
    start = (plan.steps[0].id, "", False)
    seen = {start}
    waiting = deque([start])
    told: set[str] = set()
    while waiting:
        here, pending, reviewed = waiting.popleft()
        step, power = by_id[here], powers[here]
        fault = _risk(step, power, pending, reviewed)
        if fault and here not in told:
            told.add(here)
            yield StepFault(numbers[here], "id", "AC233", *fault)
        for route, to in step.routes():
            state = (to, *_after(step, power, route == "success", pending, reviewed))
            if state not in seen:
                seen.add(state)
                waiting.append(state)


def _after(
    step: PlanStep, power: Powers, success: bool, pending: str, reviewed: bool
) -> tuple[str, bool]:
    """Whose proposal nobody looked at, and whether somebody looked at all, on leaving a step."""
    if not success:
        # What failed or was sent back left nothing behind.
        return pending, reviewed
    if step.review:
        return "", True
    return (pending or step.id, False) if power.writes else (pending, reviewed)


def _risk(step: PlanStep, power: Powers, pending: str, reviewed: bool) -> tuple[str, str] | None:
    if pending and pending != step.id and (power.writes or power.external):
        what = "has an effect outside" if power.external else "may change files"
        message = f"step {step.id!r} {what}, and nobody looked at the proposal of {pending!r}"
        return message, f"write `review: true` at step {pending!r}"
    if step.tool and power.external and not (reviewed or step.review):
        message = f"step {step.id!r} has an effect outside, and nobody looks before it"
        return message, f"write `review: true` at step {step.id!r}: its call is shown first"
    return None
