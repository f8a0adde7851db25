"""What the last green build remembers decides where files have no past: a squashed history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from rules_world import World, case_of, check, failed, model, source

from agentic.project import Node
from agentic.project.manifest import Checksum
from agentic.records import Incident
from agentic.rules import Case


@dataclass
class Remembering(World):
    """A world with a store: the columns, rows and code of the last green build."""

    gone: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)

    def _compare_profiles(self, _case: Case, given: dict[str, Any]) -> dict[str, Any]:
        uid = given["node"]
        if uid not in {**self.gone, **self.rows}:
            return {"note": "no green build of it is remembered"}
        rows = list(self.rows.get(uid, (5, 5)))
        return {"against": "last good", "rows": rows, "columns_gone": self.gone.get(uid, [])}

    def _run_history(self, _case: Case, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            return {"invocations": [{"invocation": "red", "green": False}, GREEN]}
        runs = [{"code": "whatever", "invocation": "red"}]
        old = self.code.get(given["node"])
        return {"runs": [*runs, *([{"code": old, "invocation": "green"}] if old else [])]}


GREEN = {"invocation": "green", "green": True}
PARENT, CHILD = "model.shop.by_month", "model.shop.all_months"
YAML = (
    "models:\n  - name: by_month\n    columns:\n      - name: month\n"
    "  - name: all_months\n    columns:\n      - name: is_last\n        tests: [not_null]\n"
)


def nodes(parent: str, **hashes: str) -> list[Node]:
    def summed(name: str) -> Checksum:
        return Checksum(name="sha256", checksum=hashes.get(name, "same0000"))

    child = "select * from {{ ref('by_month') }}"
    return [
        source("rows", {"id": ""}),
        model("by_month", parent, ["source.shop.raw.rows"], checksum=summed("by_month")),
        model(
            "all_months",
            child,
            [PARENT],
            checksum=summed("all_months"),
            patch_path="shop://models/_models.yml",
        ),
    ]


def unbound(column: str) -> tuple[Node, Incident]:
    test = check("not_null", CHILD, column)
    text = f'Binder Error: Referenced column "{column}" not found in FROM clause!'
    return test, failed(test.unique_id, text, attached=CHILD)


def shapes(*columns: str) -> dict[str, dict[str, str]]:
    return {uid: dict.fromkeys(columns, "DATE") for uid in (PARENT, CHILD)}


@pytest.mark.parametrize("remembered", [True, False])
def test_a_column_that_a_parent_renamed_is_no_stale_test(remembered: bool) -> None:
    # Without a memory the sibling's output of that name tells it.
    test, incident = unbound("is_last")
    below = nodes("select d as month, d = e as is_last_value from {{ source('raw', 'rows') }}")
    below.append(model("churned", "select d as month, false as is_last", [PARENT]))
    below[2] = model("all_months", below[2].raw_code or "", [PARENT, "model.shop.churned"])
    world = Remembering(
        shapes("month", "is_last_value"),
        files={"models/_models.yml": YAML},
        gone={CHILD: ["is_last"], PARENT: ["is_last"]} if remembered else {},
    )

    report = world.run(case_of([*below, test], incident))

    assert report["finding"]["cls"] != "stale_test"


def test_a_name_that_the_last_green_build_did_not_have_is_corrected() -> None:
    # The name stands in another node's entry as well: that one's is another column.
    test, incident = unbound("month_old")
    text = YAML.replace("is_last", "month_old")
    world = Remembering(shapes("month", "n"), files={"models/_models.yml": text}, gone={CHILD: []})
    parent = "select d as month, 1 as n, 2 as month_old from {{ source('raw', 'rows') }}"

    report = world.run(case_of([*nodes(parent), test], incident))

    assert (report["finding"]["cls"], report["decision"]) == ("stale_test", "fix")
    (edit,) = [call for call in world.calls if call.name == "edit_file"]
    ((old, new),) = [(one["old"], one["new"]) for one in edit.input["edits"]]
    assert text.replace(old, new) == YAML.replace("is_last", "month")


def multiplied(**hashes: str) -> dict[str, Any]:
    test = check("unique", CHILD, "id")
    incident = failed(test.unique_id, "Got 9", "test_failure", attached=CHILD, failures=9)
    counted = {"c0_0": 20, "c0_1": 11, "c0_2": 0, "c1_0": 11, "c1_1": 11, "c1_2": 0}
    more = {"c2_0": 5, "c2_1": 5, "c2_2": 0}
    world = Remembering(
        {**shapes("id"), "source.shop.raw.rows": {"id": "INTEGER"}},
        answers=[("count", [{**counted, **more}])],
        rows={PARENT: (5, 11)},
        code={PARENT: "same0000", CHILD: "same0000"},
    )
    return world.run(case_of([*nodes("select id from raw", **hashes), test], incident))


def test_rows_that_multiply_below_the_one_node_that_changed_are_its_fault() -> None:
    report = multiplied(by_month="other000")

    finding = report["finding"]
    assert (finding["cls"], finding["root_cause"]["node"]) == ("join_fanout", PARENT)
    assert report["decision"] == "escalate"
    assert any("after that build it held 5" in one["text"] for one in finding["evidence"])


def test_rows_that_multiply_where_the_code_changed_are_that_nodes_fault() -> None:
    assert multiplied(all_months="other000")["finding"]["root_cause"]["node"] == CHILD
