"""A host that speaks GitHub's API, a real bare remote, and a review that is the yes."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.github import TOKEN, GitHub
from tests.support.hook_server import HookServer
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
