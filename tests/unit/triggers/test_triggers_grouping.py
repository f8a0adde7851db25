"""Which signals belong together."""

from __future__ import annotations

import msgspec
import pytest

from agentic.lineage import Graph
from agentic.project import Manifest
from agentic.records import IncidentKind, Signal
from agentic.triggers import fingerprint_of, group
from agentic.triggers.grouping import Invocation


def graph(**parents: str) -> Graph:
    """`b="a"`: a is b's parent."""
    names = {"a", *parents} | {up for ups in parents.values() for up in ups.split()}
    found = {
        "metadata": {},
        "nodes": {name: {"unique_id": name, "name": name} for name in names},
        "parent_map": {name: parents.get(name, "").split() for name in names},
    }
    return Graph(msgspec.convert(found, Manifest))


def signal(node: str, kind: IncidentKind = "run_error", **more: str) -> Signal:
    return Signal(kind=kind, node=node, message=more.pop("message", "boom"), **more)


def heads(*signals: Signal, on: Graph, skipped: tuple[str, ...] = ()) -> dict[str, list[str]]:
    found = group(signals, on, Invocation(id="i"), skipped=skipped)
    return {one.node: [each.node for each in one.signals] for one in found}


CHAIN = {"b": "a", "c": "b", "d": "c"}


def test_what_fails_below_belongs_to_what_failed_first() -> None:
    assert heads(signal("d"), signal("b"), on=graph(**CHAIN)) == {"b": ["b", "d"]}


def test_siblings_are_two_incidents() -> None:
    assert heads(signal("b"), signal("c"), on=graph(b="a", c="a")) == {"b": ["b"], "c": ["c"]}


def test_a_test_lies_at_the_node_that_it_tests() -> None:
    tests = [signal("t2", "test_failure", attached="c"), signal("t1", "test_failure", attached="b")]

    assert heads(*tests, on=graph(**CHAIN)) == {"t1": ["t1", "t2"]}


def test_an_error_comes_before_tests_of_the_same_node() -> None:
    both = [signal("a_test", "test_failure", attached="b"), signal("b")]

    assert heads(*both, on=graph(**CHAIN)) == {"b": ["b", "a_test"]}


def test_only_what_lies_below_was_skipped_because_of_it() -> None:
    on = graph(b="a", c="b", x="", y="x")

    found = group([signal("b"), signal("x")], on, Invocation(), skipped=("c", "y"))

    assert [(one.node, one.skipped) for one in found] == [("b", ("c",)), ("x", ("y",))]


def test_nothing_failed() -> None:
    assert group([], graph(**CHAIN), Invocation()) == ()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("Got 2 results", "Got 117 results", id="numbers"),
        pytest.param("in query 8a6f0c11de23", "in query 01b7c99fe112", id="hashes"),
        pytest.param("cast 'x1' failed", "cast 'other value' failed", id="quoted-values"),
        pytest.param("a\n  b", "a b", id="spaces"),
    ],
)
def test_what_varies_is_not_in_the_fingerprint(left: str, right: str) -> None:
    assert fingerprint_of(signal("n", message=left)) == fingerprint_of(signal("n", message=right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param(signal("a"), signal("b"), id="node"),
        pytest.param(signal("a"), signal("a", "compile_error"), id="kind"),
        pytest.param(
            signal("a", message='column "x" not found'),
            signal("a", message='column "y" not found'),
            id="column",
        ),
        pytest.param(
            signal("", "parse_error", message="no 'stg_a'"),
            signal("", "parse_error", message="no 'stg_b'"),
            id="parse-names",
        ),
        pytest.param(
            signal("", "parse_error", path="a.yml"),
            signal("", "parse_error", path="b.yml"),
            id="path",
        ),
    ],
)
def test_what_matters_is_in_the_fingerprint(left: Signal, right: Signal) -> None:
    assert fingerprint_of(left) != fingerprint_of(right)
