"""A wrong column name in a test is told by what dbt compiled, where the text hides it."""

from __future__ import annotations

import pytest

from agentic.policy import ChangeRules, ProjectView, judge_change

PATH = "models/schema.yml"
SQL = "select *, 1.0 as linear_points from {{ ref('sessions') }}"
TEST = (
    "version: 2\nmodels:\n  - name: touches\n    columns:\n      - name: {column}\n"
    "        tests: [not_null]\n"
)
FILES = {"dbt_project.yml": "name: shop\n", "models/touches.sql": SQL, "seeds/sessions.csv": "id\n"}
GIVEN = ("id", "started_at", "linear_points")


def verdict(old: str, new: str, emitted: tuple[str, ...] | None = GIVEN) -> str:
    before, after = TEST.format(column=old), TEST.format(column=new)
    view = ProjectView(
        files={**FILES, PATH: before}, emitted={} if emitted is None else {"touches": emitted}
    )
    found = judge_change({PATH: after}, {PATH: before}, project=view, rules=ChangeRules())
    weakened = next((one for one in found.findings if one.code == "TEST_WEAKENED"), None)
    return weakened.verdict if weakened is not None else ""


@pytest.mark.parametrize(
    ("old", "new", "emitted", "said"),
    [
        ("linear_attribution_points", "linear_points", GIVEN, "ask"),
        ("linear_attribution_points", "linear_points", None, "deny"),
        ("linear_attribution_points", "points", GIVEN, "deny"),
        ("id", "linear_points", GIVEN, "deny"),
    ],
)
def test_only_a_name_that_the_node_never_gives_may_be_corrected(
    old: str, new: str, emitted: tuple[str, ...] | None, said: str
) -> None:
    assert verdict(old, new, emitted) == said
