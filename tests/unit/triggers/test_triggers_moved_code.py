"""Code that changed and gives other figures: asked once a version, never where the input moved."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.history import RelationProfile
from agentic.project import Manifest, Metadata, Node
from agentic.project.manifest import DependsOn
from agentic.triggers.moved_code import Past, _shared_macro, moved_from

PARENT, CHILD = "model.shop.orders", "model.shop.customers"


def node(uid: str, parents: list[str], code: str = "select 1") -> Node:
    name = uid.rsplit(".", 1)[-1]
    more: dict[str, Any] = {"relation_name": f"main.{name}", "raw_code": code}
    return Node(
        unique_id=uid,
        name=name,
        resource_type="model",
        package_name="shop",
        depends_on=DependsOn(nodes=parents),
        **more,
    )


def state(uid: str, rows: int, invocation: str) -> RelationProfile:
    return RelationProfile(uid, rows, looked_at=rows, unique_id=uid, invocation_id=invocation)


def past(codes: dict[str, str], good: str = "one") -> Past:
    """The child's code by invocation; every invocation was profiled."""
    states = {
        uid: [state(uid, 100, one) for one in reversed(list(codes))] for uid in (PARENT, CHILD)
    }
    return Past(
        list(codes)[-1],
        good=lambda uid: next((s for s in states[uid] if s.invocation_id == good), None),
        states=lambda uid: states[uid],
        code_at=lambda uid, one: codes.get(one, "") if uid == CHILD else "same",
    )


@pytest.mark.parametrize(
    ("codes", "good", "asked"),
    [
        ({"one": "a", "two": "b"}, "one", True),
        ({"one": "a", "two": "a"}, "one", False),
        ({"one": "a", "two": "b", "three": "b"}, "one", False),  # asked after the second
        ({"one": "b", "two": "a", "three": "b"}, "two", False),  # it was so before, and known
        ({"one": "a", "two": "b", "three": "c"}, "one", True),
        ({"one": "a", "two": "b"}, "", False),  # nothing was recorded as good
        ({"one": "", "two": "b"}, "one", False),  # not built then, or its code is not known
        ({"one": "a", "two": ""}, "one", False),  # not built now
    ],
)
def test_a_version_of_the_code_is_asked_about_once(
    codes: dict[str, str], good: str, asked: bool
) -> None:
    assert (past(codes, good).before_change(CHILD) is not None) is asked


def found(rows: dict[str, int], parents: list[str] | None = None) -> int:
    two = past({"one": "a", "two": "b"})
    nodes = {
        PARENT: node(PARENT, ["source.shop.raw.orders"]),
        CHILD: node(CHILD, [PARENT] if parents is None else parents),
    }
    manifest = Manifest(metadata=Metadata(project_name="shop"), nodes=nodes)
    last = two.before_change(CHILD)
    assert last is not None

    def live(one: Node) -> RelationProfile | None:
        held = rows.get(one.unique_id)
        return None if held is None else state(one.unique_id, held, "")

    return len(moved_from(nodes[CHILD], last, manifest, two, live))


def test_only_a_node_that_moved_while_its_input_did_not_is_asked_about() -> None:
    assert found({CHILD: 62, PARENT: 100}) == 1
    assert found({CHILD: 100, PARENT: 100}) == 0
    assert found({CHILD: 62, PARENT: 70}) == 0
    assert found({CHILD: 62}) == 0, "an input that cannot be asked may have moved"
    assert found({CHILD: 62, PARENT: 100}, parents=[]) == 0


@pytest.mark.parametrize(
    ("codes", "good", "asked"),
    [
        ({"one": "a", "two": "a"}, "one", True),
        ({"one": "a", "two": "b"}, "one", False),  # its own code changed: that is asked about
        ({"one": "a", "two": "a", "three": "a"}, "one", False),  # asked after the second
        ({"one": "a", "two": "a"}, "", False),
        ({"one": "", "two": ""}, "one", False),
    ],
)
def test_figures_by_the_same_code_are_asked_about_after_the_next_build_alone(
    codes: dict[str, str], good: str, asked: bool
) -> None:
    assert (past(codes, good).before_build(CHILD) is not None) is asked


def test_the_macro_that_the_moved_nodes_share_is_blamed() -> None:
    callers = {"macro.to_units": ["a", "b"], "macro.label": ["a", "b", "c"], "macro.x": ["c"]}

    assert _shared_macro(callers, ["a", "b"], ["a", "b", "c"]) == "macro.to_units"
    assert _shared_macro(callers, [], ["a", "b", "c"]) is None
    assert _shared_macro({"macro.x": ["c"]}, ["a"], ["a", "c"]) is None
