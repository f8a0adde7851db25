"""`agentic adr`: the same answers give the same pattern, with its reasons."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentic.cli import adr
from agentic.cli.advice import KINDS, PLAN, QUESTIONS, SINGLE, TEAM, Advice, advise

CALM = {"steps": "open", "changes": "one", "looks": "end", "outside": "no", "parts": "no"}


@pytest.mark.parametrize(
    ("answers", "reads", "pattern"),
    [
        pytest.param({}, ["data", "code"], SINGLE, id="default"),
        pytest.param({"steps": "known", "changes": "several"}, ["code"], PLAN, id="stacked"),
        pytest.param({"steps": "known", "looks": "between"}, ["code"], PLAN, id="looks"),
        pytest.param({"changes": "several"}, ["code"], SINGLE, id="steps-unknown"),
        pytest.param({"parts": "yes"}, list(KINDS), TEAM, id="wide"),
        pytest.param({"parts": "yes"}, ["data", "code"], SINGLE, id="two-kinds"),
        pytest.param({}, list(KINDS), SINGLE, id="hangs-together"),
        pytest.param(
            {"steps": "known", "changes": "several", "parts": "yes"}, list(KINDS), PLAN, id="both"
        ),
    ],
)
def test_the_pattern_follows_from_the_answers(
    answers: dict[str, str], reads: list[str], pattern: str
) -> None:
    assert advise({**CALM, **answers}, reads).pattern == pattern


def test_every_answer_has_reasons_and_says_why_not_the_others() -> None:
    for answers in product(*(one.answers for one in QUESTIONS)):
        given = dict(zip([one.flag for one in QUESTIONS], answers, strict=True))
        found: Advice = advise(given, KINDS)
        assert found.reasons
        assert {found.pattern, *found.against} == {SINGLE, TEAM, PLAN}


def test_answers_come_from_stdin_and_the_record_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "0001.md"
    args = ["--project-dir", str(tmp_path), "--output", "json", "--file", str(file)]
    lines = "A daily sales mart\ncode\nknown\nseveral\nbetween\nno\nno\n"

    done = CliRunner().invoke(adr.command, args, input=lines, standalone_mode=False)
    again = CliRunner().invoke(adr.command, args, input=lines, standalone_mode=False)

    found = json.loads(done.stdout)
    assert found["pattern"] == PLAN
    assert file.read_text() == found["record"]
    assert found["contexts"][0]["tools"] and found["contexts"][0]["instruction_tokens"] > 50
    assert again.exception is not None


def test_missing_answers_name_the_flags(tmp_path: Path) -> None:
    done = CliRunner().invoke(adr.command, ["--project-dir", str(tmp_path), "--title", "x"])

    assert done.exit_code == 2
    assert "--steps" in done.stderr
