"""Node selection equals `dbt ls`: answers recorded by tests/golden/lineage/record.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentic.exceptions import SelectorError
from agentic.lineage import UNSUPPORTED, Graph, matches_nothing, resolve, select
from agentic.project import Manifest, load_manifest

GOLDEN = Path(__file__).parents[2] / "golden" / "lineage"
ANSWERS: dict[str, list[str]] = json.loads((GOLDEN / "selections.json").read_text())


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_manifest(GOLDEN / "manifest.json")


@pytest.fixture(scope="module")
def graph(manifest: Manifest) -> Graph:
    return Graph(manifest)


def test_enough_was_recorded() -> None:
    assert sum(bool(uids) for uids in ANSWERS.values()) >= 100


@pytest.mark.parametrize("expression", ANSWERS)
def test_selection_equals_dbt(expression: str, manifest: Manifest, graph: Graph) -> None:
    assert sorted(select(expression, manifest, graph)) == ANSWERS[expression]


@pytest.mark.parametrize(
    "expression",
    ["state:modified", "+state:new", "result:error", "source_status:fresher+"],
)
def test_what_needs_dbt_says_so(expression: str, manifest: Manifest, graph: Graph) -> None:
    with pytest.raises(SelectorError) as error:
        select(expression, manifest, graph)

    assert error.value.code == UNSUPPORTED


@pytest.mark.parametrize(
    "expression",
    [
        "tags:gold",
        "@income+",
        "tag:",
        "+",
        "source:a.b.c.d",
        "exposure:a.b.c",
        "resource_type:table",
        "test_type:slow",
        "path:/models",
        "path:../models",
        "config:view",
        "version:9",
        "income,",
    ],
)
def test_mistakes_are_not_for_dbt(expression: str, manifest: Manifest, graph: Graph) -> None:
    with pytest.raises(SelectorError) as error:
        select(expression, manifest, graph)

    assert error.value.code != UNSUPPORTED
    assert error.value.message


def test_parts_that_match_nothing_are_named_as_written(manifest: Manifest, graph: Graph) -> None:
    found = matches_nothing("income tag:nope stg_trees,tag:gold +path:nowhere", manifest, graph)

    assert found == ("tag:nope", "stg_trees,tag:gold", "+path:nowhere")
    assert resolve("income", manifest, graph).unmatched == ()
