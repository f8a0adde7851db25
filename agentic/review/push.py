"""A branch onto the remote: never a person's unpushed work, never over a person's commits."""

from __future__ import annotations

from agentic.exceptions import GitError
from agentic.project import Repo
from agentic.review.branch import TRAILER


def base_on_remote(repo: Repo, remote: str) -> str:
    """The remote's branch that the checked-out commit is on already.

    Raises GitError when there is none: pushing would publish commits that a person kept back.
    """
    prefix = f"refs/remotes/{remote}/"
    contains = repo.git("for-each-ref", "--contains", repo.head(), "--format=%(refname)", prefix)
    names = [line.removeprefix(prefix) for line in contains.splitlines()]
    own = [name for name in names if name != "HEAD" and not name.startswith("agentic/")]
    for name in (repo.current_branch, _default(repo, remote)):
        if name in own:
            return name
    if own:
        return own[0]
    raise GitError(
        f"the checked-out commit is on no branch of {remote}, so nothing was pushed",
        hint="Push it first; agentic publishes no commits of yours.",
    )


def push_branch(repo: Repo, remote: str, branch: str, sha: str) -> None:
    """Point the remote's branch at `sha`; it moves only what agentic itself pushed before.

    Raises GitError: commits of a person on it, a race, no right to push.
    """
    address = repo.git("remote", "get-url", "--push", remote)
    ref = f"refs/heads/{branch}"
    there = repo.git("ls-remote", address, ref).partition("\t")[0].strip()
    if there == sha:
        return
    if there:
        repo.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", address, ref)
        if f"{TRAILER}: " not in repo.git("log", "-1", "--format=%B", there):
            raise GitError(
                f"{branch} on {remote} has commits that agentic did not make",
                hint="Merge or delete it there, then run again.",
            )
    # By address, not by name: no ref of the checkout moves.
    repo.git("push", "--quiet", f"--force-with-lease={ref}:{there}", address, f"{sha}:{ref}")


def _default(repo: Repo, remote: str) -> str:
    try:
        found = repo.git("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    except GitError:
        return ""
    return found.removeprefix(f"refs/remotes/{remote}/")
