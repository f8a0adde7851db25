"""GitHub: pull requests and their reviews, over the REST API (version 2022-11-28)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from agentic.exceptions import ServiceError
from agentic.integrations.http import Answer, request

_PAGE = 100
_PAGES = 20
_MAY_REVIEW = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""On a public repository anybody can leave an approving review."""


class PullRequest(msgspec.Struct, frozen=True):
    """One pull request as the host has it."""

    number: int
    url: str
    head: str
    """SHA of the branch's tip, as the host has it."""
    author: str


class Review(msgspec.Struct, frozen=True):
    """One person's last word on a pull request."""

    id: int
    by: str
    commit: str
    """SHA that was reviewed."""
    state: Literal["APPROVED", "CHANGES_REQUESTED", "DISMISSED"]
    at: datetime


class GithubHost:
    """One repository on one host."""

    def __init__(self, settings: Mapping[str, str], repository: str) -> None:
        self.api = settings["url"].rstrip("/")
        self.repository = repository
        self._headers = {
            "Authorization": f"Bearer {settings['token']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def find(self, branch: str) -> PullRequest | None:
        """The open pull request of a branch of this repository. Raises ServiceError."""
        owner = self.repository.partition("/")[0]
        query = f"state=open&per_page=1&head={quote(f'{owner}:{branch}', safe='')}"
        found = self._call("GET", f"pulls?{query}").json()
        if not isinstance(found, list):
            raise ServiceError(f"{self.repository}: the list of pull requests is no list")
        return _pull_request(found[0]) if found else None

    def open(self, branch: str, base: str, *, title: str, body: str, draft: bool) -> PullRequest:
        """Open a pull request, or bring the one that is open up to date: never a second one.

        Where the host knows no drafts (private repositories of some plans), it is opened as an
        ordinary one, whose body says that it needs approval. Raises ServiceError.
        """
        there = self.find(branch)
        if there is not None:
            return self._update(there, title, body)
        wanted = {"title": title, "body": body, "head": branch, "base": base}
        answer = self._call("POST", "pulls", wanted | {"draft": draft}, expect=(422,))
        if answer.status == 422 and draft and b"raft" in answer.body:
            answer = self._call("POST", "pulls", wanted)
        elif answer.status == 422:
            there = self.find(branch)  # another process was faster
            if there is None:
                said = answer.body[:300].decode(errors="replace")
                raise ServiceError(f"{self.repository} takes no pull request: {said}")
            return self._update(there, title, body)
        return _pull_request(answer.json())

    def reviews(self, number: int) -> tuple[Review, ...]:
        """The last word of each person who may review: an approval, or a demand for changes.

        Comments change nothing; a review that was dismissed counts no more. Raises ServiceError.
        """
        last: dict[str, Review] = {}
        for page in range(1, _PAGES + 1):
            found = self._call("GET", f"pulls/{number}/reviews?per_page={_PAGE}&page={page}").json()
            for one in found if isinstance(found, list) else []:
                review = _review(one)
                if review is not None:
                    last[review.by] = review
            if not isinstance(found, list) or len(found) < _PAGE:
                break
        return tuple(last.values())

    def _update(self, there: PullRequest, title: str, body: str) -> PullRequest:
        self._call("PATCH", f"pulls/{there.number}", {"title": title, "body": body})
        return there

    def _call(
        self, method: str, path: str, body: object = None, *, expect: tuple[int, ...] = ()
    ) -> Answer:
        url = f"{self.api}/repos/{self.repository}/{path}"
        return request(method, url, body=body, headers=self._headers, expect=expect)


def repository_of(address: str) -> str | None:
    """`owner/name` of a git remote's address; None when it says none."""
    found = re.search(r"[:/]([\w.\-]+)/([\w.\-]+?)(?:\.git)?/?$", address)
    remote = re.match(r"(?:https?|ssh|git)://|[\w.\-]+@[\w.\-]+:", address)
    return f"{found[1]}/{found[2]}" if found and remote else None


def _pull_request(said: Any) -> PullRequest:
    try:
        return PullRequest(
            int(said["number"]),
            str(said["html_url"]),
            str(said["head"]["sha"]),
            str(said["user"]["login"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError("the git host's answer is no pull request") from error


def _review(said: Any) -> Review | None:
    """A review that decides something; None for a comment, or from somebody who may not review."""
    try:
        state, by = said["state"], str(said["user"]["login"])
        if said.get("author_association") not in _MAY_REVIEW or said["user"].get("type") == "Bot":
            return None
        if state not in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            return None
        at = datetime.fromisoformat(str(said["submitted_at"]))
        if at.tzinfo is None:
            return None
        return Review(int(said["id"]), by, str(said["commit_id"]), state, at)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
