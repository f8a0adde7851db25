"""Comments, case, white space and wrapping never turn a denial into an allowance."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agentic.policy import World, judge_sql

FIXTURES = Path(__file__).parents[2] / "fixtures"
SAMPLE = 24
BATCHES = 12


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


def spaced(sql: str) -> str:
    return outside_literals(sql, lambda code: code.replace(" ", " \n\t "))


def commented(sql: str) -> str:
    return "/* a */ " + outside_literals(sql, lambda code: code.replace(" ", " /* x */ ", 2))


def upper(sql: str) -> str:
    return outside_literals(sql, str.upper)


def wrapped(sql: str) -> str:
    return f"select * from ({sql.rstrip().rstrip(';')}) wrapped"


def in_cte(sql: str) -> str:
    return f"with wrapped as ({sql.rstrip().rstrip(';')}) select * from wrapped"


def trailing(sql: str) -> str:
    return f"{sql.rstrip().rstrip(';')} ;  -- the end\n"


def outside_literals(sql: str, change: Callable[[str], str]) -> str:
    parts = re.split(
        r"('(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/)", sql
    )
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


VARIANTS = (spaced, commented, upper, wrapped, in_cte, trailing)


def sample(verdict: str, batch: int) -> list[dict[str, Any]]:
    cases = [case for case in labelled() if case["verdict"] == verdict]
    return random.Random(20261120).sample(cases, SAMPLE * BATCHES)[batch::BATCHES]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_denial_stays_a_denial(batch: int) -> None:
    flipped = []
    for case in sample("deny", batch):
        for variant in VARIANTS:
            # A statement of bare relations can mean another thing inside a query: the wrapped
            # text is another statement only for what a query may hold.
            sql = variant(case["sql"])
            found = judge_sql(sql, dialect=case["dialect"], role=case["role"], world=world())
            if found.verdict == "allow" and not harmless(case, variant):
                flipped.append((variant.__name__, case["dialect"], sql, case["code"]))

    assert flipped == []


def harmless(case: dict[str, Any], variant: Callable[[str], str]) -> bool:
    """`select * from (... order by email)` shows rows in no order; names may fold to known ones."""
    ordering = variant in (wrapped, in_cte) and " order by " in case["sql"].lower()
    folding = variant is upper and case["code"] in (
        "WRITE_OUT_OF_SCOPE",
        "UNKNOWN_TABLE",
        "UNKNOWN_COLUMN",
        "AMBIGUOUS_IDENTIFIER",
    )
    return ordering or folding


@pytest.mark.parametrize("batch", range(BATCHES))
def test_an_honest_query_survives_layout(batch: int) -> None:
    blocked = []
    for case in sample("allow", batch):
        for variant in (spaced, commented, trailing):
            sql = variant(case["sql"])
            found = judge_sql(sql, dialect=case["dialect"], role=case["role"], world=world())
            if found.verdict != "allow":
                blocked.append((variant.__name__, case["dialect"], sql, found.code))

    assert blocked == []
