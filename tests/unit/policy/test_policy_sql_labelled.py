"""Every statement of the labelled set gets its verdict and its code."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentic.policy import World, judge_sql
from agentic.policy.codes_sql import SQL_CODES

FIXTURES = Path(__file__).parents[2] / "fixtures"
CHUNK = 30


@cache
def labelled() -> tuple[dict[str, Any], ...]:
    text = (FIXTURES / "sql_verdicts.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def world() -> World:
    raw = json.loads((FIXTURES / "sql_world.json").read_text(encoding="utf-8"))
    return World.from_guardrails(
        raw["guardrails"],
        raw["relations"],
        default_schema=raw["default_schema"],
        default_database=raw["default_database"],
    )


@pytest.mark.parametrize("start", range(0, len(labelled()), CHUNK))
def test_labelled_statements(start: int) -> None:
    wrong = []
    for case in labelled()[start : start + CHUNK]:
        found = judge_sql(case["sql"], dialect=case["dialect"], role=case["role"], world=world())
        codes = [case["code"], *case["also"]]
        if found.verdict != case["verdict"] or found.code not in codes:
            wrong.append((case["id"], case["sql"], case["verdict"], codes, found))

    assert wrong == []


def test_the_set_is_large_and_mostly_honest() -> None:
    dialects = Counter(case["dialect"] for case in labelled())
    honest = sum(case["verdict"] == "allow" for case in labelled())

    assert len(labelled()) >= 400
    assert len(dialects) >= 10
    assert honest / len(labelled()) >= 0.4


def test_every_code_that_is_given_has_a_page() -> None:
    given = {
        judge_sql(case["sql"], dialect=case["dialect"], role=case["role"], world=world()).code
        for case in labelled()
    }

    assert given <= SQL_CODES


def test_what_is_allowed_is_judged_the_same_when_sent_as_generated() -> None:
    changed = []
    for case in labelled()[::7]:
        found = judge_sql(case["sql"], dialect=case["dialect"], role=case["role"], world=world())
        if found.verdict != "allow":
            assert found.verdict == "ask" or found.sql == ""
            continue
        again = judge_sql(found.sql, dialect=case["dialect"], role=case["role"], world=world())
        if again.verdict != "allow" or again.reads != found.reads:
            changed.append((case["dialect"], case["sql"], found.sql, again))

    assert changed == []
