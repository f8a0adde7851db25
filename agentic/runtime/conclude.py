"""From a finding to its end: checks, the branch and the pull request, or an escalation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentic.checks import Companion, Subject, run_checks
from agentic.exceptions import AgenticError
from agentic.guardrails import about_statements, judge_proposal
from agentic.records import (
    CheckReport,
    CheckResult,
    Incident,
    Proposal,
    RunResult,
    dump,
    dumps,
)
from agentic.review import (
    Branch,
    branch_name,
    open_branch,
    patch_of,
    render_body,
    run_folder,
    write_casefile,
)
from agentic.review.branch import TRAILER
from agentic.runtime.approving import ask_about, cause_of
from agentic.runtime.clock import stop_on_time
from agentic.runtime.investigate import Investigation
from agentic.runtime.places import Places
from agentic.runtime.proof import Checked, proof_key, standing_proof
from agentic.runtime.publishing import publish
from agentic.runtime.session import Session
from agentic.runtime.telling import tell
from agentic.runtime.written_plans import written_plan

_WHY = {
    "limit": "a limit was used up",
    "looping": "the engine went in circles",
    "no_report": "the engine stopped without a report",
    "invalid_output": "the engine's report was not valid, three times",
    "engine_failed": "the engine could not go on",
    "rejected": "the engine may not do what it wants to do",
}


def conclude(
    session: Session,
    found: Investigation,
    others: Sequence[Incident] = (),
    companions: Sequence[Companion] = (),
) -> RunResult:
    """End a run. `others` are incidents of the same root cause: they end with this run.
    `companions` are those of other root causes, open at the same time.

    The result is written to the store and to the case file before it is returned.
    """
    incident = merged(found.incident, others)
    result = _start(found, incident)
    try:
        result = _decide(session, found, result, companions)
    except AgenticError as error:
        result = replace(result, status="error", reason=f"{error.message} {error.hint}".strip())
    finally:
        found.places.close()
    plan = written_plan(session, found.run_id)
    if plan is not None:
        result = replace(result, extra={**result.extra, "written_plan": dump(plan)})
    result = tell(session, found.journal, result)
    result = replace(result, usage=found.usage, ended_at=session.clock())
    _write(session, found, result)
    return result


def _start(found: Investigation, incident: Incident) -> RunResult:
    report = found.report
    given = report.report if report else None
    return RunResult(
        run_id=found.run_id,
        agent=found.agent.name,
        engine=found.engine,
        incident=incident,
        status="escalated",
        decision="escalate",
        finding=report.finding if report else None,
        reason=found.note,
        started_at=found.started_at,
        output=report.output if report else "",
        output_report=given,
    )


def companion_of(found: Investigation, incident: Incident) -> Companion | None:
    """A run as the checks of another see it; its repair only where the guardrails let it be."""
    report, proposal = found.report, found.proposal
    if report is None or report.finding is None:
        return None
    if report.decision != "fix":
        proposal = None
    if proposal is not None:
        verdict = judge_proposal(proposal.edits, found.situation).decision.verdict
        proposal = None if verdict == "deny" else proposal
    return Companion(found.run_id, incident, report.finding, proposal)


def merged(incident: Incident, others: Sequence[Incident]) -> Incident:
    """An incident with the signals of others of the same root cause."""
    signals = (*incident.signals, *(s for other in others for s in other.signals))
    skipped = (*incident.skipped, *(s for other in others for s in other.skipped))
    return replace(
        incident,
        signals=tuple({dumps(signal): signal for signal in signals}.values()),
        skipped=tuple(dict.fromkeys(skipped)),
    )


def _decide(
    session: Session,
    found: Investigation,
    result: RunResult,
    companions: Sequence[Companion],
) -> RunResult:
    report, proposal = found.report, found.proposal
    if found.end.ask is not None:
        ask = found.end.ask
        extra = {"approval": ask.id, "asks": ask.content["content"].get("asks", [])}
        return replace(
            result,
            status="awaiting_approval",
            decision="wait",
            reason=found.end.sentence,
            extra=extra,
        )
    if report is None:
        late = stop_on_time(session, found, result, "find the root cause")
        if late is not None:
            return late
        why = ": ".join(filter(None, (_WHY.get(found.end.reason, ""), found.end.sentence)))
        return replace(result, reason=_joined(result.reason, why))
    result = replace(result, decision=report.decision)
    if report.decision == "no_change":
        return replace(result, status="no_op", reason=_joined(result.reason, report.rationale))
    if report.decision != "fix" or proposal is None:
        if found.bench.statements:
            extra = {**result.extra, "statements": list(found.bench.statements)}
            result = replace(result, extra=extra)
        # A finding carries its next step; a request that ended without one has no other place.
        said = report.next_step or report.rationale or report.title
        step = said if report.finding is None else ""
        return replace(result, reason=_joined(result.reason, step))
    if session.diagnose_only:
        only = "diagnosed only; `agentic run` proposes and proves the fix"
        return replace(result, reason=_joined(result.reason, only))
    return _prove(session, found, result, proposal, companions)


def _prove(
    session: Session,
    found: Investigation,
    result: RunResult,
    proposal: Proposal,
    companions: Sequence[Companion],
) -> RunResult:
    """Guardrails on the whole proposal, then every check; only then anything leaves."""
    verdict = judge_proposal(proposal.edits, found.situation)
    if verdict.decision.verdict == "deny":
        step = f"The repair is known but not allowed: {verdict.decision.reason}"
        return _escalated(replace(result, proposal=None), step)
    result = replace(result, proposal=proposal)
    if late := stop_on_time(session, found, result, f"prove `{proposal.title}` in the workspace"):
        return late
    checked = found.journal.step(
        "checks",
        "checks",
        {"proposal": proposal.title, "files": [edit.path for edit in proposal.edits]},
        Checked,
        lambda _key: _checks(session, found, proposal, result.incident, companions),
    )
    report = checked.report
    asks = (*verdict.asks, *about_statements(proposal.statements))
    extra = {
        "asks": [ask.reason for ask in asks],
        "schema": checked.schema,
        "fingerprint": _fingerprint(session, result),
        "dirty": session.repo.is_dirty(),
    }
    if checked.proved_by:
        proof = (
            f"proved by run {checked.proved_by} at {checked.proved_at[:19]}; tree, data, files and "
            "target are the same since"
        )
        extra["proof"] = proof
        result = replace(result, reason=_joined(result.reason, proof))
    result = replace(result, report=report, extra=extra)
    if report.failed:
        failed = "; ".join(f"{c.code} {c.detail}" for c in report.results if c.result == "fail")
        what = "change" if result.incident.kind == "request" else "repair"
        return _escalated(result, f"The {what} did not pass its checks: {failed}")
    reason = _reason(result, report)
    result = replace(result, status="success", draft=not report.ready, reason=reason)
    result = ask_about(session, found, result, asks)
    if not session.apply or session.outer is not None:
        return result
    late = stop_on_time(session, found, result, f"open the proven change `{proposal.title}`")
    return late or _open(session, found, result)


def _checks(
    session: Session,
    found: Investigation,
    proposal: Proposal,
    incident: Incident,
    companions: Sequence[Companion],
) -> Checked:
    key = proof_key(session, proposal, incident, companions)
    standing = standing_proof(session, incident.fingerprint, key)
    if standing is not None:
        sentence = f"the proof of run {standing.proved_by} still holds: nothing has changed since"
        session.stream.emit("check.reused", sentence, run_id=found.run_id)
        return standing

    def tell(check: CheckResult) -> None:
        session.stream.emit(
            "check.done",
            f"{check.code} {check.name}: {check.result.replace('_', ' ')}",
            run_id=found.run_id,
        )

    subject = Subject(
        proposal=proposal,
        project=session.project,
        manifest=session.manifest,
        graph=session.graph,
        dialect=session.dialect,
        incident=incident,
        finding=found.report.finding if found.report else None,
        workspace=found.places.workspace,
        guardrails=session.compiled.guardrails,
        world=session.world,
        companions=tuple(companions),
        # Of its own run: the caller closes it, and the first one stays as the proof left it.
        second_workspace=Places(session, found.run_id).workspace,
    )
    return Checked(run_checks(subject, tell), found.places.schema, key)


def _open(session: Session, found: Investigation, result: RunResult) -> RunResult:
    """The branch, as a step of its own: made once, and found again after a restart."""
    finding, proposal = result.finding, result.proposal
    if proposal is None:
        return result
    fingerprint = _fingerprint(session, result)
    name = branch_name(finding, fingerprint, title=result.incident.request or proposal.title)

    def effect(_key: str) -> Branch:
        return open_branch(
            session.repo,
            session.project,
            proposal,
            name=name,
            base=session.repo.snapshot(),
            date=found.started_at,
            trailers={TRAILER: fingerprint, "Agentic-Run": found.run_id},
        )

    branch = found.journal.step("branch", name, {"title": proposal.title}, Branch, effect)
    body = run_folder(session.project, found.run_id) / "pr_body.md"
    session.stream.emit("branch.opened", f"{branch.name} {branch.state}", run_id=found.run_id)
    result = replace(result, branch=branch.name, commit=branch.commit, pull_request=str(body))
    return publish(session, found.journal, result, render_body(result, calls=found.calls))


def _write(session: Session, found: Investigation, result: RunResult) -> None:
    body = None
    if result.proposal is not None and result.report is not None:
        body = render_body(result, calls=found.calls, note=_dirty_note(result))
    prefix = session.repo.relative(session.project.root)
    patch = ""
    if result.proposal is not None:
        patch = patch_of(result.proposal, f"{prefix}/" if prefix else "")
    steps = [msgspec.to_builtins(step._asdict()) for step in found.journal.all_steps()]
    write_casefile(session.project, result, transcript=steps, body=body, patch=patch)
    session.store.end_run(result)
    cause = _fingerprint(session, result) if result.finding else None
    session.store.link(result.incident, run_id=result.run_id, root_cause=cause)
    session.stream.emit(
        "run.failed" if result.status == "error" else "run.ended",
        f"{_ended(session, result)}: {result.decision}",
        run_id=result.run_id,
        agent=result.agent,
        incident=dump(result.incident)["fingerprint"],
    )


def _ended(session: Session, result: RunResult) -> str:
    found_only = session.diagnose_only and result.status == "escalated"
    return "diagnosed" if found_only else result.status.replace("_", " ")


def _dirty_note(result: RunResult) -> str:
    if not result.extra.get("dirty"):
        return ""
    return (
        "The checkout had uncommitted changes, so this branch holds them too, below the fix. It is "
        "local and is never pushed; `changes.patch` in the case file is the fix alone."
    )


def _escalated(result: RunResult, step: str) -> RunResult:
    finding = replace(result.finding, next_step=step) if result.finding else None
    reason = _joined(result.reason, step)
    said = result.output_report
    if said is not None and result.engine == "rules" and "steps_to_fix" in said:
        # It said how to merge what is not proposed any more.
        said = {**said, "steps_to_fix": [step]}
    return replace(
        result,
        status="escalated",
        decision="escalate",
        finding=finding,
        reason=reason,
        output_report=said,
    )


def _reason(result: RunResult, report: CheckReport) -> str:
    waiting = [c.code for c in report.results if c.result == "not_compared"]
    codes = ", ".join(waiting)
    left = f"{codes} could not compare everything, so a person looks first" if waiting else ""
    return _joined(result.reason, left)


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))


def _fingerprint(session: Session, result: RunResult) -> str:
    """Names the branch: of the root cause, or of the request, which has none."""
    return cause_of(session.project.name, result)
