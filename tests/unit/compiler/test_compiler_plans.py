"""Plans compiled: what reaches the manifest, and what random graphs may never do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentic.compiler import manifest_text, widened_between
from agentic.compiler.plan_graph import Powers, graph_faults
from agentic.records import ESCALATE, CompiledPlan, PlanStep
from tests.support.shop import check_shop

HEAD = """\
version: 1
agents:
  - {name: writer, extends: agentic.triage}
  - {name: looker, extends: agentic.triage, tools: [context, sql, report]}
plans:
"""


def compiled(root: Path, steps: str, more: str = "") -> tuple[CompiledPlan, ...]:
    (root / "agents.yml").write_text(f"{HEAD}  - name: mart\n{more}    steps:\n{steps}")
    (root / "guardrails.yml").write_text("version: 1\napprove: {by: [local]}\n")
    _, checked, issues = check_shop(root)
    assert issues == ()
    return checked.compiled.plans


def test_a_plan_reaches_the_manifest_with_its_defaults(tmp_path: Path) -> None:
    (plan,) = compiled(
        tmp_path,
        "      - {id: model, agent: writer, task: Build it., review: true, on_success: test}\n"
        "      - {id: test, tool: dbt_test, input: {select: [orders]}}\n",
        "    limits: {tool_calls: 9}\n",
    )

    assert plan.limits.tool_calls == 9
    assert plan.limits.tokens == 200_000
    assert plan.steps[0] == PlanStep(
        id="model", agent="writer", task="Build it.", review=True, on_success="test"
    )
    assert plan.steps[1].on_failure == ESCALATE
    assert plan.steps[1].input == {"select": ["orders"]}


def test_the_same_plan_gives_the_same_bytes_and_a_switched_off_one_none(tmp_path: Path) -> None:
    steps = "      - {id: look, agent: looker}\n"
    compiled(tmp_path, steps)
    first = manifest_text(check_shop(tmp_path)[1].compiled)

    assert manifest_text(check_shop(tmp_path)[1].compiled) == first
    assert compiled(tmp_path, steps, "    config: {enabled: false}\n") == ()


def random_plan(seed: int) -> tuple[CompiledPlan, dict[str, Powers]]:
    dice = random.Random(seed)
    ids = [f"s{n}" for n in range(dice.randint(1, 6))]

    def route(*ends: str) -> str:
        return dice.choice([*ends, *ends, *ids])

    steps = [
        PlanStep(
            id=one,
            agent="a",
            on_success=route(""),
            on_failure=route(ESCALATE),
            on_review=route(ESCALATE),
            review=dice.random() < 0.4,
            retries=dice.choice([0, 0, 1, 3]),
        )
        for one in ids
    ]
    powers = {one: Powers(dice.random() < 0.5, dice.random() < 0.1) for one in ids}
    return CompiledPlan("p", steps=tuple(steps)), powers


@pytest.mark.parametrize("block", range(4))
def test_what_passes_ends_and_shows_every_change(block: int) -> None:
    """Walk plans without faults at random: they end, reach every step in principle, and never
    come to a writing step with another's proposal that nobody looked at."""
    passed = 0
    for seed in range(block * 500, (block + 1) * 500):
        plan, powers = random_plan(seed)
        faults = list(graph_faults(plan, powers))
        assert bool(faults) == broken(plan, powers), (seed, faults)
        passed += not faults

    assert passed > 20


def broken(plan: CompiledPlan, powers: dict[str, Powers]) -> bool:
    """The same said by walking every way, with the runtime's own count of starts."""
    reached: set[str] = set()
    seen = set()
    waiting = [(plan.steps[0].id, "")]
    bad = False
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        here, pending = state
        step, power = plan.step(here), powers[here]
        reached.add(here)
        bad |= bool(pending) and pending != here and (power.writes or power.external)
        for route, to in step.routes():
            left = pending
            if route == "success":
                left = "" if step.review else pending or (here if power.writes else "")
            waiting.append((to, left))
    return bad or len(reached) < len(plan.steps) or endless(plan)


def endless(plan: CompiledPlan) -> bool:
    """Peel steps that end for certain; what is left goes round. Bounded steps end."""
    ends = {step.id for step in plan.steps if step.retries}
    for _ in plan.steps:
        ends |= {one.id for one in plan.steps if all(to in ends for _, to in one.routes())}
    return len(ends) < len(plan.steps)


def test_a_plan_that_calls_more_or_is_looked_at_less_is_wider(tmp_path: Path) -> None:
    step = "      - {id: model, agent: writer, %s}\n"
    compiled(tmp_path, step % "review: true")
    before = check_shop(tmp_path)[1].compiled
    compiled(
        tmp_path,
        step % "on_success: test, retries: 2"
        + "      - {id: test, tool: dbt_test, input: {select: [orders]}}\n",
    )
    after = check_shop(tmp_path)[1].compiled

    assert [one.what for one in widened_between(before, after)] == [
        "plans.mart.tools",
        "plans.mart.model.review",
        "plans.mart.model.retries",
    ]
    assert widened_between(after, before) == ()
    new = widened_between(replace(before, plans=()), before)
    assert [(one.what, one.why) for one in new] == [("plans.mart", "a plan more")]


@pytest.mark.parametrize(("dry", "told"), [("", True), (", dry_run: false", False)])
def test_a_step_that_writes_says_whether_it_does(tmp_path: Path, dry: str, told: bool) -> None:
    given = f"{{to: oncall, title: Done{dry}}}"
    (tmp_path / "agents.yml").write_text(
        f"{HEAD}  - name: mart\n    steps:\n      - {{id: tell, tool: notify, input: {given}}}\n"
    )

    assert ("AC234" in [one.code for one in check_shop(tmp_path)[2]]) == told
