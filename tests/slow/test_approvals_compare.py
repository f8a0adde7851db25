"""`agentic compile --compare REV` in a real repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import answer
from tests.support.tiny import Tiny, copy_tiny, make_tiny

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - {name: triage, extends: agentic.triage, engine: rules, instructions: prompts/own.md}
outputs:
  - {name: ticket, json_schema: schemas/ticket.json}
  - {name: review, python: "shapes_of_ours:Review"}
"""
OWN = 'Be careful.\n{% include "shared/part.md" %}\n'
SHAPES = "from pydantic import BaseModel\n\n\nclass Review(BaseModel):\n    answer: str\n"
RAILS = "version: 1\nchange: {allow: ['path:models/staging'], deny: ['source:*']}\n"


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A committed pair of files, in a folder of the repository, and a manifest of ours."""
    files = {"agents.yml": AGENTS, "guardrails.yml": RAILS, "prompts/own.md": OWN}
    files |= {"prompts/shared/part.md": "Ask.\n", "shapes_of_ours.py": SHAPES}
    files |= {"schemas/ticket.json": '{"type": "object"}\n'}
    tiny = make_tiny(tmp_path_factory.mktemp("compare"), subfolder="dbt", files=files)
    done = tiny.agentic("compile")
    assert done.returncode == 0, done.stdout + done.stderr
    return tiny


@pytest.fixture
def tiny(compared: Tiny, tmp_path: Path) -> Tiny:
    return copy_tiny(compared, tmp_path)


def compare(tiny: Tiny, revision: str = "HEAD") -> tuple[int, list[dict[str, Any]]]:
    done = tiny.agentic("compile", "--compare", revision, "--output", "json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_widened(tiny: Tiny) -> None:
    before = tiny.fingerprint()
    code, lines = compare(tiny)

    assert code == 0
    since = tiny.git("rev-parse", "HEAD")
    unanswered = {"approval": None, "approved_by": None}
    assert lines[-1] == {"status": "success", "since": since, "widened": 0} | unanswered
    assert tiny.fingerprint() == before


def test_what_widened_is_listed_with_both_values(tiny: Tiny) -> None:
    tiny.write("guardrails.yml", RAILS.replace(", deny: ['source:*']", ""))
    tiny.write("agents.yml", AGENTS.replace("rules", "auto"))
    tiny.write("prompts/own.md", "Be bold.\n")

    code, lines = compare(tiny)
    text = tiny.agentic("compile", "--compare", "HEAD")

    assert code == 1
    assert [(line["what"], line["before"]) for line in lines[:-1]] == [
        ("guardrails.change.deny", "deny source:*"),
        ("agents.triage.engine", "rules"),
    ]
    assert lines[0]["nodes"] == ["source.tiny.raw.orders"]
    assert text.returncode == 1
    assert "agents.triage.engine: rules -> auto" in text.stdout
    assert "2 widened since HEAD" in text.stdout


def test_files_that_could_not_run_are_compared_with_the_safe_defaults(tiny: Tiny) -> None:
    good = tiny.git("rev-parse", "HEAD")
    tiny.write("guardrails.yml", "version: 1\nchange: {allow: 7}\n")
    tiny.git("commit", "-qam", "broken")
    tiny.write("guardrails.yml", RAILS)

    code, lines = compare(tiny)

    assert (code, compare(tiny, good)[0]) == (1, 0)
    # without agents.yml there is only the standard agent
    assert [line["what"] for line in lines[:-1]] == ["guardrails.change.allow", "agents.triage"]


def test_a_widening_passes_once_somebody_of_before_approved_it(tiny: Tiny) -> None:
    tiny.write("guardrails.yml", f"{RAILS}approve: {{by: [local]}}\n")
    tiny.git("commit", "-qam", "who may approve")
    tiny.write("guardrails.yml", RAILS.replace("source:*", "tag:x") + "approve: {by: [local]}\n")
    code, lines = compare(tiny)
    assert (code, lines[-1]["status"]) == (1, "widened")

    said = answer(tiny, lines[-1]["approval"])[1]
    code, lines = compare(tiny)

    assert "deny source:*" in said
    assert (code, lines[-1]["status"]) == (0, "approved")
    assert lines[-1]["approved_by"].startswith("local:")
    tiny.write("guardrails.yml", RAILS.replace("source:*", "tag:y") + "approve: {by: [local]}\n")
    assert compare(tiny)[0] == 1


def test_a_change_cannot_name_its_own_approver(tiny: Tiny) -> None:
    tiny.write("guardrails.yml", f"{RAILS}approve: {{by: [local]}}\n")
    code, lines = compare(tiny)

    refused, said = answer(tiny, lines[-1]["approval"])

    assert [line["what"] for line in lines[:-1]] == ["guardrails.approve.by"]
    assert (code, refused) == (1, 2)
    assert "approve.by wants git_review" in said
    assert "git_review is a review of the pull request" in said


def test_a_revision_that_is_not_there(tiny: Tiny) -> None:
    done = tiny.agentic("compile", "--compare", "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "no revision 'nowhere'" in done.stderr
