"""One error of several nodes that call one macro is one incident."""

from __future__ import annotations

import pytest

from agentic.project import Macro, Manifest, Metadata, Node
from agentic.project.manifest import DependsOn
from agentic.records import Incident, Signal
from agentic.triggers.same_error import error_text, joined

TEXT = "Binder Error: DECIMAL type width must be between 1 and 38"


def incident(name: str, text: str = TEXT, kind: str = "run_error") -> Incident:
    uid = f"model.shop.{name}"
    message = f"Runtime Error in model {name} (models/{name}.sql)\n  {text}\n\n  LINE 7: x\n   ^^^"
    signal = Signal(kind=kind, node=uid, message=message)  # type: ignore[arg-type]
    return Incident(name, signal.kind, uid, message, name, signals=(signal,), skipped=(f"{uid}_b",))


def manifest(**calls: list[str]) -> Manifest:
    macros = {
        f"macro.{pack}.{name}": pack
        for pack, name in (("shop", "cents"), ("shop", "label"), ("utils", "star"))
    }
    return Manifest(
        metadata=Metadata(project_name="shop"),
        nodes={
            f"model.shop.{name}": Node(
                unique_id=f"model.shop.{name}",
                name=name,
                resource_type="model",
                package_name="shop",
                depends_on=DependsOn(macros=[f"macro.{one}" for one in called]),
            )
            for name, called in calls.items()
        },
        macros={
            uid: Macro(unique_id=uid, name=uid.rsplit(".", 1)[-1], package_name=pack)
            for uid, pack in macros.items()
        },
    )


def test_the_error_is_told_without_its_place() -> None:
    assert error_text(incident("a").message) == TEXT


def test_nodes_of_one_error_and_one_macro_are_one_incident() -> None:
    calls = manifest(a=["shop.cents"], b=["shop.cents", "shop.label"], c=["shop.cents"])

    (one,) = joined([incident("a"), incident("b"), incident("c")], calls)

    assert one.node == "model.shop.a"
    assert [s.node for s in one.signals] == [f"model.shop.{name}" for name in "abc"]
    assert len(one.skipped) == 3


@pytest.mark.parametrize(
    ("other", "calls"),
    [
        (incident("b", "Binder Error: no column y"), ["shop.cents"]),
        (incident("b"), ["shop.label"]),
        (incident("b"), ["utils.star"]),
        (incident("b"), []),
        (incident("b", kind="test_failure"), ["shop.cents"]),
    ],
)
def test_another_error_or_another_macro_stays_apart(other: Incident, calls: list[str]) -> None:
    known = manifest(a=["shop.cents", "utils.star"], b=calls)

    assert len(joined([incident("a"), other], known)) == 2
