"""Artifacts of real dbt versions, and what is said of files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentic.exceptions import ArtifactError
from agentic.project import (
    load_catalog,
    load_freshness,
    load_manifest,
    load_run_results,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "artifacts"
VERSIONS = ["1.7", "1.8", "1.9", "1.10", "1.11", "1.12"]


def artifact(version: str, name: str) -> Path:
    return FIXTURES / f"dbt_{version}" / f"{name}.json"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_manifest_of_every_version_is_read(version: str) -> None:
    manifest = load_manifest(artifact(version, "manifest"))
    loans = manifest.nodes["model.library.loans"]
    source = manifest.sources["source.library.desk.loans"]

    assert manifest.metadata.dbt_version.startswith(version + ".")
    assert manifest.metadata.schema_number == (11 if version == "1.7" else 12)
    assert loans.depends_on_nodes == ["model.library.stg_loans", "seed.library.genres"]
    assert loans.depends_on_macros == ["macro.library.days_between"]
    assert loans.contract_enforced
    assert loans.meta == {"agentic": {"change": "deny"}}
    assert loans.tags == ["mart"]
    assert loans.columns["days_lent"].data_type == "bigint"
    assert (source.alias, source.schema, source.loaded_at_field) == (
        "loan_rows",
        "raw",
        "loaded_at",
    )
    assert manifest.sources["source.library.desk.members"].columns["email"].tags == ["pii"]
    assert manifest.nodes["model.library.stg_members"].columns["email"].meta == {
        "why": "an address"
    }
    assert manifest.disabled is not None
    assert list(manifest.disabled) == ["model.library.unused"]
    assert "{% macro days_between" in manifest.macros["macro.library.days_between"].macro_sql
    assert set(manifest.unit_tests) == (
        set() if version == "1.7" else {"unit_test.library.loans.a_loan_counts_its_days"}
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_results_catalog_and_freshness_of_every_version_are_read(version: str) -> None:
    green = load_run_results(artifact(version, "run_results"))
    red = load_run_results(artifact(version, "red_renamed"))
    catalog = load_catalog(artifact(version, "catalog"))
    freshness = load_freshness(artifact(version, "sources"))

    assert (green.which, green.building) == ("build", True)
    assert {result.status for result in green.results} <= {"success", "pass", "no-op"}
    assert red.by_id["model.library.stg_loans"].status == "error"
    assert "genre_id" in (red.by_id["model.library.stg_loans"].message or "")
    assert [c.name for c in catalog.all["source.library.desk.loans"].columns.values()] == [
        "loan_id",
        "member_id",
        "genre_id",
        "lent_on",
        "returned_on",
        "loaded_at",
    ]
    assert (freshness.results[0].unique_id, freshness.results[0].status) == (
        "source.library.desk.loans",
        "error",
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_docs_are_no_build(version: str) -> None:
    assert not load_run_results(artifact(version, "run_results_docs")).building


def test_owners_come_from_meta_source_group_exposure_and_the_tested_node() -> None:
    manifest = load_manifest(artifact("1.11", "manifest"))

    assert manifest.owner_of("model.library.member_activity") == "Ann <ann@library.example>"
    assert manifest.owner_of("source.library.desk.loans") == "desk@library.example"
    assert manifest.owner_of("model.library.loans") == "Lending team <lending@library.example>"
    assert (
        manifest.owner_of("exposure.library.lending_board")
        == "Head librarian <head@library.example>"
    )
    assert (
        manifest.owner_of("unit_test.library.loans.a_loan_counts_its_days")
        == "Lending team <lending@library.example>"
    )
    assert manifest.owner_of("model.library.stg_loans") == ""
    assert manifest.owner_of("model.library.nowhere") == ""


def test_tests_of_a_node() -> None:
    manifest = load_manifest(artifact("1.11", "manifest"))

    assert [uid.split(".")[2] for uid in manifest.tests_of("model.library.loans")] == [
        "accepted_values_loans_genre__novel__poetry__history",
        "no_loan_is_too_long",
        "loans",
    ]


def test_batches_of_a_microbatch_node_are_read() -> None:
    results = load_run_results(artifact("1.11", "red_batches"))
    batches = results.by_id["model.library.daily_loans"].batch_results

    assert batches is not None
    assert len(batches.successful) == 2
    assert batches.failed == [["2026-02-02T00:00:00+00:00", "2026-02-03T00:00:00+00:00"]]


def refusal(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load_manifest(path)
    assert caught.value.where == str(path)
    assert "dbt parse" in caught.value.hint
    return caught.value.message


def test_a_missing_manifest(tmp_path: Path) -> None:
    assert refusal(tmp_path / "manifest.json") == "no manifest.json here"


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["", "  \n"])
def test_an_empty_manifest(tmp_path: Path, content: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content)

    assert refusal(path) == "manifest.json is empty"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_truncated_manifest(tmp_path: Path, share: float) -> None:
    whole = artifact("1.11", "manifest").read_bytes().rstrip()
    path = tmp_path / "manifest.json"
    path.write_bytes(whole[: int(len(whole) * share)])

    assert "is cut off after" in refusal(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("[]", "not a dbt manifest", id="list"),
        pytest.param('{"nodes": {}}', "not a dbt manifest", id="no-metadata"),
        pytest.param('{"metadata": {"dbt_schema_version": "x"}, "nodes": {}}', "'x'", id="foreign"),
        pytest.param("nodes: {}", "is not JSON", id="yaml"),
        pytest.param(b"\xff\xfe\x00{", "is not JSON", id="bytes"),
        pytest.param("[" * 100_000, "", id="deep"),
    ],
)
def test_a_foreign_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    assert message in refusal(path)


@pytest.mark.parametrize(("number", "age"), [(4, "an older"), (10, "an older"), (20, "a newer")])
def test_another_schema_version(tmp_path: Path, number: int, age: str) -> None:
    found = json.loads(artifact("1.11", "manifest").read_text())
    found["metadata"]["dbt_schema_version"] = (
        f"https://schemas.getdbt.com/dbt/manifest/v{number}.json"
    )
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(found))

    assert f"manifest v{number} was made by {age} dbt" in refusal(path)


def test_an_older_version_with_other_shapes_is_named_not_called_damaged(tmp_path: Path) -> None:
    head = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v3.json"}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"metadata": head, "nodes": ["of old"]}))

    assert "manifest v3 was made by an older dbt" in refusal(path)


def test_a_macro_that_dbt_did_not_find_is_left_out(tmp_path: Path) -> None:
    """dbt writes null for the test of a package that is not installed, and parses all the same."""
    found = json.loads(artifact("1.11", "manifest").read_text())
    found["nodes"]["model.library.loans"]["depends_on"]["macros"].insert(0, None)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(found))

    loans = load_manifest(path).nodes["model.library.loans"]

    assert loans.depends_on_macros == ["macro.library.days_between"]


def test_a_damaged_manifest_says_where(tmp_path: Path) -> None:
    found = json.loads(artifact("1.11", "manifest").read_text())
    found["nodes"]["model.library.loans"]["tags"] = 7
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(found))

    assert "$.nodes[...].tags" in refusal(path)


def test_one_artifact_in_the_place_of_another() -> None:
    with pytest.raises(ArtifactError, match="not a dbt run-results"):
        load_run_results(artifact("1.11", "sources"))
