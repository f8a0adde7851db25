"""Guardrails compiled on a small lineage."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.compiler import path_matches
from agentic.records import CompiledGuardrails, Rule
from tests.support.shop import check_shop


def compiled(root: Path, text: str | None = None, **more: object) -> CompiledGuardrails:
    if text is not None:
        (root / "guardrails.yml").write_text("version: 1\n" + text)
    _, checked, issues = check_shop(root, **more)  # type: ignore[arg-type]
    assert issues == ()
    return checked.compiled.guardrails


def only(rules: tuple[Rule, ...]) -> Rule:
    (rule,) = rules
    return rule


def test_without_a_file_everything_asks_and_pii_cannot_be_read(tmp_path: Path) -> None:
    rails = compiled(tmp_path)

    assert rails.change_allow == rails.change_ask == rails.change_deny == ()
    assert only(rails.read_deny).text == "tag:pii (default)"
    assert only(rails.read_deny).relations == ("dev_ana.people",)
    assert only(rails.read_deny).columns == ("dev_ana.stg_customers.email", "raw.customers.email")


def test_a_mask_replaces_the_default_denial(tmp_path: Path) -> None:
    rails = compiled(tmp_path, 'read: {mask: ["tag:pii"]}\n')

    assert rails.read_deny == ()
    # people is tagged and marks no column: all of it; stg_customers marks the one it means.
    assert only(rails.read_mask).relations == ("dev_ana.people",)
    assert only(rails.read_mask).columns == ("dev_ana.stg_customers.email", "raw.customers.email")
    assert rails.pii_columns == (
        "model.shop.stg_customers.email",
        "source.shop.raw.customers.email",
    )


def test_a_mask_of_some_columns_leaves_the_others_denied(tmp_path: Path) -> None:
    rails = compiled(tmp_path, 'read: {mask: ["column:raw.*.Email", "relation:dev_ana.people"]}\n')

    assert only(rails.read_deny).columns == ("dev_ana.stg_customers.email",)


def test_an_explicit_denial_of_a_tag_is_of_the_whole_relation(tmp_path: Path) -> None:
    rails = compiled(tmp_path, 'read: {deny: ["tag:pii"], mask: ["tag:pii"]}\n')

    assert only(rails.read_deny).relations == ("dev_ana.people", "dev_ana.stg_customers")


def test_selections_become_nodes_files_and_relations(tmp_path: Path) -> None:
    rails = compiled(tmp_path, 'change: {ask: ["tag:gold"], deny: ["source:*"]}\n')

    assert only(rails.change_ask) == Rule(
        text="tag:gold",
        nodes=("model.shop.orders",),
        paths=("models/marts/orders.sql",),
        relations=("dev_ana.orders",),
    )
    # A test that reads a source is not the source.
    assert only(rails.change_deny).nodes == (
        "source.shop.raw.customers",
        "source.shop.raw.orders",
    )
    assert only(rails.change_deny).paths == ()


def test_a_path_is_a_folder_and_what_lies_in_it(tmp_path: Path) -> None:
    rails = compiled(tmp_path, 'change: {allow: ["path:models/staging/"]}\n')

    rule = only(rails.change_allow)
    assert rule.paths == ("models/staging",)
    assert "model.shop.stg_orders" in rule.nodes
    assert "model.shop.orders" not in rule.nodes


@pytest.mark.parametrize("verb", ["ask", "deny"])
def test_a_node_can_tighten(tmp_path: Path, verb: str) -> None:
    meta = {"model.shop.orders": {"agentic": {"change": verb, "owner": "sales-data"}}}

    rails = compiled(tmp_path, meta=meta)

    rule = only(getattr(rails, f"change_{verb}"))
    assert rule.nodes == ("model.shop.orders",)
    assert rails.nodes[0].owner == "sales-data"


def test_production_is_every_target_but_the_build_target(tmp_path: Path) -> None:
    rails = compiled(tmp_path, "build: {target: ci}\n")

    assert rails.build_target == "ci"
    assert rails.production_targets == ("dev", "prod")


def test_one_target_builds_beside_itself_and_has_no_production(tmp_path: Path) -> None:
    rails = compiled(tmp_path, targets=("dev",))

    assert rails.build_target == "dev"
    assert rails.production_targets == ()
    assert rails.build_schemas == ("agentic_*",)


def test_a_build_target_may_have_a_build_schema(tmp_path: Path) -> None:
    rails = compiled(tmp_path, "build: {target: ci, schemas: [ci_shop]}\n", target="dev")

    assert rails.build_schemas == ("ci_shop",)


@pytest.mark.parametrize("schema", ["Dev_Ana", "raw", "*", "analytics"])
def test_no_build_schema_may_be_anything_else(tmp_path: Path, schema: str) -> None:
    (tmp_path / "guardrails.yml").write_text(f'version: 1\nbuild: {{schemas: ["{schema}"]}}\n')

    _, _, issues = check_shop(tmp_path)

    assert [issue.code for issue in issues] == ["AC301"]


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("models/staging/a.sql", "models/staging", True),
        ("models/staging/a.sql", "models/stag", False),
        ("models/staging/a.sql", "models/*/a.sql", True),
        ("models/staging/a.sql", "models/**", True),
        ("models/staging/a.sql", "**/a.sql", True),
        ("models", "models/staging", False),
        ("macros/x.sql", "models", False),
    ],
)
def test_path_matches(path: str, pattern: str, matches: bool) -> None:
    assert path_matches(path, pattern) is matches
