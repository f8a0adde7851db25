"""Node selection equals `dbt ls`: answers recorded by tests/golden/lineage/record.py."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agentic.exceptions import SelectorError
from agentic.lineage import (
    UNSUPPORTED,
    Graph,
    default_selector,
    matches_nothing,
    resolve,
    resolve_selector,
    select,
)
from agentic.project import Manifest, load_manifest
from tests.proofs.lineage_selectors import answer

GOLDEN = Path(__file__).parents[2] / "golden" / "lineage"
BRANCHES: dict[str, list[str]] = json.loads((GOLDEN / "branches.json").read_text())
ANSWERS: dict[str, list[str]] = json.loads((GOLDEN / "selections.json").read_text())


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_manifest(GOLDEN / "manifest.json")


@pytest.fixture(scope="module")
def graph(manifest: Manifest) -> Graph:
    return Graph(manifest)


@pytest.fixture(scope="module")
def generated() -> tuple[Manifest, Graph]:
    found = load_manifest(GOLDEN / "branches_manifest.json")
    return found, Graph(found)


@pytest.mark.parametrize("arguments", BRANCHES)
def test_flags_and_yaml_selectors_equal_dbt(
    arguments: str, generated: tuple[Manifest, Graph]
) -> None:
    assert sorted(answer(arguments, *generated).uids) == BRANCHES[arguments]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"method": "selector", "value": "odd"}, "names it in turn"),
        ({"method": "selector", "value": "gone"}, "does not exist"),
        ({"union": "tag:gold"}, "malformed"),
        ({"union": ["a", {"exclude": ["b"]}, {"exclude": ["c"]}]}, "malformed"),
        ({"method": "fqn"}, "malformed"),
        ({"colour": "red"}, "'colour' is not a selector method"),
        ({"method": "fqn", "value": "a", "indirect_selection": "some"}, "does not exist"),
        ([], "malformed"),
        ({"method": "state", "value": "modified"}, "only dbt can do"),
    ],
)
def test_broken_yaml_selectors_are_refused(
    definition: object, message: str, generated: tuple[Manifest, Graph]
) -> None:
    manifest = msgspec.structs.replace(generated[0], selectors={"odd": {"definition": definition}})

    with pytest.raises(SelectorError, match=message):
        resolve_selector("odd", manifest, generated[1])


def test_an_unknown_selector_names_those_there_are(generated: tuple[Manifest, Graph]) -> None:
    with pytest.raises(SelectorError) as error:
        resolve_selector("gilded", *generated)

    assert "gold_all" in str(error.value.hint)
    assert default_selector(generated[0].selectors) == "half_done"


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
