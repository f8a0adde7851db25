"""Who is told of an escalation: the connections of `escalate.to`, and the node's own.

It leaves the machine only with `--apply`; each message is a step of the journal with a key, so that
a run that was killed tells nobody twice where the service keeps keys, and never forgets to tell. A
service that fails costs the run nothing: it says so, and the next run tries again.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from agentic.config import project_variables
from agentic.exceptions import ServiceError
from agentic.integrations import Notice, send, settings_of
from agentic.masking import mask_text
from agentic.records import RunResult, content_hash
from agentic.review import label
from agentic.runtime.session import Session
from agentic.store import Journal


class _Told(msgspec.Struct, frozen=True):
    """What became of one message: a step of the journal."""

    to: str
    failure: str = ""


def tell(session: Session, journal: Journal, result: RunResult) -> RunResult:
    """The result of an escalation, with who was told; anything else comes back as it is."""
    if result.status != "escalated" or session.diagnose_only or session.outer is not None:
        return result
    names = destinations(session, result)
    if not names:
        return result
    if not session.apply:
        sentence = f"`--apply` tells {', '.join(names)}"
        return replace(result, extra={**result.extra, "told": sentence})
    digest = content_hash([result.incident.fingerprint, _cause(result)])[:16]
    before = _told_before(session, result, digest)
    done = [_tell(session, journal, name, result) for name in names if name not in before]
    told = sorted(before | {one.to for one in done if not one.failure})
    failed = [f"{one.to} was not told: {one.failure}" for one in done if one.failure]
    extra = {**result.extra, "told": told, "told_of": digest}
    if failed:
        extra["not_told"] = failed
    reason = "; ".join(filter(None, (result.reason, *failed)))
    return replace(result, reason=reason, extra=extra)


def destinations(session: Session, result: RunResult) -> tuple[str, ...]:
    """Names of connections: `escalate.to`, then what the nodes themselves say."""
    cause = result.finding.root_cause.node if result.finding else ""
    here = {result.incident.node, cause}
    rails = session.compiled.guardrails
    own = (note.escalate for note in rails.nodes if note.node in here and note.escalate)
    return tuple(dict.fromkeys((*rails.escalate_to, *own)))


def tell_one(session: Session, name: str, notice: Notice) -> None:
    """Send one message, masked, and put it on record. Raises ServiceError."""
    connection = session.compiled.connections.get(name)
    if connection is None:
        known = ", ".join(sorted(session.compiled.connections)) or "none"
        raise ServiceError(f"there is no connection {name!r}", hint=f"Connections: {known}.")
    settings = settings_of(name, connection, project_variables(session.home.root))
    masked = Notice(
        notice.key,
        mask_text(notice.title),
        tuple(mask_text(line) for line in notice.lines if line),
        {key: mask_text(value) for key, value in notice.facts.items()},
    )
    send(connection["kind"], settings, masked)


def notice_of(project: str, result: RunResult, key: str) -> Notice:
    """What people are told: what broke, why, and what to do; no rows."""
    incident, finding = result.incident, result.finding
    kind = incident.kind.replace("_", " ")
    return Notice(
        key,
        f"{project}: {kind} in {label(incident.node) if incident.node else 'the project'}",
        tuple(_lines(result)),
        {
            "project": project,
            "run_id": result.run_id,
            "incident": incident.fingerprint,
            "kind": incident.kind,
            "node": incident.node,
            "root_cause": finding.root_cause.node if finding else "",
            "class": finding.cls if finding else "",
            "status": result.status,
        },
    )


def _lines(result: RunResult) -> Iterator[str]:
    finding = result.finding
    if finding is None:
        yield "The root cause was not found."
    else:
        yield f"Root cause: {label(finding.root_cause.node)}, {finding.cls}. {finding.summary}"
        if finding.owner:
            yield f"Owner: {finding.owner}"
    step = finding.next_step if finding else ""
    if step:
        yield f"Next: {step}"
    if result.reason and result.reason != step:
        yield result.reason
    yield f"agentic show {result.run_id}"


def _tell(session: Session, journal: Journal, name: str, result: RunResult) -> _Told:
    def effect(key: str) -> _Told:
        payload = {"to": name, "key": key}
        try:
            tell_one(session, name, notice_of(session.project.name, result, key))
        except ServiceError as error:
            failure = mask_text(f"{error.message} {error.hint}".strip())
            _record(session, result, "notice.failed", payload | {"reason": failure})
            return _Told(name, failure)
        _record(session, result, "notice.sent", payload)
        return _Told(name)

    done = journal.step("notice", name, {"to": name, "status": result.status}, _Told, effect)
    session.stream.emit(
        "notice.failed" if done.failure else "notice.sent",
        f"{name} was not told: {done.failure}" if done.failure else f"told {name}",
        level="warn" if done.failure else "info",
        run_id=result.run_id,
    )
    return done


def _record(session: Session, result: RunResult, action: str, payload: dict[str, str]) -> None:
    session.audit.append(actor="agentic", action=action, subject=result.run_id, payload=payload)


def _cause(result: RunResult) -> str:
    """What the message is about. Not its reason, which tells seconds and tokens."""
    if result.finding is None:
        return ""
    cause = result.finding.root_cause
    return f"{result.finding.cls} {cause.node} {cause.column} {cause.observed}"


def _told_before(session: Session, result: RunResult, digest: str) -> set[str]:
    """Who was told the same of this incident while it was open: nobody is called every hour."""
    since = result.incident.first_seen_at
    told: set[str] = set()
    for run in session.store.results_of(result.incident.fingerprint, since=since):
        if run.run_id != result.run_id and run.extra.get("told_of") == digest:
            told.update(run.extra.get("told", ()))
    return told
