"""A host that speaks the part of GitHub's REST API that is used, over a real bare remote."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.hook_server import Reply, Seen

TOKEN = "ghp_0123456789abcdefghij"


class GitHub:
    """The few routes of the REST API that are used, with their rules."""

    def __init__(self, remote: Path) -> None:
        self.remote = remote
        self.pulls: list[dict[str, Any]] = []
        self.reviews: list[dict[str, Any]] = []

    def tip(self, branch: str) -> str:
        done = subprocess.run(
            ["git", "rev-parse", f"refs/heads/{branch}"],
            cwd=self.remote,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def review(self, by: str, state: str = "APPROVED", **more: Any) -> None:
        now = datetime.now(UTC) + timedelta(seconds=2)
        self.reviews.append(
            {
                "id": len(self.reviews) + 1,
                "user": {"login": by, "type": "User"},
                "state": state,
                "author_association": "MEMBER",
                "commit_id": self.tip(self.pulls[0]["head"]["ref"]),
                "submitted_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            | more
        )

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"message": "Bad credentials"})
        route = urlsplit(seen.path)
        if not route.path.startswith("/repos/shop/dbt/pulls"):
            return Reply(404, {"message": "Not Found"})
        rest = route.path.removeprefix("/repos/shop/dbt/pulls").strip("/").split("/")
        if rest == [""] and seen.method == "GET":
            head = parse_qs(route.query)["head"][0].partition(":")[2]
            return Reply(200, [self._with_tip(p) for p in self.pulls if p["head"]["ref"] == head])
        if rest == [""]:
            return self._open(seen.body)
        if rest[1:] == ["reviews"]:
            return Reply(200, self.reviews)
        self.pulls[int(rest[0]) - 1].update(seen.body)
        return Reply(200, self._with_tip(self.pulls[int(rest[0]) - 1]))

    def _open(self, body: dict[str, Any]) -> Reply:
        number = len(self.pulls) + 1
        there = {
            **body,
            "number": number,
            "html_url": f"https://github.example/shop/dbt/pull/{number}",
            "user": {"login": "agentic-bot"},
            "head": {"ref": body["head"]},
        }
        self.pulls.append(there)
        return Reply(201, self._with_tip(there))

    def _with_tip(self, pull: dict[str, Any]) -> dict[str, Any]:
        ref = pull["head"]["ref"]
        return {**pull, "head": {"ref": ref, "sha": self.tip(ref)}}
