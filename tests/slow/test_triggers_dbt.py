"""Incidents of a project that real dbt cannot parse, or whose artifacts are not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agentic.exceptions import DbtError, ProjectError
from agentic.lineage import Graph
from agentic.project import Project, find_dbt, find_project
from agentic.records import Incident
from agentic.triggers import collect, examine

pytestmark = pytest.mark.slow

ARTIFACTS = Path(__file__).parents[1] / "fixtures" / "artifacts"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The library as its last green build left it: manifest and results older than its files."""
    root = tmp_path / "library"
    shutil.copytree(ARTIFACTS / "library", root, ignore=shutil.ignore_patterns("newer"))
    shutil.copy(ARTIFACTS / "library/newer/unit_tests.yml", root / "models/marts")
    found = find_project(root, environ={})
    found.target_path.mkdir()
    for name in ("manifest", "run_results"):
        file = found.target_path / f"{name}.json"
        shutil.copy(ARTIFACTS / "dbt_1.11" / f"{name}.json", file)
    for path in (*root.rglob("*"), root):
        os.utime(path, (1000, 1000))
    os.utime(found.manifest_path, (2000, 2000))
    return found


def incidents(project: Project) -> tuple[Incident, ...]:
    return collect(project, dbt=find_dbt(), graph_of=Graph)


def edit(project: Project, path: str, old: str, new: str) -> None:
    file = project.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("path", "old", "new", "node", "words"),
    [
        pytest.param(
            "models/marts/loans.sql",
            "ref('stg_loans')",
            "ref('stg_loanz')",
            "model.library.loans",
            "'stg_loanz' which was not found",
            id="ref",
        ),
        pytest.param(
            "models/staging/stg_loans.sql",
            "'loans'",
            "'loanz'",
            "model.library.stg_loans",
            "desk.loanz",
            id="source",
        ),
        pytest.param(
            "models/marts/loans.sql",
            "{{ days_between(",
            "{{ days_between((",
            "model.library.loans",
            "unexpected '}'",
            id="jinja",
        ),
        pytest.param(
            "models/marts/marts.yml",
            "  - name: member_activity",
            "   - name: member_activity",
            "",
            "Syntax error near line",
            id="yaml",
        ),
        pytest.param(
            "models/staging/stg_loans.sql",
            "config(",
            "config(enabled=false, ",
            "",
            "which is disabled",
            id="disabled",
        ),
        pytest.param("macros/days.sql", "{% endmacro %}", "", "", "close tag", id="macro"),
    ],
)
def test_a_project_that_does_not_parse(
    project: Project, path: str, old: str, new: str, node: str, words: str
) -> None:
    edit(project, path, old, new)
    made = project.manifest_path.read_bytes()

    (incident,) = incidents(project)

    assert (incident.kind, words in incident.message) == ("parse_error", True)
    if path.endswith("stg_loans.sql") and "disabled" in words:
        # the node that refers to it is the one dbt names
        assert incident.node.startswith(("model.library.", "test.library.", "unit_test.library."))
    else:
        assert (incident.signals[0].path, incident.node) == (path, node)
    assert project.manifest_path.read_bytes() == made


def test_changed_files_that_parse_leave_the_last_results_as_they_are(project: Project) -> None:
    edit(project, "models/marts/loans.sql", "select", "select -- a comment")

    found = examine(project, dbt=find_dbt(), graph_of=Graph)

    assert found.incidents == ()
    assert found.manifest is not None
    assert "-- a comment" in found.manifest.nodes["model.library.loans"].raw_code
    assert "models/marts/loans.sql" in found.changed


@pytest.mark.parametrize("damage", ["missing", "truncated", "older"])
def test_a_manifest_that_cannot_be_used_is_made_again_elsewhere(
    project: Project, damage: str
) -> None:
    path = project.manifest_path
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.write_text(path.read_text().replace("manifest/v12.json", "manifest/v9.json"))
    shutil.copy(ARTIFACTS / "dbt_1.11" / "red_renamed.json", project.run_results_path)

    (incident,) = incidents(project)

    assert (incident.kind, incident.node) == ("run_error", "model.library.stg_loans")


def test_nothing_was_ever_built(project: Project) -> None:
    shutil.rmtree(project.target_path)

    with pytest.raises(ProjectError, match=r"no run_results\.json") as caught:
        incidents(project)

    assert "dbt build" in caught.value.hint
    assert not project.target_path.exists()


def test_a_cycle_stops_the_build_and_is_found(project: Project) -> None:
    edit(project, "models/staging/stg_loans.sql", "from", "from {{ ref('loans') }},")

    (incident,) = incidents(project)

    assert (incident.kind, incident.node) == ("compile_error", "model.library.stg_loans")
    assert "model.library.loans" in incident.message


def test_missing_packages_are_no_incident(project: Project) -> None:
    text = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.1\n"
    (project.root / "packages.yml").write_text(text)

    with pytest.raises(DbtError) as caught:
        incidents(project)

    assert "dbt deps" in caught.value.hint
