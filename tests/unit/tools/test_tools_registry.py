"""The register of tools: what a signature becomes, and what its input may be."""

from __future__ import annotations

import msgspec
import pytest

from agentic.exceptions import AgenticError
from agentic.tools import Bench, check_input, registry, registry_function, tool, toolsets


def test_a_signature_becomes_a_closed_schema() -> None:
    schema = registry()["edit_file"].input_schema

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["path", "edits"]
    assert schema["properties"]["edits"]["items"]["required"] == ["old", "new"]
    assert "$ref" not in msgspec.json.encode(schema).decode()


def test_every_tool_says_what_it_does_and_what_it_touches() -> None:
    for name, spec in registry().items():
        assert spec.name == name
        assert len(spec.description) > 20
        assert spec.timeout_s > 0
        assert spec.effect in ("read", "workspace", "external")


def test_toolsets_hold_what_the_configuration_promises() -> None:
    found = toolsets()

    assert found["context"] == (
        "catalog_search",
        "column_lineage",
        "compare_profiles",
        "freshness",
        "get_node",
        "get_schema",
        "get_table_freshness",
        "impact",
        "lineage_downstream",
        "lineage_upstream",
        "partition_state",
        "profile_column",
        "query_metrics",
        "read_file",
        "recent_changes",
        "run_history",
        "search_code",
        "search_logs",
        "system_map",
    )
    assert found["sql"] == ("explain_query", "query_history", "run_sql")
    assert found["dbt"] == (
        "dbt_build",
        "dbt_compile",
        "dbt_show",
        "dbt_source_freshness",
        "dbt_test",
    )
    assert found["edits"] == (
        "create_model",
        "create_table",
        "edit_file",
        "propose_ddl",
        "rename_column",
        "write_test",
    )
    assert found["report"] == (
        "create_remediation_plan",
        "diagnose",
        "scratchpad",
        "submit_report",
    )


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param("edit_file", {"path": "a.sql"}, id="missing"),
        pytest.param("edit_file", {"path": 1, "edits": []}, id="type"),
        pytest.param("read_file", {"path": "a.sql", "mode": "w"}, id="unknown"),
        pytest.param("run_sql", {"sql": "select 1", "max_rows": 10_000}, id="range"),
        pytest.param("no_such_tool", {}, id="tool"),
    ],
)
def test_input_that_does_not_fit_is_refused(name: str, given: dict[str, object]) -> None:
    with pytest.raises(AgenticError) as caught:
        check_input(name, given)

    assert caught.value.code == "AC590"


def test_defaults_are_filled_in() -> None:
    assert check_input("run_sql", {"sql": "select 1"})["max_rows"] == 50


def test_the_decorator_returns_the_function_and_refuses_a_second_of_its_name() -> None:
    def get_node(bench: Bench, *, node: str) -> dict[str, object]:
        """One node."""
        return {}

    with pytest.raises(ValueError, match="twice"):
        tool(toolset="context", effect="read")(get_node)


def test_a_tool_without_a_docstring_is_refused() -> None:
    def nameless(bench: Bench) -> dict[str, object]:
        return {}

    with pytest.raises(ValueError, match="docstring"):
        tool(toolset="context", effect="read")(nameless)


def test_an_unknown_tool_is_named() -> None:
    with pytest.raises(AgenticError, match="no_such_tool"):
        registry_function("no_such_tool")
