"""The graph: neighbours, ways, and where a failure began."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, Node, load_manifest

GOLDEN = Path(__file__).parents[2] / "golden" / "lineage"


def graph_of(*edges: str) -> Graph:
    """A graph from `a>b` texts."""
    parents: dict[str, list[str]] = {}
    for edge in edges:
        up, _, down = edge.partition(">")
        parents.setdefault(up, [])
        if down:
            parents.setdefault(down, []).append(up)
    nodes = {uid: Node(unique_id=uid, name=uid, resource_type="model") for uid in parents}
    return Graph(Manifest(metadata=Metadata(), nodes=nodes, parent_map=parents))


DIAMOND = ("a>b", "a>c", "b>d", "c>d", "d>e", "lone")


def test_neighbours_ancestors_and_descendants_are_sorted() -> None:
    graph = graph_of(*DIAMOND)

    assert graph.parents("d") == ["b", "c"]
    assert graph.children("a") == ["b", "c"]
    assert graph.ancestors("e") == ["a", "b", "c", "d"]
    assert graph.descendants("b") == ["d", "e"]
    assert graph.parents("nobody") == graph.descendants("nobody") == []
    assert "lone" in graph


def test_a_path_is_shortest_and_stable() -> None:
    graph = graph_of(*DIAMOND, "a>z1", "z1>z2", "z2>e")

    assert graph.path("a", "e") == ("a", "b", "d", "e")
    assert graph.path("a", "a") == ("a",)
    assert graph.path("e", "a") == ()
    assert graph.path("a", "nobody") == ()


@pytest.mark.parametrize(
    ("uids", "first"),
    [
        (["d", "e", "b"], ("b",)),
        (["b", "c", "e"], ("b", "c")),
        (["lone", "e"], ("e", "lone")),
        (["nobody"], ("nobody",)),
        ([], ()),
    ],
)
def test_earliest_has_no_ancestor_among_the_others(uids: list[str], first: tuple[str, ...]) -> None:
    assert graph_of(*DIAMOND).earliest(uids) == first


def test_a_cycle_ends() -> None:
    graph = graph_of("a>b", "b>c", "c>a", "c>d")

    assert graph.earliest(["a", "b"]) == ("a", "b")
    assert graph.order() == ["a", "b", "c", "d"]
    assert graph.path("a", "d") == ("a", "b", "c", "d")


def test_order_puts_parents_first() -> None:
    graph = graph_of(*DIAMOND)

    assert graph.order(["e", "b", "a"]) == ["a", "b", "e"]


def test_a_real_manifest_has_tests_exposures_and_unit_tests_in_its_graph() -> None:
    graph = Graph(load_manifest(GOLDEN / "manifest.json"))
    below = graph.descendants("source.orchard.farm.picks")

    assert {uid.partition(".")[0] for uid in below} >= {"model", "test", "unit_test", "exposure"}
    assert graph.path("source.orchard.farm.picks", "exposure.orchard.harvest_board") == (
        "source.orchard.farm.picks",
        "model.orchard.stg_picks",
        "model.orchard.income",
        "model.orchard.income_daily",
        "exposure.orchard.harvest_board",
    )
