"""Code that changed and moved figures while every test is green: asked, never edited."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import World, case_of, model, source

from agentic.records import Incident, Signal

NODE = "model.shop.customers"
CODE = "select c.id, count(o.id) as n from c {join} join o on c.id = o.c_id group by 1"
MOVED = "rows 100 → 62; n: sum 250 → 190"


def report(commits: list[dict[str, Any]]) -> tuple[dict[str, Any], World]:
    nodes = [source("orders"), model("customers", now(), ["source.shop.raw.orders"])]
    figures: dict[str, str | float | None] = {
        "change": "code_changed",
        "column": "n",
        "moved": MOVED,
        "basis": "the last build",
    }
    message = "customers gives other figures since its code changed, from the same input: n"
    signal = Signal(kind="anomaly", node=NODE, message=message, figures=figures)
    incident = Incident("i", "anomaly", NODE, message, "f", signals=(signal,))
    world = World(commits=commits)
    return world.run(case_of(nodes, incident)), world


def now() -> str:
    return CODE.format(join="inner")


@pytest.mark.parametrize("known", [True, False])
def test_the_node_whose_code_changed_is_the_cause_and_its_author_is_asked(known: bool) -> None:
    before = CODE.format(join="left")
    change = {"path": "models/customers.sql", "before": before, "after": now()}
    said, world = report([{"sha": "abc", "files": [change]}] if known else [])

    finding = said["finding"]
    assert (finding["code"], finding["root_cause"]["node"]) == ("AR074", NODE)
    assert finding["cls"] == ("join_type" if known else "logic_changed")
    assert finding["confidence"] < 0.9
    assert said["decision"] == "escalate"
    assert "is it meant" in said["next_step"]
    texts = "\n".join(one["text"] for one in finding["evidence"])
    assert MOVED in texts
    assert (f"-{before}" in texts) is known
    assert "edit_file" not in world.names()
