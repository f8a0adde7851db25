"""A host that speaks GitHub's API, a real bare remote, and a review that is the yes."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.hook_server import HookServer, Reply, Seen
from tests.support.tiny import Tiny, make_tiny, rename_source_column

pytestmark = pytest.mark.slow

RAILS = """\
version: 1
change: {ask: ["path:models/staging"]}
approve: {by: [git_review]}
"""
AGENTS = """\
version: 1
agents:
  - {name: triage, extends: agentic.triage, when: [run_error]}
connections:
  reviews:
    github:
      token: "{{ env_var('GH_TOKEN') }}"
      url: "{{ env_var('GH_URL') }}"
      repository: shop/dbt
"""
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


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("review")
    made = make_tiny(folder, files={"guardrails.yml": RAILS, "agents.yml": AGENTS})
    made.dbt("build", check=True)
    rename_source_column(made)
    assert made.dbt("build").returncode == 1
    remote = folder / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    made.git("remote", "add", "origin", str(remote))
    return made


def test_a_review_of_the_exact_commit_is_the_yes(tiny: Tiny) -> None:
    remote = tiny.repo.parent / "remote.git"
    github = GitHub(remote)
    with HookServer(github.answer) as server:
        env = {"GH_TOKEN": TOKEN, "GH_URL": server.url}

        kept_back = tiny.run("--apply", env=env)
        assert "agentic publishes no commits of yours" in kept_back["reason"]
        assert kept_back["pull_request"].endswith("pr_body.md")
        assert github.pulls == []

        tiny.git("push", "-q", "origin", "main")
        before = tiny.fingerprint()
        opened = tiny.run("--apply", env=env)
        assert opened["status"] == "awaiting_approval", opened["reason"]
        assert opened["pull_request"] == "https://github.example/shop/dbt/pull/1"
        (pull,) = github.pulls
        assert (pull["draft"], pull["base"], pull["head"]["ref"]) == (
            True,
            "main",
            opened["branch"],
        )
        assert github.tip(opened["branch"]) == tiny.git("rev-parse", opened["branch"])
        assert tiny.fingerprint() == before
        assert "needs approval" in pull["body"]

        # None of these is a yes.
        github.review("agentic-bot")
        github.review("passer-by", author_association="NONE")
        github.review("robot", user={"login": "robot", "type": "Bot"})
        github.review("ben", commit_id="0" * 40)
        github.review("cleo", submitted_at="2020-01-01T00:00:00Z")
        assert tiny.run("--apply", env=env)["status"] == "awaiting_approval"
        github.reviews.clear()
        github.review("ana")
        github.review("ben", "CHANGES_REQUESTED")
        assert tiny.run("--apply", env=env)["status"] == "awaiting_approval"

        github.reviews[1]["state"] = "DISMISSED"
        done = tiny.run("--apply", env=env)
        assert done["status"] == "success", done["reason"]
        assert "approved by git_review:ana (review" in done["reason"]
        assert "git_review:ana" in github.pulls[0]["body"]
        assert len(github.pulls) == 1
        assert done["branch"] == opened["branch"]

        sent = [seen for seen in server.seen if TOKEN in str(seen.body)]
        assert sent == []
    logs = [file.read_text(errors="ignore") for file in (tiny.root / "logs").glob("agentic*")]
    assert not any(TOKEN in text for text in logs)


def test_a_host_that_is_gone_leaves_the_branch_here(tiny: Tiny) -> None:
    run = tiny.run("--apply", env={"GH_TOKEN": TOKEN, "GH_URL": "http://127.0.0.1:9"})

    assert run["branch"] in tiny.branches()
    assert run["pull_request"].endswith("pr_body.md")
    assert "no pull request: 127.0.0.1 cannot be reached" in run["reason"]
