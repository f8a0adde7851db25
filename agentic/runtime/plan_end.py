"""How a plan's run ends: one result of all its steps, in the store and in a case file."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from agentic.records import CheckReport, Proposal, RunResult
from agentic.review import patch_of, render_body, run_folder, write_casefile
from agentic.runtime.plan_state import PlanRun, public_steps
from agentic.runtime.plan_steps import Waiting
from agentic.runtime.publishing import publish
from agentic.runtime.telling import tell


def finish(run: PlanRun, *, waits: Waiting | None = None, escalated: str = "") -> RunResult:
    """The result: it waits for a person, one takes over, or it is done and ready to be reviewed."""
    result = _result(run)
    extra = {
        "plan": run.plan.name,
        "steps": public_steps(run, waits=waits is not None and waits.asks),
    }
    result = replace(result, extra=extra)
    body = render_body(result, calls=[]) if result.proposal is not None else None
    if waits is not None:
        extra = {**extra, "approval": waits.approval}
        result = replace(
            result,
            status="awaiting_approval",
            decision="wait",
            draft=True,
            reason=waits.sentence,
            extra=extra,
        )
    elif escalated:
        result = replace(
            result, status="escalated", decision="escalate", draft=True, reason=escalated
        )
        result = tell(run.session, run.journal, result)
        if run.outcomes and run.outcomes[-1].error:
            result = replace(result, status="error")
    elif run.session.apply and body is not None:
        result = publish(run.session, run.journal, result, body)
    result = replace(result, ended_at=run.session.clock())
    _write(run, result, body)
    return result


def _result(run: PlanRun) -> RunResult:
    """As if it were done."""
    accepted = [one for one in run.outcomes if one.ended == "done"]
    checks = tuple(
        replace(check, detail=f"{one.step}: {check.detail}")
        for one in accepted
        for check in one.checks
    )
    report = CheckReport(checks) if checks else None
    proposal = None
    if run.stacked:
        lines = [f"- {one.step}: {one.title}" for one in accepted if one.edits]
        about = run.request or run.plan.description
        proposal = Proposal(
            f"plan {run.plan.name}" + (f": {about}"[:90] if about else ""),
            tuple(run.stacked),
            rationale="\n".join(lines),
            statements=tuple(text for one in accepted for text in one.statements),
        )
    moved = run.tip != run.base
    return RunResult(
        run_id=run.run_id,
        agent=run.plan.name,
        engine=", ".join(sorted({one.engine for one in run.outcomes})),
        incident=run.incident,
        status="success" if proposal else "no_op",
        decision="fix" if proposal else "no_change",
        proposal=proposal,
        report=report,
        branch=run.branch if moved else None,
        commit=run.tip if moved else None,
        pull_request=str(run_folder(run.session.project, run.run_id) / "pr_body.md")
        if moved
        else None,
        draft=report is not None and not report.ready,
        reason=f"{len(accepted)} steps done",
        usage=run.spent,
        started_at=run.started_at,
    )


def _write(run: PlanRun, result: RunResult, body: str | None) -> None:
    session = run.session
    prefix = session.repo.relative(session.project.root)
    patch = patch_of(result.proposal, f"{prefix}/" if prefix else "") if result.proposal else ""
    steps = [msgspec.to_builtins(step._asdict()) for step in run.journal.steps()]
    write_casefile(session.project, result, transcript=steps, body=body, patch=patch)
    session.store.end_run(result)
    session.stream.emit(
        "run.ended",
        f"{result.status.replace('_', ' ')}: {result.reason}",
        run_id=result.run_id,
        agent=result.agent,
    )
