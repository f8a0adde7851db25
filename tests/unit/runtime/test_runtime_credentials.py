"""Whose rights a run has."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.project import Target
from agentic.runtime.credentials import build_target


def target(name: str, **settings: Any) -> Target:
    given = {"host": "db.example", "user": name, **settings}
    unresolved = ("CI_PASSWORD",) if given.pop("unset", False) else ()
    return Target(
        name=name,
        adapter=given.pop("adapter", "postgres"),
        schema=name,
        database=given.pop("database", "shop"),
        settings=given,
        unresolved=unresolved,
    )


@pytest.mark.parametrize(
    ("baseline", "named"),
    [
        (target("dev"), target("ci")),
        (target("dev"), target("ci", port=5432)),
        (target("dev", host="localhost"), target("ci", host="127.0.0.1")),
        (target("dev", host="DB.example"), target("ci")),
    ],
)
def test_the_build_targets_credentials_with_the_baselines_schema(
    baseline: Target, named: Target
) -> None:
    found, why = build_target(baseline, "ci", {"ci": named, "dev": baseline})

    assert (found.settings["user"], found.schema, why) == ("ci", "dev", "")


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (target("ci", host="other.example"), "another database"),
        (target("ci", port=5433), "another database"),
        (target("ci", database="other"), "another database"),
        (target("ci", adapter="redshift"), "another database"),
        (target("ci", unset=True), "CI_PASSWORD is not set"),
    ],
)
def test_a_build_target_that_does_not_lead_there_is_said(named: Target, why: str) -> None:
    baseline = target("dev")

    found, said = build_target(baseline, "ci", {"ci": named, "dev": baseline})

    assert found is baseline
    assert why in said


def test_a_file_has_no_credentials() -> None:
    baseline = target("dev", adapter="duckdb", path="a.duckdb")
    other = target("ci", adapter="duckdb", path="b.duckdb")

    assert build_target(baseline, "ci", {"ci": other, "dev": baseline}) == (baseline, "")
