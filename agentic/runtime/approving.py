"""A change that guardrails ask about: parked for a person, or done because a person said yes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentic.guardrails import FIX, GIT_REVIEW, Desk, change_content, rules_of
from agentic.records import Decision, RunResult, content_hash
from agentic.review import branch_name, standing_branch
from agentic.runtime.investigate import Investigation
from agentic.runtime.publishing import reviewer_of
from agentic.runtime.session import Session
from agentic.store import Ask


class _Answer(msgspec.Struct, frozen=True):
    """What is known of the ask: one step of the journal."""

    ask: str
    approved_by: str = ""
    proof: str = ""
    at: str = ""


def cause_of(project: str, result: RunResult) -> str:
    """Ten characters that name what a change is about: its root cause, else the request."""
    if result.finding is not None:
        return result.finding.fingerprint(project)
    return content_hash([project, result.incident.fingerprint])[:10]


def ask_about(
    session: Session, found: Investigation, result: RunResult, asks: Sequence[Decision]
) -> RunResult:
    """The result as an approval leaves it: ready for review, or awaiting one.

    Only `--apply` uses an approval up, and only for this root cause.
    """
    proposal, finding, report = result.proposal, result.finding, result.report
    if not asks or proposal is None or report is None or session.outer is not None:
        return result
    content = change_content(
        proposal.edits,
        statements=proposal.statements,
        asks=asks,
        affected=finding.affected if finding else (),
    )
    subject = cause_of(session.project.name, result)
    answer = found.journal.step(
        "approval",
        "approval",
        {"subject": subject, "asks": len(asks)},
        _Answer,
        lambda _key: _ask(session, found, subject, content, asks),
    )
    if not answer.approved_by:
        extra = {**result.extra, "approval": answer.ask}
        return replace(result, status="awaiting_approval", draft=True, extra=extra)
    sentence = f"approved by {answer.approved_by} ({answer.proof}) at {answer.at[:19]}"
    return replace(
        result,
        status="success",
        draft=not report.ready,
        reason="; ".join(filter(None, (result.reason, sentence))),
        extra={**result.extra, "asks": [], "approval": answer.ask, "approved": sentence},
    )


def _ask(
    session: Session,
    found: Investigation,
    subject: str,
    content: dict[str, object],
    asks: Sequence[Decision],
) -> _Answer:
    desk = Desk.of(session.store, session.audit)
    approvers = session.compiled.guardrails.approve_by
    given = desk.use(
        kind=FIX,
        content=content,
        compiled=session.compiled,
        approvers=approvers,
        target=session.target.name,
        key=subject,
        look_only=not session.apply,
    )
    if given is not None:
        return _Answer(given.id, given.decided_by or "", given.proof or "", given.decided_at or "")
    parked = desk.park(
        run_id=found.run_id,
        kind=FIX,
        subject=subject,
        content=content,
        compiled=session.compiled,
        approvers=approvers,
        rules=rules_of(asks),
        target=session.target.name,
    )
    reviewed = _reviewed(session, found, desk, parked, subject)
    if reviewed is not None:
        return reviewed
    session.stream.emit(
        "approval.asked",
        f"waits for a person: agentic approve {found.run_id}",
        run_id=found.run_id,
    )
    return _Answer(parked.id)


def _reviewed(
    session: Session, found: Investigation, desk: Desk, ask: Ask, subject: str
) -> _Answer | None:
    """A review on the git host as the answer, where `approve.by` says that it is one.

    It counts for the very commit that was reviewed, if this was asked before the review.
    """
    proposal, finding = found.proposal, found.report.finding if found.report else None
    if not session.apply or GIT_REVIEW not in ask.content["bound"]["approvers"]:
        return None
    if proposal is None or session.repo.is_dirty():
        return None
    name = branch_name(finding, subject, title=found.incident.request or proposal.title)
    base = session.repo.snapshot()
    sha = standing_branch(session.repo, session.project, proposal, name=name, base=base)
    if sha is None:
        return None
    person = reviewer_of(session, name, sha, asked_at=desk.approvals.first_asked(ask))
    if person is None:
        return None
    token = desk.approvals.issue_token(ask)
    done = desk.approve(ask, token=token, person=person)
    desk.use_up(done, key=subject)
    return _Answer(done.id, person.name, person.proof, done.decided_at or "")
