"""A person looks before a plan goes on: parked with the exact change, answered once, used once.

What is approved is every edit since the last look, under the checkout's guardrails. A git host's
review cannot answer here, since a step is no pull request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from agentic.guardrails import PLAN_STEP, Desk, change_content, rules_of
from agentic.records import CodePage, CompiledPlan, Decision, Edit, publish
from agentic.runtime.plan_steps import Outcome, Waiting
from agentic.runtime.session import Session
from agentic.store import Ask

publish(
    CodePage(
        "AG190",
        "plan-review",
        "A step of a plan waits for a person: it says `review: true`, or a check left something "
        "open.",
        why="The next step stands on this one, so that it is looked at first.",
        fix="`agentic approve` shows the change; `agentic run PLAN` then goes on.",
    )
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
    desk = Desk.of(session.store, session.audit)
    compiled, rails = session.asked_under, session.compiled.guardrails
    approvers, target = rails.approve_by, session.target.name
    given = desk.use(
        kind=PLAN_STEP,
        content=content,
        compiled=compiled,
        approvers=approvers,
        target=target,
        key=key,
    )
    if given is not None:
        return Answer("yes", given.decided_by or "", given.proof or "", ask=given.id)
    bound = desk.bound(compiled, approvers, target)
    no = desk.approvals.rejected(kind=PLAN_STEP, content=content, bound=bound)
    if no is not None and no.run_id == run_id:
        return Answer("no", no.decided_by or "", "", no.reason or "", no.id)
    ask = desk.park(
        run_id=run_id,
        kind=PLAN_STEP,
        subject=f"{run_id}:{outcome.step}"[:64],
        content=content,
        compiled=compiled,
        approvers=approvers,
        rules=rules_of(asks),
        target=target,
    )
    waiting = Waiting(ask, _sentence(session, outcome, ask))
    waiting.asks = True
    raise waiting


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


def _sentence(session: Session, outcome: Outcome, ask: Ask) -> str:
    if ask.expires_at <= session.clock():
        return f"step {outcome.step}: {ask.id} expired at {ask.expires_at[:19]}"
    return f"step {outcome.step} waits for a person: agentic approve {ask.id}"
