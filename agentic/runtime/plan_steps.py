"""One step of a plan: an agent's task or a tool's call, each a run of its own with its own limits.

An agent's step ends in a proposal that passed its checks, or in none; a tool's step in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from agentic.exceptions import EngineError
from agentic.guardrails import about_statements, judge_proposal
from agentic.records import (
    CheckResult,
    CompiledAgent,
    CompiledPlan,
    Decision,
    DecisionKind,
    Edit,
    Incident,
    Limits,
    PlanStep,
    RunResult,
    RunStatus,
    ToolCall,
    Turn,
    Usage,
    content_hash,
)
from agentic.runtime.conclude import conclude
from agentic.runtime.effects import CONFIRM
from agentic.runtime.engines import Exchange, Task
from agentic.runtime.investigate import Investigation, investigate
from agentic.runtime.session import Session
from agentic.store import Ask

_ANSWER_CHARS = 2_000
_REFUSED = 400
"""The first HTTP status that means no."""
_DECISIONS: dict[RunStatus, DecisionKind] = {
    "awaiting_approval": "wait",
    "no_op": "no_change",
    "escalated": "escalate",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a step ended: what the plan's journal keeps of it."""

    step: str
    attempt: int
    run_id: str
    ended: Literal["done", "failed"]
    reason: str = ""
    title: str = ""
    edits: tuple[Edit, ...] = ()
    statements: tuple[str, ...] = ()
    asks: tuple[Decision, ...] = ()
    """What guardrails ask a person about the proposal."""
    affected: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    """Without their tables, which the step's own run has."""
    ready: bool = True
    """False: a check could not compare everything, so that a person looks first."""
    usage: Usage = Usage()
    engine: str = ""
    error: bool = False
    """The step's own run ended in an error, not in a failure of what it did."""


class Waiting(Exception):
    """A step waits for a person: the plan's run ends here and goes on here."""

    def __init__(self, ask: Ask | None, sentence: str, *, approval: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.asks = False
        """The last step ended, and its change is what is asked about."""
        self.approval = ask.id if ask is not None else approval


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a step, and what it is told."""

    plan: CompiledPlan
    step: PlanStep
    attempt: int
    run_id: str
    """Of the plan's run."""
    request: str
    done: tuple[str, ...] = ()
    """What the steps before it left, a line each."""
    sent_back: str = ""
    """Why it starts again: what a step that failed said, or a person's reason."""
    failed: str = ""
    """The step that failed just before; empty where a person said no."""
    left: Limits = Limits()

    @property
    def incident(self) -> Incident:
        """The step as an incident of kind `request`: what people say is the request, what earlier
        work left is its message."""
        name = content_hash(["plan", self.run_id, self.step.id, self.attempt])[:16]
        return Incident(
            id=name,
            kind="request",
            node="",
            message="\n".join(self._left()),
            fingerprint=name,
            request="\n".join(self._lines()),
        )

    def _lines(self) -> Sequence[str]:
        number = [step.id for step in self.plan.steps].index(self.step.id) + 1
        lines = [f"Step `{self.step.id}` ({number} of {len(self.plan.steps)}) of a plan."]
        if self.request:
            lines.append(f"What the plan is for: {self.request}")
        if self.step.task:
            lines.append(f"What this step does: {self.step.task}")
        if self.failed:
            lines.append(f"It starts since step `{self.failed}` failed.")
        elif self.sent_back:
            lines.append(f"It starts again, since: {self.sent_back}")
        return lines

    def _left(self) -> Sequence[str]:
        """What engines and tools wrote: never the words of the people who run the project."""
        lines = []
        if self.done:
            lines.append("Done by the steps before, and in place here:")
            lines += [f"- {line}" for line in self.done]
        if self.failed:
            lines.append(f"Step `{self.failed}` failed: {self.sent_back}")
        return lines


def do_step(session: Session, start: Start) -> Outcome:
    """Do a step once, or go on with it where it was cut off.

    Raises Waiting when an effect outside waits for a person, and what `investigate` raises.
    """
    ended = session.store.results_of(start.incident.fingerprint, since="")
    if ended and ended[-1].status != "awaiting_approval":
        # Cut off between the step's own end and the plan's note of it: nothing is done twice.
        reasons = ended[-1].extra.get("asks", ())
        return _outcome(start, ended[-1], [Decision("ask", "AG140", one) for one in reasons])
    if start.step.agent:
        return _agent_step(session, start)
    return _tool_step(session, start)


def _agent_step(session: Session, start: Start) -> Outcome:
    agent = next(one for one in session.compiled.agents if one.name == start.step.agent)
    agent = replace(agent, limits=least(agent.limits, start.left))
    found = investigate(session, agent, start.incident)
    try:
        found.places.release_connection()
        asks = _asks(found)
        result = conclude(session, found)
    finally:
        found.places.close()
    if result.status == "awaiting_approval":
        raise Waiting(None, result.reason, approval=str(result.extra.get("approval", "")))
    return _outcome(start, result, asks)


def _asks(found: Investigation) -> tuple[Decision, ...]:
    if found.proposal is None:
        return ()
    asks = judge_proposal(found.proposal.edits, found.situation).asks
    return (*asks, *about_statements(found.proposal.statements))


def _outcome(start: Start, result: RunResult, asks: Sequence[Decision]) -> Outcome:
    done = result.status == "no_op" or (result.status == "success" and result.proposal is not None)
    proposal = result.proposal if result.status == "success" else None
    report = result.report
    return Outcome(
        step=start.step.id,
        attempt=start.attempt,
        run_id=result.run_id,
        ended="done" if done else "failed",
        reason=result.reason,
        title=proposal.title if proposal else "",
        edits=proposal.edits if proposal else (),
        statements=proposal.statements if proposal else (),
        asks=tuple(asks) if proposal else (),
        affected=result.finding.affected if result.finding else (),
        checks=tuple(replace(one, table=()) for one in (report.results if report else ())),
        ready=report.ready if report is not None and proposal is not None else True,
        usage=result.usage,
        engine=result.engine,
        error=result.status == "error",
    )


class _OneCall:
    """The engine of a tool's step: the call, its confirmation where one is issued, and no more."""

    name = "plan"

    def __init__(self, step: PlanStep) -> None:
        self._step = step

    def next_turn(self, task: Task, history: Sequence[Exchange]) -> Turn:
        given: dict[str, Any] = dict(self._step.input)
        if history:
            content = history[-1].results[0].content if history[-1].results else None
            value = content.get(CONFIRM) if isinstance(content, Mapping) else None
            if not value or len(history) > 1:
                raise EngineError(f"{task.agent}: the call was made")
            given[CONFIRM] = value
        call = ToolCall(f"{self._step.id}-{len(history)}", self._step.tool, given)
        return Turn("tool_use", (call,))


def _tool_step(session: Session, start: Start) -> Outcome:
    agent = CompiledAgent(
        name=start.plan.name, engine="plan", tools=(start.step.tool,), limits=start.left
    )
    found = investigate(session, agent, start.incident, engine=_OneCall(start.step))
    try:
        if found.end.ask is not None:
            _end(session, start, found, "awaiting_approval", found.end.sentence)
            raise Waiting(found.end.ask, found.end.sentence)
        ended, reason = _answered(found, start.step)
        _end(session, start, found, "no_op" if ended == "done" else "escalated", reason)
    finally:
        found.places.close()
    return Outcome(
        step=start.step.id,
        attempt=start.attempt,
        run_id=found.run_id,
        ended=ended,
        reason=reason,
        usage=found.usage,
        engine=found.engine,
    )


def _answered(found: Investigation, asked: PlanStep) -> tuple[Literal["done", "failed"], str]:
    """Whether the tool did what was asked, and its answer in short."""
    answers = [step.output for step in found.journal.steps() if step.kind == "tool"]
    last = answers[-1] if answers else None
    if found.end.reason != "engine_failed" or not isinstance(last, Mapping):
        return "failed", found.end.sentence or "the call was not made"
    content = last.get("content")
    text = msgspec.json.encode(content).decode()[:_ANSWER_CHARS]
    failed = last.get("is_error") or _is_no(content, asked)
    return ("failed" if failed else "done"), text


def _is_no(content: object, asked: PlanStep) -> bool:
    """An answer that is no error and yet says that the thing asked for was not done."""
    if not isinstance(content, Mapping):
        return False
    status, result = content.get("status"), content.get("result")
    only_said = content.get("dry_run") is True and asked.input.get("dry_run") is not True
    refused = isinstance(status, int) and status >= _REFUSED
    own = isinstance(result, Mapping) and result.get("ok") is False
    return content.get("ok") is False or only_said or refused or own


def _end(
    session: Session,
    start: Start,
    found: Investigation,
    status: RunStatus,
    reason: str,
) -> None:
    session.store.end_run(
        RunResult(
            run_id=found.run_id,
            agent=found.agent.name,
            engine=found.engine,
            incident=start.incident,
            status=status,
            decision=_DECISIONS[status],
            reason=reason,
            usage=found.usage,
            started_at=found.started_at,
            ended_at=session.clock(),
        )
    )


def least(one: Limits, other: Limits) -> Limits:
    """The smaller of both, value by value."""
    return Limits(
        **{name: min(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__}
    )


def what_is_left(limits: Limits, spent: Usage) -> Limits:
    """A plan's limits after what its steps spent; nothing goes below nought."""
    return replace(
        limits,
        tool_calls=max(0, limits.tool_calls - spent.tool_calls),
        tokens=max(0, limits.tokens - spent.input_tokens - spent.output_tokens),
        cost_usd=max(0.0, limits.cost_usd - spent.cost_usd),
        duration_s=max(0.0, limits.duration_s - spent.duration_s),
    )
