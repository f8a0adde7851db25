"""`agentic lineage` on a manifest without a warehouse: text, JSON, Mermaid, HTML, errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agentic.cli.lineage import command
from agentic.exceptions import ArtifactError, SelectorError
from agentic.lineage import drawing

GOLDEN = Path(__file__).parents[2] / "golden" / "lineage"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "orchard"
    (root / "target").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(GOLDEN / "orchard" / name, root)
    shutil.copy(GOLDEN / "manifest.json", root / "target")
    return root


def run(project: Path, *args: str) -> Any:
    return CliRunner().invoke(command, [*args, "--project-dir", str(project)])


def lines(project: Path, *args: str) -> list[dict[str, Any]]:
    result = run(project, *args, "--output", "json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_text_is_a_tree_with_parents_above(project: Path) -> None:
    result = run(project, "stg_prices+", "resource_type:test,nobody")

    assert result.stdout.splitlines()[:3] == [
        "stg_prices",
        "└── income  [2 tests]",
        "    ├── income_daily",
    ]
    assert "the selection criterion 'nobody' does not match any enabled nodes" in result.stderr


def test_a_single_node_is_drawn_with_its_neighbours(project: Path) -> None:
    result = run(project, "income")

    assert result.stdout.splitlines()[:6] == [
        "income  models/marts/finance/income.sql",
        "├── parents",
        "│   ├── stg_picks",
        "│   ├── stg_prices",
        "│   └── stg_trees",
        "├── children",
    ]
    chart = run(project, "income", "--output", "mermaid").stdout
    assert "stg_picks" in chart
    assert "income_daily" in chart


def test_nothing_selected_is_said_and_is_no_failure(project: Path) -> None:
    result = run(project, "+nope")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "the selection criterion '+nope' does not match any enabled nodes" in result.stderr
    assert "No nodes selected!" in result.stderr


def test_dbt_s_selection_flags(project: Path) -> None:
    found = lines(project, "-s", "+income", "--exclude", "source:* resource_type:test")
    alone = lines(project, "income", "--indirect-selection", "empty")

    assert {line["node"].split(".")[0] for line in found} == {"model"}
    assert [line["node"] for line in alone] == ["model.orchard.income"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--since", "HEAD"], "--since goes with --impact alone"),
        (["--impact", "stg_picks.kilos", "--since", "HEAD"], "--since goes with --impact alone"),
        (["--impact", "stg_picks.kilos", "--columns"], "exclude each other"),
        (["income", "--selector", "x"], "--selector excludes SELECT"),
    ],
)
def test_options_that_do_not_go_together(project: Path, args: list[str], message: str) -> None:
    result = run(project, *args)

    assert result.exit_code == 2
    assert message in result.stderr


def test_state_without_a_folder_says_what_to_give(project: Path) -> None:
    result = run(project, "state:modified")

    assert isinstance(result.exception, SelectorError)
    assert "--state" in str(result.exception.hint)


def test_json_is_a_line_a_node(project: Path) -> None:
    found = {line["node"]: line for line in lines(project, "income", "stg_trees")}

    assert found["model.orchard.income"]["parents"] == [
        "model.orchard.stg_picks",
        "model.orchard.stg_prices",
        "model.orchard.stg_trees",
    ]
    assert "exposure.orchard.harvest_board" not in found


def test_json_columns_are_as_the_contract_says(project: Path) -> None:
    found = {(line["node"], line["column"]): line for line in lines(project, "income", "--columns")}

    income = found["model.orchard.income", "income"]
    assert income["kind"] == "aggregated"
    assert income["upstream"][0] == {
        "node": "model.orchard.stg_picks",
        "column": "kilos",
        "kind": "aggregated",
        "expression": "SUM(p.kilos * r.price)",
    }
    assert {edge["kind"] for edge in income["upstream"]} == {"aggregated", "join", "filter"}
    grouped = next(edge for edge in income["upstream"] if edge["kind"] == "filter")
    assert (grouped["column"], grouped["expression"]) == ("picked_on", "GROUP BY")
    assert found["model.orchard.income", "picked_on"]["kind"] == "unchanged"


def test_impact_names_what_breaks(project: Path) -> None:
    (found,) = lines(project, "--impact", "stg_picks.kilos")
    text = run(project, "--impact", "farm.picks.kilos").stdout

    assert (found["verdict"], found["complete"]) == ("breaking", True)
    assert found["readers"] == ["model.orchard.income", "model.orchard.tree_kilos"]
    assert "exposure.orchard.harvest_board" in found["exposures"]
    assert text.startswith("source:farm.picks.kilos: breaking\nread by: stg_picks\n")


def test_mermaid_and_html_need_nothing_else(project: Path) -> None:
    chart = run(project, "stg_prices+1", "--output", "mermaid").stdout.splitlines()
    columns = run(project, "income", "--columns", "--output", "mermaid").stdout
    page = run(project, "--output", "html").stdout

    assert chart[0] == "flowchart LR"
    assert any(" --> " in line for line in chart)
    assert "-->|aggregated|" in columns
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_columns_of_one_node_are_drawn_with_what_they_are_made_of(project: Path) -> None:
    page = run(project, "income", "--columns", "--output", "html").stdout

    assert page.count("<path ") == 3
    assert page.count(" to income.") == 3
    assert page.count(": aggregated</title>") == 2
    assert ">stg_prices<" in page


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["tags:gold"], "'tags' is not a selector method"),
        (["--impact", "income"], "is not NODE.COLUMN"),
        (["--impact", "nobody.x"], "is not NODE.COLUMN"),
        (["--impact", "trees.tree_id"], "'trees' names 3 nodes"),
        (["--impact", "income.zzz"], "has no column 'zzz'"),
    ],
)
def test_mistakes_say_what_to_do(project: Path, args: list[str], message: str) -> None:
    result = run(project, *args)

    assert isinstance(result.exception, SelectorError)
    assert message in result.exception.message
    assert result.exception.hint


def test_a_missing_manifest_is_said(project: Path) -> None:
    (project / "target" / "manifest.json").unlink()

    assert isinstance(run(project).exception, ArtifactError)


def test_labels_are_what_people_say() -> None:
    assert [
        drawing.label(uid)
        for uid in (
            "model.p.a",
            "source.p.shop.orders",
            "test.p.unique_a_id.0a1b2c",
            "test.p.singular",
            "exposure.p.board",
        )
    ] == ["a", "source:shop.orders", "test:unique_a_id", "test:singular", "exposure:board"]
