"""What tools read: nodes, lineage, files inside the project and nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from agentic.tools import Bench, ToolError, registry_function

ORDERS = "source.shop.shop.orders"


def test_get_node_takes_an_id_or_a_name_that_is_one_nodes(bench: Bench) -> None:
    get_node = registry_function("get_node")

    assert get_node(bench, node="stg_orders")["unique_id"] == "model.shop.stg_orders"
    assert get_node(bench, node="model.shop.orders")["tests"] == ["test.shop.unique_orders"]
    with pytest.raises(ToolError, match="no node"):
        get_node(bench, node="orders")  # the source's and the model's


def test_lineage_counts_edges(bench: Bench) -> None:
    down = registry_function("lineage_downstream")(bench, node=ORDERS)
    near = registry_function("lineage_downstream")(bench, node=ORDERS, depth=1)
    up = registry_function("lineage_upstream")(bench, node="model.shop.orders")

    assert down["nodes"] == {
        "1": ["model.shop.stg_orders"],
        "2": ["model.shop.orders"],
        "3": ["test.shop.unique_orders"],
    }
    assert near["total"] == 1
    assert up["nodes"] == {"1": ["model.shop.stg_orders"], "2": [ORDERS]}


def test_the_catalog_is_searched_by_all_words(bench: Bench) -> None:
    search = registry_function("catalog_search")

    assert [m["node"] for m in search(bench, text="all orders")["matches"]] == ["model.shop.orders"]
    assert search(bench, text="nothing like it")["total"] == 0


def test_read_file_shows_the_proposal(bench: Bench) -> None:
    read_file = registry_function("read_file")
    path = "models/stg_orders.sql"
    registry_function("edit_file")(bench, path=path, edits=[{"old": "amount", "new": "total"}])

    assert "total" in read_file(bench, path=path)["text"]


@pytest.mark.parametrize(
    "path", ["profiles.yml", "../x.sql", "/etc/passwd", "target/manifest.json"]
)
def test_read_file_stays_inside(bench: Bench, path: str) -> None:
    with pytest.raises(ToolError):
        registry_function("read_file")(bench, path=path)


def test_search_code_finds_lines_but_no_credentials(bench: Bench) -> None:
    search = registry_function("search_code")

    hit = search(bench, pattern="/source\\(.*orders/")["matches"][0]
    assert (hit["path"], hit["line"]) == ("models/stg_orders.sql", 4)
    assert search(bench, pattern="hidden")["total"] == 0
    with pytest.raises(ToolError, match="regular expression"):
        search(bench, pattern="/(/")


def test_history_without_a_repository_says_so(bench: Bench) -> None:
    assert registry_function("recent_changes")(bench)["repository"] is False


def test_sql_without_a_judge_is_not_run(bench: Bench) -> None:
    with pytest.raises(ToolError, match="judged"):
        registry_function("run_sql")(bench, sql="select 1")


def test_building_needs_a_workspace(bench: Bench) -> None:
    with pytest.raises(ToolError, match="built"):
        registry_function("dbt_build")(bench, select=["stg_orders"])


def test_a_fix_needs_an_edit(bench: Bench) -> None:
    submit = registry_function("submit_report")
    finding = {
        "cls": "src_column_renamed",
        "root_cause": {"node": ORDERS, "column": "amount", "observed": "total"},
        "confidence": 0.9,
        "summary": "amount is total now.",
    }

    with pytest.raises(ToolError, match="nothing was edited"):
        submit(bench, finding=finding, decision="fix", title="fix")
    submit(bench, finding=finding, decision="escalate", title="ask", next_step="Ask them.")

    stored = bench.report
    assert stored is not None
    assert stored.finding.lineage == (ORDERS, "model.shop.stg_orders")
    assert stored.finding.affected == ("model.shop.orders", "model.shop.stg_orders")
    assert stored.finding.owner == "vendor@example.com"
    assert stored.finding.next_step == "Ask them."
    assert bench.proposal() is None


def test_only_a_request_ends_without_a_finding(bench: Bench) -> None:
    submit = registry_function("submit_report")

    with pytest.raises(ToolError, match="a finding is missing"):
        submit(bench, decision="escalate", title="ask")
    asked = dataclasses.replace(
        bench, incident=replace(bench.incident, kind="request", request="document orders")
    )
    submit(asked, decision="escalate", title="ask", next_step="Say which columns.")

    assert asked.report is not None
    assert asked.report.finding is None
    assert asked.report.next_step == "Say which columns."
