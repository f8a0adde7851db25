"""The branch of a root cause: made without a checkout, updated in place, never a second one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from agentic.exceptions import GitError
from agentic.project import Project, Repo
from agentic.records import Finding, Proposal
from agentic.review.body import label

TRAILER = "Agentic-Root-Cause"
"""Marks our commits: a branch whose tip lacks it has a person's work on it and is left alone."""


class Branch(msgspec.Struct, frozen=True):
    """Where a proposal lies now."""

    name: str
    commit: str
    state: Literal["created", "updated", "unchanged"]


def branch_name(finding: Finding | None, fingerprint: str, *, title: str = "") -> str:
    """`agentic/<class>-<node>-<fingerprint>`: every character is one we chose.

    Without a finding the words are the title's, cut short.
    """
    words = f"{finding.cls}-{label(finding.root_cause.node)}" if finding else title
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60].strip("-")
    return f"agentic/{slug or 'change'}-{fingerprint}"


def open_branch(  # noqa: PLR0913 - each is a fact of the commit, named at the call
    repo: Repo,
    project: Project,
    proposal: Proposal,
    *,
    name: str,
    base: str,
    date: str,
    trailers: Mapping[str, str],
) -> Branch:
    """Commit the proposal's files on `base` and point the branch at it; nothing is checked out.

    `date` (ISO 8601) makes the commit repeatable. The same proposal on the same base leaves the
    branch as it is. Raises GitError when the branch carries commits that agentic did not make, or
    is checked out somewhere.
    """
    before = repo.branch_sha(name)
    if before is not None and f"{TRAILER}: " not in repo.git("log", "-1", "--format=%B", before):
        raise GitError(
            f"the branch {name} has commits that agentic did not make",
            hint=f"Merge or delete it (`git branch -D {name}`), then run again.",
        )
    message = _message(proposal, trailers)
    commit = repo.commit_files(base, _files(repo, project, proposal), message, date=date)
    if before is not None and _content(repo, before) == _content(repo, commit):
        return Branch(name, before, "unchanged")
    repo.set_branch(name, commit, expect=before)
    return Branch(name, commit, "updated" if before else "created")


def standing_branch(
    repo: Repo, project: Project, proposal: Proposal, *, name: str, base: str
) -> str | None:
    """The branch's commit, where it holds exactly this proposal on this base; else None."""
    there = repo.branch_sha(name)
    if there is None:
        return None
    wanted = repo.commit_files(base, _files(repo, project, proposal), "Compared")
    return there if _content(repo, there) == _content(repo, wanted) else None


def _content(repo: Repo, sha: str) -> str:
    """Tree and parents: what a commit holds and stands on, whoever made it and when."""
    return repo.git("log", "-1", "--format=%T %P", sha)


def _files(repo: Repo, project: Project, proposal: Proposal) -> dict[str, str | None]:
    prefix = project.root.resolve().relative_to(repo.root.resolve())
    return {(prefix / edit.path).as_posix(): edit.after for edit in proposal.edits}


def _message(proposal: Proposal, trailers: Mapping[str, str]) -> str:
    body = "\n".join(f"- {edit.path}: {edit.why}".rstrip(": ") for edit in proposal.edits)
    lines = "\n".join(f"{name}: {value}" for name, value in trailers.items())
    return f"{proposal.title}\n\n{body}\n\n{lines}\n"
