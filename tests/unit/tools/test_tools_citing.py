"""What may be cited, and the incident report that a finding makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agentic.outputs import INCIDENT_REPORT, faults_of, standard_outputs
from agentic.records import CompiledOutput, Edit
from agentic.tools import Bench, Made, ToolError, offered_report, registry, registry_function
from agentic.tools.citing import citation_faults, fault_of_citation

SQL = "select count(*) from shop.orders"
FINDING = {
    "cls": "src_column_renamed",
    "root_cause": {"node": "source.shop.shop.orders", "column": "amount", "observed": "total"},
    "confidence": 0.9,
    "summary": "amount is total now.",
    "evidence": [
        {"text": "It is read here.", "where": "models/stg_orders.sql:3"},
        {"text": "It is not there.", "where": "shop.orders"},
        {"text": "It was taken away.", "where": "models/gone.sql:4"},
    ],
}


@pytest.fixture
def asked(bench: Bench) -> Bench:
    made = [
        Made("c1", "run_sql", {"sql": SQL}, {"columns": ["n_rows"]}),
        Made("c2", "read_file", {"path": "models/stg_orders.sql"}, {"text": "amount"}),
    ]
    new = Edit("models/new_mart.sql", None, "select fresh_column from x\n", "new")
    source = "sources:\n  - name: raw\n    tables: [{name: gift_cards}]\n"
    declared = Edit("models/sources.yml", "version: 2\n", f"version: 2\n{source}", "new")
    edits = {new.path: new, declared.path: declared}
    return replace(bench, made=made, run_id="r1", edits=edits)


@pytest.mark.parametrize(
    ("kind", "ref"),
    [
        ("file", "models/stg_orders.sql"),
        ("file", "models/stg_orders.sql:4"),
        ("file", "models/stg_orders.sql:1-4"),
        ("file", "models/new_mart.sql:1"),
        ("query", "c1"),
        ("query", "SELECT count(*)\n  from shop.orders;"),
        ("node", "model.shop.stg_orders"),
        ("node", "model.shop.stg_orders.order_id"),
        ("node", "source.shop.shop.orders.amount"),
        ("node", "model.shop.new_mart"),
        ("node", "source.shop.raw.gift_cards"),
        ("node", "source.shop.shop.orders.n_rows"),
        ("run", "r1"),
        ("run", "f"),
        ("call", "c2"),
    ],
)
def test_what_is_there_may_be_cited(asked: Bench, kind: str, ref: str) -> None:
    assert fault_of_citation(asked, kind, ref) == ""


@pytest.mark.parametrize(
    ("kind", "ref", "why"),
    [
        ("file", "models/stg_orders.sql:5", "has 4 lines"),
        ("file", "models/stg_orders.sql:0", "has 4 lines"),
        ("file", "models/no.sql:1", "no file"),
        ("file", "../outside.sql", "no file"),
        ("file", "/etc/passwd", "no file"),
        ("file", "target/manifest.json", "no file"),
        ("query", "select 1", "no query"),
        ("query", "", "no query"),
        ("node", "model.shop.orderz", "no node"),
        ("node", "source.shop.raw.gift", "no node"),
        ("node", "model.shop.stg_orders.colour", "no column"),
        ("run", "20250101-000000-ffffff", "no run"),
        ("run", "", "no run"),
        ("call", "c9", "no tool call"),
        ("rumour", "x", "no kind"),
    ],
)
def test_what_is_not_there_may_not(asked: Bench, kind: str, ref: str, why: str) -> None:
    assert why in fault_of_citation(asked, kind, ref)


def test_citations_are_found_wherever_they_stand(asked: Bench) -> None:
    report = {
        "impacted_assets": ["model.shop.stg_orders", "model.shop.nowhere"],
        "root_cause": {"node": "stg_orders"},
        "parts": [{"deep": {"citations": [{"kind": "call", "ref": "c1"}, "c2"]}}],
    }

    assert citation_faults(asked, report) == [
        "report.parts[0].deep.citations[1]: '' is no kind of citation: "
        "file, query, node, run, call",
        "report.impacted_assets: the project has no node 'model.shop.nowhere'",
        "report.root_cause.node: the project has no node 'stg_orders'",
    ]


def test_a_finding_makes_a_report_whose_citations_hold(asked: Bench) -> None:
    registry_function("submit_report")(
        asked, finding=FINDING, decision="escalate", title="ask", next_step="Ask the vendor."
    )

    assert asked.report is not None
    report = asked.report.report
    assert report is not None
    assert faults_of(report, standard_outputs()[INCIDENT_REPORT].schema) == []
    assert citation_faults(asked, report) == []
    cited = [[(c["kind"], c["ref"]) for c in fact["citations"]] for fact in report["evidence"]]
    assert cited == [[("file", "models/stg_orders.sql:3")], [("query", "c1")], [("run", "f")]]
    assert report["severity"] == "medium"
    assert report["steps_to_fix"] == ["Ask the vendor."]
    assert asked.report.output == INCIDENT_REPORT


def test_an_output_of_ones_own_is_asked_for_and_checked(asked: Bench, tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    own = replace(asked, output=CompiledOutput("verdict", "fields", schema))
    submit = registry_function("submit_report")

    with pytest.raises(ToolError, match="the report is missing: an object of the schema verdict"):
        submit(own, finding=FINDING, decision="escalate", title="ask")
    with pytest.raises(ToolError, match="'answer' is a required property"):
        submit(own, finding=FINDING, decision="escalate", title="ask", report={})
    submit(own, finding=FINDING, decision="escalate", title="ask", report={"answer": "no"})
    assert own.report is not None
    assert (own.report.output, own.report.report) == ("verdict", {"answer": "no"})


def test_the_tool_carries_the_schema_of_the_report() -> None:
    spec, output = registry()["submit_report"], standard_outputs()["CostFinding"]

    offered = offered_report(spec, output, request=False).input_schema

    assert offered["properties"]["report"]["properties"] == output.schema["properties"]
    assert {"finding", "report", "decision", "title"} <= set(offered["required"])
    assert offered["properties"]["finding"]["type"] == "object"
    asked = offered_report(spec, output, request=True).input_schema
    assert "finding" not in asked["required"]
    assert spec == msgspec.structs.replace(spec)
