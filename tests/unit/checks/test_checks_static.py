"""The static checks: what they say of a proposal, on a small project in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentic.checks import Subject
from agentic.checks import tests_kept as kept_tests
from agentic.checks.columns import output_columns
from agentic.checks.limits import blast_radius
from agentic.checks.policy import change_policy
from agentic.checks.sql_parses import sql_parses
from agentic.lineage import Graph
from agentic.project import Manifest, Project
from agentic.records import CompiledGuardrails, Edit, Limits, Proposal, Rule

WORLD: dict[str, str] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "change_world.json").read_text()
)
FACT, STAGING, SCHEMA = (
    "models/marts/fct_orders.sql",
    "models/staging/stg_orders.sql",
    "models/marts/schema.yml",
)


def node(name: str, path: str, parents: list[str], **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.shop.{name}",
        "name": name,
        "resource_type": "model",
        "package_name": "shop",
        "original_file_path": path,
        "depends_on": {"nodes": parents, "macros": []},
        **more,
    }


def generic(config: dict[str, Any], kwargs: dict[str, Any] | None = None) -> dict[str, Any]:
    uid = "test.shop.not_null_fct_orders_order_id.1"
    words = {"column_name": "order_id", **(kwargs or {})}
    return {
        "unique_id": uid,
        "name": "not_null_fct_orders_order_id",
        "resource_type": "test",
        "package_name": "shop",
        "original_file_path": SCHEMA,
        "attached_node": "model.shop.fct_orders",
        "test_metadata": {"name": "not_null", "kwargs": words},
        "config": config,
    }


def manifest(*tests: dict[str, Any]) -> Manifest:
    models = [
        node("stg_orders", STAGING, []),
        node("fct_orders", FACT, ["model.shop.stg_orders"]),
    ]
    return msgspec.convert(
        {
            "metadata": {"project_name": "shop"},
            "nodes": {one["unique_id"]: one for one in (*models, *tests)},
            "parent_map": {"model.shop.fct_orders": ["model.shop.stg_orders"]},
            "child_map": {"model.shop.stg_orders": ["model.shop.fct_orders"]},
        },
        Manifest,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for path, text in WORLD.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Project(
        root=tmp_path,
        name="shop",
        profile="shop",
        target_path=tmp_path / "target",
        packages_path=tmp_path / "dbt_packages",
    )


def subject(project: Project, edits: dict[str, str | None], **rails: Any) -> Subject:
    baseline = manifest()
    rules = CompiledGuardrails(change_allow=(Rule("path:models", paths=("models",)),), **rails)
    return Subject(
        proposal=Proposal(
            title="t",
            edits=tuple(Edit(path, WORLD.get(path), text) for path, text in edits.items()),
        ),
        project=project,
        manifest=baseline,
        graph=Graph(baseline),
        dialect="duckdb",
        guardrails=rules,
    )


def test_a_rename_that_keeps_output_names_passes_everything(project: Project) -> None:
    text = WORLD[STAGING].replace("    amount,", "    amount_usd as amount,")

    one = subject(project, {STAGING: text})

    checks = (sql_parses, change_policy, output_columns, kept_tests.tests_kept, blast_radius)
    assert [check(one).result for check in checks] == ["pass"] * 5


def test_sql_with_a_second_statement_fails(project: Project) -> None:
    result = sql_parses(subject(project, {FACT: "select 1 as order_id; drop table x"}))

    assert result.result == "fail"
    assert result.table[0]["path"] == FACT


def test_a_filter_warns_and_a_hook_fails(project: Project) -> None:
    masked = WORLD[FACT].rstrip() + " where amount is not null\n"
    hooked = "{{ config(post_hook='drop table x') }}" + WORLD[FACT]

    assert change_policy(subject(project, {FACT: masked})).result == "warn"
    assert change_policy(subject(project, {FACT: hooked})).result == "fail"


def test_a_column_that_a_child_reads_fails_and_names_the_child(project: Project) -> None:
    text = WORLD[STAGING].replace("    amount,\n", "")

    result = output_columns(subject(project, {STAGING: text}))

    assert result.result == "fail"
    assert "fct_orders" in result.detail
    assert result.table[0]["column"] == "amount"


def test_columns_that_are_added_pass_and_dropped_ones_without_readers_warn(
    project: Project,
) -> None:
    more = WORLD[STAGING].replace("    order_ts\n", "    order_ts,\n    loaded_at\n")
    less = WORLD[STAGING].replace("    status,\n", "")

    added = output_columns(subject(project, {STAGING: more}))
    dropped = output_columns(subject(project, {STAGING: less}))

    assert (added.result, added.table[0]["change"]) == ("pass", "added")
    assert (dropped.result, dropped.table[0]["change"]) == ("warn", "removed")


def test_a_column_with_another_cast_is_retyped(project: Project) -> None:
    text = WORLD[STAGING].replace("    amount,", "    cast(amount as decimal(18, 2)) as amount,")

    result = output_columns(subject(project, {STAGING: text}))

    assert result.result == "warn"
    assert "DECIMAL(18, 2)" in str(result.table[0]["change"])


def test_a_test_that_goes_fails(project: Project) -> None:
    text = WORLD[SCHEMA].replace("[not_null, unique]", "[not_null]")

    assert kept_tests.tests_kept(subject(project, {SCHEMA: text})).result == "fail"


def test_too_many_nodes_fail(project: Project) -> None:
    edits: dict[str, str | None] = {STAGING: WORLD[STAGING] + "-- note\n"}

    fine = blast_radius(subject(project, edits))
    wide = blast_radius(subject(project, edits, limits=Limits(nodes_downstream=0)))

    assert (fine.result, fine.detail) == ("pass", "1 changed, 1 downstream")
    assert wide.result == "fail"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        pytest.param({"severity": "warn"}, "severity", id="severity"),
        pytest.param({"where": "1=0"}, "where", id="where"),
        pytest.param({"enabled": False}, "enabled", id="enabled"),
        pytest.param({"limit": 1}, "limit", id="limit"),
    ],
)
def test_a_test_that_dbt_makes_weaker_is_found(config: dict[str, Any], reason: str) -> None:
    plain = {"severity": "ERROR", "error_if": "!= 0", "warn_if": "!= 0", "fail_calc": "count(*)"}
    before, after = manifest(generic(plain)), manifest(generic({**plain, **config}))

    found = list(
        kept_tests.lost_tests(
            kept_tests.tests_of(before), kept_tests.tests_of(after), nodes=set(after.all)
        )
    )

    assert len(found) == 1
    assert reason in str(found[0]["reason"])


def test_a_test_that_dbt_no_longer_has_is_found_unless_its_node_is_gone() -> None:
    before, after = manifest(generic({})), manifest()

    kept = list(
        kept_tests.lost_tests(
            kept_tests.tests_of(before), kept_tests.tests_of(after), nodes=set(after.all)
        )
    )
    gone = list(
        kept_tests.lost_tests(kept_tests.tests_of(before), kept_tests.tests_of(after), nodes=set())
    )

    assert [row["reason"] for row in kept] == ["the test is gone"]
    assert gone == []
