"""The git host: a pull request for a branch, and what its reviewers said.

Without a connection of kind github everything stays local: the branch, and the body as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from agentic.config import project_variables
from agentic.exceptions import AgenticError, GitError, ServiceError
from agentic.guardrails import Person
from agentic.integrations import GithubHost, repository_of, settings_of
from agentic.masking import mask_text
from agentic.records import RunResult
from agentic.review import base_on_remote, push_branch
from agentic.runtime.session import Session
from agentic.store import Journal


class _Published(msgspec.Struct, frozen=True):
    """What became of it: a step of the journal."""

    url: str = ""
    why_not: str = ""


def publish(session: Session, journal: Journal, result: RunResult, body: str) -> RunResult:
    """Push the branch and open the pull request, or bring it up to date.

    A host that fails costs nothing: the branch and the body are here, and the next run tries again.
    """
    name, sha = result.branch, result.commit
    if name is None or sha is None or _connection(session) is None:
        return result
    done = journal.step(
        "pull_request",
        name,
        {"commit": sha, "draft": result.draft},
        _Published,
        lambda _key: _publish(session, result, name, sha, body),
    )
    if done.why_not:
        session.stream.emit("pull_request.failed", done.why_not, level="warn", run_id=result.run_id)
        reason = "; ".join(filter(None, (result.reason, f"no pull request: {done.why_not}")))
        return replace(result, reason=reason)
    session.stream.emit("pull_request.opened", done.url, run_id=result.run_id)
    return replace(result, pull_request=done.url)


def reviewer_of(session: Session, branch: str, sha: str, *, asked_at: str) -> Person | None:
    """Who approved exactly this commit on the host, after it was asked; None if nobody did.

    Not the author of the pull request, and not while somebody demands changes. A host that cannot
    be reached approved nothing.
    """
    if _connection(session) is None:
        return None
    try:
        host, _ = _host(session)
        there = host.find(branch)
        if there is None or there.head != sha:
            return None
        words = [one for one in host.reviews(there.number) if one.by != there.author]
    except AgenticError as error:
        why = f"reviews could not be read: {mask_text(error.message)}"
        session.stream.emit("review.unknown", why, level="warn")
        return None
    if any(one.state == "CHANGES_REQUESTED" for one in words):
        return None
    asked = datetime.fromisoformat(asked_at)
    good = [
        one for one in words if one.state == "APPROVED" and one.commit == sha and one.at >= asked
    ]
    if not good:
        return None
    first = min(good, key=lambda one: one.id)
    return Person(f"git_review:{first.by}", f"review {first.id} of {sha[:12]}, {there.url}")


def _publish(session: Session, result: RunResult, name: str, sha: str, body: str) -> _Published:
    if result.extra.get("dirty"):
        return _Published(why_not="the branch holds uncommitted work, so it stays local")
    try:
        host, remote = _host(session)
        base = base_on_remote(session.repo, remote)
        push_branch(session.repo, remote, name, sha)
        title = result.proposal.title if result.proposal else name
        opened = host.open(name, base, title=mask_text(title), body=body, draft=result.draft)
    except (GitError, ServiceError) as error:
        return _Published(why_not=mask_text(f"{error.message} {error.hint}".strip()))
    payload = {"branch": name, "commit": sha, "base": base, "url": opened.url}
    session.audit.append(
        actor="agentic", action="pull_request.opened", subject=result.run_id, payload=payload
    )
    return _Published(opened.url)


def _connection(session: Session) -> str | None:
    """The first connection of kind github, by the order of the file."""
    connections = session.compiled.connections
    return next((name for name in connections if connections[name]["kind"] == "github"), None)


def _host(session: Session) -> tuple[GithubHost, str]:
    """The host and the remote's name. Raises ServiceError."""
    name = _connection(session)
    if name is None:
        raise ServiceError("agents.yml has no connection of kind github")
    variables = project_variables(session.project.root)
    settings = settings_of(name, session.compiled.connections[name], variables)
    remote = settings["remote"]
    address = session.repo.remotes().get(remote)
    if address is None:
        known: Sequence[str] = sorted(session.repo.remotes())
        raise ServiceError(
            f"there is no git remote {remote!r}", hint=f"Remotes: {', '.join(known) or 'none'}."
        )
    repository = settings.get("repository") or repository_of(address)
    if repository is None:
        raise ServiceError(
            f"the address of {remote!r} names no owner/name",
            hint=f"Write `repository: owner/name` under connections.{name}.github.",
        )
    return GithubHost(settings, repository), remote
