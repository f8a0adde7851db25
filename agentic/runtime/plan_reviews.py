"""A person looks before a plan goes on: parked with the exact change, answered once, used once.

What is approved is every edit since the last look, under the checkout's guardrails. A git host's
review cannot answer here, since a step is no pull request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from agentic.guardrails import PLAN, PLAN_STEP, Desk, change_content, rules_of
from agentic.records import CodePage, CompiledPlan, Decision, Edit, dump, publish
from agentic.runtime.plan_steps import Outcome, Waiting
from agentic.runtime.session import Session
from agentic.store import Ask

if TYPE_CHECKING:
    from agentic.runtime.plan_state import PlanRun

publish(
    CodePage(
        "AG190",
        "plan-review",
        "A step of a plan waits for a person: it says `review: true`, or a check left something "
        "open.",
        why="The next step stands on this one, so that it is looked at first.",
        fix="`agentic approve` shows the change; `agentic run PLAN` then goes on.",
    ),
    CodePage(
        "AG191",
        "plan-approval",
        "A plan that is not in agents.yml (an engine wrote it, or a file holds it) waits.",
        why="What an engine plans is checked and shown before anything of it is done.",
        fix="`agentic approve` shows the plan; `agentic run --plan` then runs it, once.",
    ),
)


class Answer(msgspec.Struct, frozen=True):
    """What a person said: one step of the plan's journal."""

    said: Literal["yes", "no"]
    by: str
    proof: str = ""
    reason: str = ""
    ask: str = ""


def ask_person(
    session: Session,
    plan: CompiledPlan,
    outcome: Outcome,
    edits: Sequence[Edit],
    *,
    run_id: str,
    key: str,
) -> Answer:
    """The answer about a step's change. `edits` are all since the last look.

    Raises Waiting while nobody has answered, or when the ask came to nothing.
    """
    asks = _reasons(plan, outcome)
    content: dict[str, Any] = {
        **change_content(
            edits, statements=outcome.statements, asks=asks, affected=outcome.affected
        ),
        "plan": plan.name,
        "step": outcome.step,
        "title": outcome.title,
        "checks": [f"{one.code} {one.name}: {one.result}" for one in outcome.checks],
    }
    if not edits:
        content["answer"] = outcome.reason
    asked = _Asked(
        PLAN_STEP,
        content,
        subject=f"{run_id}:{outcome.step}"[:64],
        rules=rules_of(asks),
        run_id=run_id,
        key=key,
    )
    found = _answer(session, asked)
    if isinstance(found, Answer):
        return found
    waiting = Waiting(found, _sentence(session, f"step {outcome.step}", found))
    waiting.asks = True
    raise waiting


class _Asked(msgspec.Struct, frozen=True):
    """One thing that a person is asked."""

    kind: str
    content: dict[str, Any]
    subject: str
    rules: tuple[str, ...]
    run_id: str
    key: str


def _answer(session: Session, asked: _Asked) -> Answer | Ask:
    """What a person said of exactly this in this run; else what waits for them."""
    desk = Desk.of(session.store, session.audit)
    compiled, target = session.asked_under, session.target.name
    approvers = session.compiled.guardrails.approve_by
    given = desk.use(
        kind=asked.kind,
        content=asked.content,
        compiled=compiled,
        approvers=approvers,
        target=target,
        key=asked.key,
    )
    if given is not None:
        return Answer("yes", given.decided_by or "", given.proof or "", ask=given.id)
    bound = desk.bound(compiled, approvers, target)
    no = desk.approvals.rejected(kind=asked.kind, content=asked.content, bound=bound)
    if no is not None and no.run_id == asked.run_id:
        return Answer("no", no.decided_by or "", "", no.reason or "", no.id)
    return desk.park(
        run_id=asked.run_id,
        kind=asked.kind,
        subject=asked.subject,
        content=asked.content,
        compiled=compiled,
        approvers=approvers,
        rules=asked.rules,
        target=target,
    )


def ask_for_plan(run: PlanRun, key: str) -> Answer:
    """The answer about a whole plan that agents.yml does not have. Raises Waiting without one."""
    sentence = f"The plan {run.plan.name} was written outside of agents.yml."
    reason = Decision("ask", "AG191", sentence, rule="policy: written plans")
    content: dict[str, Any] = {
        "plan": run.plan.name,
        "graph": dump(run.plan),
        "request": run.request,
        "asks": [f"{reason.code} {reason.reason}"],
    }
    asked = _Asked(PLAN, content, run.run_id, rules_of([reason]), run.run_id, key)
    found = _answer(run.session, asked)
    if isinstance(found, Answer):
        return found
    raise Waiting(found, _sentence(run.session, f"the plan {run.plan.name}", found))


def _reasons(plan: CompiledPlan, outcome: Outcome) -> tuple[Decision, ...]:
    step = plan.step(outcome.step)
    own = []
    rule = f"plans.{plan.name}.{step.id}"
    if step.review:
        sentence = f"Plan {plan.name}: a person looks at step {step.id} before it goes on."
        own.append(Decision("ask", "AG190", sentence, rule=f"{rule}.review"))
    if not outcome.ready:
        sentence = f"Plan {plan.name}: a check of step {step.id} could not compare everything."
        own.append(Decision("ask", "AG190", sentence, rule=f"{rule}.checks"))
    return (*own, *outcome.asks)


def _sentence(session: Session, what: str, ask: Ask) -> str:
    if ask.expires_at <= session.clock():
        return f"{what}: {ask.id} expired at {ask.expires_at[:19]}"
    return f"{what} waits for a person: agentic approve {ask.id}"
