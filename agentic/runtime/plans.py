"""A plan's run: its steps in the order of their routes, each accepted change on top of the last.

The plan's own journal holds how each step ended, what a person said, and the commit that follows.
A run that was killed goes on at the step it was at; one that waits for a person goes on when they
have answered. The checkout is never touched: changes are commits on `agentic/plan-...`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from agentic.records import ESCALATE, CompiledPlan, PlanStep, Proposal, RunResult
from agentic.review import open_branch
from agentic.review.branch import TRAILER
from agentic.runtime.budget import Budget
from agentic.runtime.plan_end import finish
from agentic.runtime.plan_reviews import Answer, ask_for_plan, ask_person
from agentic.runtime.plan_state import PlanRun, merged, start_or_resume
from agentic.runtime.plan_steps import Outcome, Start, Waiting, do_step, what_is_left
from agentic.runtime.session import Session
from agentic.runtime.stage import Stage


class _Base(msgspec.Struct, frozen=True):
    commit: str


class _Tip(msgspec.Struct, frozen=True):
    """Where the branch stands after a step."""

    commit: str


def plan_named(session: Session, name: str | None) -> CompiledPlan | None:
    """The plan of this name, if there is one."""
    return next((one for one in session.compiled.plans if one.name == name), None)


def run_plan(
    session: Session, plan: CompiledPlan, request: str = "", *, written: bool = False
) -> RunResult:
    """Run a plan, or go on with its run that was cut off or waited. A plan that is `written`
    outside of agents.yml acts only after a person approved it.

    Raises StoreError when another process is at it, and what a step cannot mend itself
    (WarehouseLocked, GitError, EngineError): the run goes on at that step next time.
    """
    run = start_or_resume(session, plan, request, written=written)
    session.stream.emit(
        "plan.started", f"plan {plan.name}: {len(plan.steps)} steps", run_id=run.run_id
    )
    with Stage(session, run.run_id) as stage:
        try:
            why = _walk(run, stage)
        except Waiting as waiting:
            session.stream.emit("plan.waits", waiting.sentence, run_id=run.run_id)
            return finish(run, waits=waiting)
    return finish(run, escalated=why)


def _walk(run: PlanRun, stage: Stage) -> str:
    """Follow the routes to an end; why a person has to take over, or nothing."""
    run.base = run.journal.step(
        "plan_base", run.plan.name, {}, _Base, lambda _key: _Base(run.session.repo.snapshot())
    ).commit
    run.tip = run.base
    if run.written:
        approval = run.journal.step(
            "plan_approval", run.plan.name, {}, Answer, lambda key: ask_for_plan(run, key)
        )
        if approval.said == "no":
            return f"{approval.by} rejected the plan: {approval.reason or 'no reason given'}"
    starts: Counter[str] = Counter()
    step, sent_back = run.plan.steps[0], ""
    while True:
        starts[step.id] += 1
        if step.retries and starts[step.id] > step.retries + 1:
            return f"step {step.id} was started {step.retries + 1} times: {sent_back}"
        if spent := _used_up(run):
            return spent
        outcome = _do(run, stage, step, starts[step.id], sent_back)
        if outcome.ended == "failed":
            sent_back = outcome.reason
            again = starts[step.id] <= step.retries
            to = step.id if again else step.on_failure
        else:
            answer = _looked_at(run, step, outcome, starts[step.id])
            if answer is None or answer.said == "yes":
                _accept(run, outcome, starts[step.id], looked=answer is not None)
                sent_back, to = "", step.on_success
            else:
                sent_back = f"{answer.by} said no: {answer.reason or 'no reason given'}"
                to = step.on_review
        if not to:
            return ""
        if to == ESCALATE:
            return f"step {step.id}: {sent_back}"
        step = run.plan.step(to)


def _do(run: PlanRun, stage: Stage, step: PlanStep, attempt: int, sent_back: str) -> Outcome:
    last = run.outcomes[-1] if run.outcomes else None
    start = Start(
        plan=run.plan,
        step=step,
        attempt=attempt,
        run_id=run.run_id,
        request=run.request,
        done=tuple(_done_lines(run)),
        sent_back=sent_back,
        failed=last.step if last is not None and last.ended == "failed" else "",
        left=what_is_left(run.plan.limits, run.spent),
    )
    outcome = run.journal.step(
        "plan_step",
        step.id,
        {"attempt": attempt, "on": run.tip},
        Outcome,
        lambda _key: do_step(stage.session(run.tip), start),
    )
    run.outcomes.append(outcome)
    run.session.stream.emit(
        "plan.step", f"step {step.id}: {outcome.ended} {outcome.title}".rstrip(), run_id=run.run_id
    )
    return outcome


def _done_lines(run: PlanRun) -> Sequence[str]:
    return [
        f"{one.step}: {one.title} ({', '.join(edit.path for edit in one.edits)})"
        for one in run.outcomes
        if one.ended == "done" and one.edits
    ]


def _looked_at(run: PlanRun, step: PlanStep, outcome: Outcome, attempt: int) -> Answer | None:
    """What a person said; None where nobody is asked."""
    edits = merged([*run.unseen, *outcome.edits])
    external = step.tool and _effect(run.session, step) == "external"
    asked = bool(outcome.asks) or not outcome.ready or (step.review and not external)
    if not asked:
        return None
    answer = run.journal.step(
        "plan_review",
        step.id,
        {"attempt": attempt, "files": [edit.path for edit in edits]},
        Answer,
        lambda key: ask_person(run.session, run.plan, outcome, edits, run_id=run.run_id, key=key),
    )
    run.answers[len(run.outcomes) - 1] = answer
    return answer


def _effect(session: Session, step: PlanStep) -> str:
    """An external call was shown and approved before it was made: there is nothing to ask after."""
    found = next((one for one in session.compiled.tools if one.name == step.tool), None)
    return found.effect if found is not None else ""


def _accept(run: PlanRun, outcome: Outcome, attempt: int, *, looked: bool) -> None:
    """Put a step's change on the branch: what the next step sees."""
    session = run.session
    if outcome.edits:
        proposal = Proposal(outcome.title, outcome.edits)

        def effect(_key: str) -> _Tip:
            made = open_branch(
                session.repo,
                session.project,
                proposal,
                name=run.branch,
                base=run.tip,
                date=run.started_at,
                trailers={
                    TRAILER: run.incident.fingerprint,
                    "Agentic-Run": outcome.run_id,
                    "Agentic-Plan": f"{run.plan.name}/{outcome.step}",
                },
            )
            return _Tip(made.commit)

        given = {"attempt": attempt, "on": run.tip}
        run.tip = run.journal.step("plan_commit", outcome.step, given, _Tip, effect).commit
        run.stacked = list(merged([*run.stacked, *outcome.edits]))
    run.unseen = [] if looked else [*run.unseen, *outcome.edits]


def _used_up(run: PlanRun) -> str:
    """The limit of the whole plan that its steps used up."""
    budget = Budget(run.plan.limits, run.started_at, run.session.clock, spent=run.spent)
    # The clock of a plan counts what its steps took, not how long it waited for people.
    budget.waited_s = float("inf")
    spent = run.spent
    if spent.duration_s >= run.plan.limits.duration_s:
        return f"the limit `duration` of the plan is used up: {spent.duration_s:.0f} s"
    over = budget.exceeded()
    return f"the plan as a whole: {over.reason}" if over is not None else ""
