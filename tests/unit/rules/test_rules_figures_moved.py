"""Code that changed and moved figures while every test is green: asked, never edited."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import World, case_of, model, source

from agentic.project import Macro, Node
from agentic.project.manifest import DependsOn
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


def test_a_macro_whose_callers_moved_is_the_cause_and_is_asked_about_once() -> None:
    macro = Macro(
        unique_id="macro.shop.to_units",
        name="to_units",
        package_name="shop",
        original_file_path="macros/to_units.sql",
    )
    figures: dict[str, str | float | None] = {
        "change": "macro_changed",
        "macro": macro.unique_id,
        "moved": "n: sum 250 → 25",
        "basis": "the last build",
    }
    signal = Signal(kind="anomaly", node=NODE, message="customers calls to_units", figures=figures)
    incident = Incident("i", "anomaly", NODE, signal.message, "f", signals=(signal,))
    case = case_of([source("orders"), model("customers", now(), [])], incident)
    case.manifest.macros[macro.unique_id] = macro
    was, is_now = "{{ c }} / 100", "{{ c }} / 1000"
    change = {"path": macro.original_file_path, "before": was, "after": is_now}

    files = {macro.original_file_path: is_now}
    said = World(commits=[{"sha": "abc", "files": [change]}], files=files).run(case)

    finding = said["finding"]
    assert (finding["code"], finding["cls"]) == ("AR079", "macro_regression")
    assert finding["root_cause"]["node"] == macro.unique_id
    assert said["decision"] == "escalate"
    assert any("/ 1000" in one["text"] for one in finding["evidence"])
    assert "macros/to_units.sql" in finding["next_step"]


def test_a_macro_whose_callers_share_an_error_is_the_cause() -> None:
    def calling(name: str, *macros: str) -> Node:
        called = DependsOn(macros=[f"macro.shop.{one}" for one in macros])
        return model(name, "select 1", [], depends_on=called)

    nodes = [calling("a", "cents", "label"), calling("b", "cents", "label"), calling("c", "label")]
    text = "Binder Error: DECIMAL type width must be between 1 and 38"
    signals = tuple(Signal("run_error", f"model.shop.{name}", text) for name in "ab")
    incident = Incident("i", "run_error", "model.shop.a", text, "f", signals=signals)
    case = case_of(nodes, incident)
    for name in ("cents", "label"):
        uid = f"macro.shop.{name}"
        case.manifest.macros[uid] = Macro(unique_id=uid, name=name, package_name="shop")

    said = World().run(case)

    assert said["finding"]["code"] == "AR048"
    assert said["finding"]["root_cause"]["node"] == "macro.shop.cents"
    assert said["decision"] == "escalate"
