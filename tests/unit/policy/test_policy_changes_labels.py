"""Every labelled change gets its verdict and its code."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentic.policy import ChangeRule, ChangeRules, ProjectView, judge_change

FIXTURES = Path(__file__).parents[2] / "fixtures"
WORLD: dict[str, str] = json.loads((FIXTURES / "change_world.json").read_text())
FOLDERS = ("models", "tests", "seeds", "snapshots", "analyses")
RULES = ChangeRules(
    allow=tuple(ChangeRule(f"path:{one}", paths=(one,)) for one in FOLDERS),
    ask=(ChangeRule("path:macros", paths=("macros",)),),
)
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for name in ("change_verdicts.jsonl", "change_verdicts_blind.jsonl")
    for line in (FIXTURES / name).read_text().splitlines()
]
"""The second file's labels were written before the policy's code was read."""


@pytest.mark.parametrize("case", [pytest.param(one, id=one["id"]) for one in CASES])
def test_a_labelled_change(case: dict[str, Any]) -> None:
    verdict = judge_change(
        case["files"], case["before"], project=ProjectView(files=WORLD), rules=RULES
    )

    assert verdict.verdict == case["verdict"], (case["note"], verdict)
    assert verdict.code in (case["code"], *case["also"]), (case["note"], verdict)


def test_the_set_is_large_enough_and_ids_are_unique() -> None:
    verdicts = Counter(one["verdict"] for one in CASES)

    assert len(CASES) == len({one["id"] for one in CASES}) >= 150
    assert verdicts["allow"] >= 200


def test_an_unchanged_file_is_no_finding() -> None:
    same = {"profiles.yml": "a: 1\n"}

    verdict = judge_change(same, same, project=ProjectView(files=WORLD), rules=RULES)

    assert (verdict.verdict, verdict.findings) == ("allow", ())


def test_without_rules_everything_is_asked() -> None:
    files = {"models/marts/x.sql": "select 1 as a"}

    verdict = judge_change(files, {}, project=ProjectView(files=WORLD), rules=ChangeRules())

    assert verdict.verdict == "ask"


def test_a_denied_path_wins_over_an_allowed_one() -> None:
    rules = ChangeRules(
        allow=(ChangeRule("path:models", paths=("models",)),),
        deny=(ChangeRule("path:models/marts", paths=("models/marts",)),),
    )
    files = {"models/marts/x.sql": "select 1 as a"}

    verdict = judge_change(files, {}, project=ProjectView(files=WORLD), rules=rules)

    assert (verdict.verdict, verdict.code) == ("deny", "WRITE_PROTECTED")


def test_a_rule_reaches_a_node_by_its_unique_id() -> None:
    rules = ChangeRules(
        allow=(ChangeRule("path:models", paths=("models",)),),
        ask=(ChangeRule("tag:gold", unique_ids=("model.shop.fct_orders",)),),
    )
    text = WORLD["models/marts/fct_orders.sql"] + "-- a comment\n"

    verdict = judge_change(
        {"models/marts/fct_orders.sql": text}, {}, project=ProjectView(files=WORLD), rules=rules
    )

    assert verdict.verdict == "ask"
    assert "tag:gold" in verdict.reason


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("select '" + "x" * 1_500_000 + "' as a", id="large"),
        pytest.param("select " + "(" * 5000 + "1" + ")" * 5000, id="deep-sql"),
        pytest.param("{{ " + "[" * 3000 + "]" * 3000 + " }}", id="deep-jinja"),
        pytest.param("select 1\x00 as a", id="nul"),
        pytest.param(
            "{% for a in range(999999) %}{% for b in range(999999) %}{% endfor %}{% endfor %}",
            id="loops",
        ),
        pytest.param("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", id="recursion"),
        pytest.param("{{ 'x' * 999999999999 }}", id="repeat"),
        pytest.param("{{ 9 ** 9 ** 9 ** 9 }}", id="power"),
    ],
)
def test_hostile_text_gets_a_verdict(text: str) -> None:
    files = {"models/marts/x.sql": text}

    verdict = judge_change(files, {}, project=ProjectView(files=WORLD), rules=RULES)

    assert (
        verdict.verdict in ("allow", "deny")
        if "large" in text
        else verdict.verdict == "deny" or (len(text) > 1_000_000)
    )
