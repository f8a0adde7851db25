"""Each standard role's eval in examples/daily_sales: wrong results are rejected, a good one not.

A scripted engine plays them: that a good result gets through proves the plumbing, and nothing about
a model.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentic.config import standard_agents
from agentic.evals.roles import (
    Played,
    RoleEval,
    play_roles,
    read_roles,
    with_all_roles,
)
from agentic.evals.stage import REPOSITORY, copy_example

pytestmark = pytest.mark.slow

EVALS = read_roles(REPOSITORY / "examples" / "daily_sales")
ROLES = [
    pytest.param(
        one,
        id=one.role,
        marks=pytest.mark.evaluates(f"agentic.{one.role}", engine="scripted"),
    )
    for one in EVALS
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Played]]]:
    stage = copy_example("daily_sales", tmp_path_factory.mktemp("roles") / "daily_sales")
    with_all_roles(stage.root)
    stage.commit("start")
    found: dict[str, list[Played]] = {}
    for one in play_roles(stage.root, EVALS, profiles_dir=stage.root):
        found.setdefault(one.role, []).append(one)
    yield found


def test_every_standard_role_has_an_eval() -> None:
    assert {f"agentic.{one.role}" for one in EVALS} == set(standard_agents())


@pytest.mark.parametrize("one", ROLES)
def test_the_wrong_ones_are_rejected_and_the_good_one_is_not(
    one: RoleEval, played: dict[str, list[Played]]
) -> None:
    results = played[one.role]
    wrong = [f"{each.name}: {each.codes} {each.said}" for each in results if not each.right]

    assert wrong == []
    assert len([each for each in results if each.expected]) >= 3
