"""Incidents out of real artifacts; the manifest is new enough here, so that dbt is not needed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from agentic.exceptions import ArtifactError, DbtError, ProjectError
from agentic.lineage import Graph
from agentic.project import Dbt, Project, find_project
from agentic.records import Incident
from agentic.triggers import collect, examine

LIBRARY = Path(__file__).parents[2] / "fixtures" / "artifacts"
NO_DBT = Dbt(Path("/no/dbt/here"), "1.11.0")
LOANS = "model.library.loans"


class Left:
    """A project with what a dbt invocation left behind."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(LIBRARY / "library", root, ignore=shutil.ignore_patterns("newer"))
        self.project: Project = find_project(root, environ={})
        self.project.target_path.mkdir()

    def put(self, fixture: str, name: str, version: str = "1.11") -> Path:
        path = self.project.target_path / f"{name}.json"
        shutil.copy(LIBRARY / f"dbt_{version}" / f"{fixture}.json", path)
        return path

    def edit(self, name: str, **metadata: str) -> None:
        path = self.project.target_path / f"{name}.json"
        found = json.loads(path.read_text())
        found["metadata"].update(metadata)
        path.write_text(json.dumps(found))

    def incidents(self) -> tuple[Incident, ...]:
        # copied files would otherwise be as new as the manifest beside them
        os.utime(self.project.manifest_path, (2**33, 2**33))
        return collect(self.project, dbt=NO_DBT, graph_of=Graph)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    found = Left(tmp_path / "library")
    found.put("manifest", "manifest")
    return found


def test_a_green_build_leaves_nothing(left: Left) -> None:
    left.put("run_results", "run_results")

    assert left.incidents() == ()


@pytest.mark.parametrize("version", ["1.7", "1.8", "1.9", "1.10", "1.11", "1.12"])
def test_one_error_and_all_that_was_skipped_is_one_incident(left: Left, version: str) -> None:
    left.put("manifest", "manifest", version)
    left.put("red_renamed", "run_results", version)

    (incident,) = left.incidents()

    assert (incident.kind, incident.node) == ("run_error", "model.library.stg_loans")
    assert 'Referenced column "genre_id" not found' in incident.message
    assert {LOANS, "model.library.member_activity"} <= set(incident.skipped)
    assert "model.library.stg_members" not in incident.skipped
    assert [signal.path for signal in incident.signals] == ["models/staging/stg_loans.sql"]
    assert len(incident.fingerprint) == 10
    assert incident.id.startswith(incident.fingerprint + "-")
    assert incident.first_seen_at.endswith("Z")


def test_a_failed_test_of_a_source_is_attached_to_it(left: Left) -> None:
    left.put("red_tests", "run_results")

    (incident,) = left.incidents()

    assert incident.kind == "test_failure"
    assert incident.node.startswith("test.library.source_unique_desk_loans_loan_id.")
    assert incident.signals[0].attached == "source.library.desk.loans"
    assert incident.signals[0].failures == 2
    assert LOANS in incident.skipped


def test_a_broken_contract_has_its_own_kind(left: Left) -> None:
    left.put("red_contract", "run_results")

    (incident,) = left.incidents()

    assert (incident.kind, incident.node) == ("contract_violation", LOANS)
    assert "data type mismatch" in incident.message


def test_a_failed_unit_test_is_attached_and_has_no_colours(left: Left) -> None:
    left.put("red_unit", "run_results")

    (incident,) = left.incidents()

    assert (incident.kind, incident.signals[0].attached) == ("unit_test_failure", LOANS)
    assert "\x1b" not in incident.message
    assert "actual differs from expected" in incident.message


def test_failed_batches_are_named(left: Left) -> None:
    left.put("manifest_batches", "manifest")
    left.put("red_batches", "run_results")

    found = {incident.node: incident for incident in left.incidents()}
    batches = found["model.library.daily_loans"]

    assert "2026-02-02T00:00:00+00:00/2026-02-03T00:00:00+00:00" in batches.message


def test_a_stale_source_of_the_same_day_is_an_incident(left: Left) -> None:
    left.put("run_results", "run_results")
    left.put("sources", "sources")

    (incident,) = left.incidents()

    assert (incident.kind, incident.node) == ("source_stale", "source.library.desk.loans")
    assert "last loaded at 2026-02-10T08:00:00+00:00" in incident.message
    assert "allowed are 24 hours" in incident.message
    assert [signal.node for signal in incident.signals] == [
        "source.library.desk.loans",
        "source.library.desk.members",
    ]


def test_freshness_of_another_day_says_nothing_of_this_build(left: Left) -> None:
    left.put("run_results", "run_results")
    left.put("sources", "sources")
    left.edit("sources", generated_at="2025-01-01T00:00:00Z")

    assert left.incidents() == ()


def test_freshness_alone_is_enough(left: Left) -> None:
    left.put("sources", "sources")

    assert [incident.kind for incident in left.incidents()] == ["source_stale"]


def refusal(left: Left) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        left.incidents()
    return caught.value


def test_no_results_say_what_to_run(left: Left) -> None:
    error = refusal(left)

    assert "no run_results.json" in error.message
    assert "`dbt build` without --fail-fast" in error.hint


def test_results_of_docs_are_no_build(left: Left) -> None:
    left.put("run_results_docs", "run_results")

    error = refusal(left)

    assert error.message == "`dbt docs generate` has overwritten the results of the last build"
    assert "Run `dbt build` again" in error.hint


def log(left: Left, *invocations: tuple[str, str, str]) -> None:
    """dbt's log as dbt 1.11 writes it: (invocation, command, error)."""
    text = ""
    for invocation, command, error in invocations:
        line = "=" * 30
        text += f"\n\n{line} 18:42:18.599317 | {invocation} {line}\n"
        text += "\x1b[0m18:42:18.6 [debug] [MainThread]: running dbt with arguments {'a': '1', "
        text += f"'invocation_command': '{command}'}}\n"
        if error:
            text += f"\x1b[0m18:42:19.1 [error] [MainThread]: Encountered an error:\n{error}\n"
        text += "\x1b[0m18:42:20.1 [debug] [MainThread]: Command ended\n"
    (left.project.root / "logs").mkdir(exist_ok=True)
    (left.project.root / "logs" / "dbt.log").write_text(text)


LATER = "00000000-0000-4000-8000-000000000000"


def green(left: Left) -> str:
    """A green build is on disk; its invocation."""
    left.put("run_results", "run_results")
    found: str = json.loads(left.project.run_results_path.read_text())["metadata"]["invocation_id"]
    return found


def test_a_build_that_left_no_results_is_not_the_green_one_before_it(left: Left) -> None:
    locked = "Runtime Error\n  IO Error: Could not set lock on file"
    log(left, (green(left), "dbt build", ""), (LATER, "dbt --quiet build -s x", locked))

    error = refusal(left)

    assert "the last `dbt --quiet build -s x` ended before it wrote its results" in error.message
    assert error.message.endswith("Could not set lock on file")


def test_a_killed_build_is_not_the_green_one_before_it(left: Left) -> None:
    log(left, (green(left), "dbt build", ""), (LATER, "dbt run", ""))

    assert "may have been killed" in refusal(left).message


@pytest.mark.parametrize(
    "command",
    ["dbt --log-format-file build ls", "dbt ls", "dbt source freshness", "dbt deps", "python x.py"],
)
def test_other_commands_after_the_build_change_nothing(left: Left, command: str) -> None:
    log(left, (green(left), "dbt build", ""), (LATER, command, "Runtime Error"))

    assert left.incidents() == ()


@pytest.mark.parametrize(
    ("folder", "counts"), [("elsewhere", False), ("target", True), ("./target/", True)]
)
def test_only_builds_into_this_target_folder_count(left: Left, folder: str, counts: bool) -> None:
    command = f"dbt build', 'target_path': '{folder}"
    log(left, (green(left), "dbt build", ""), (LATER, command, ""))

    if counts:
        assert "ended before" in refusal(left).message
    else:
        assert left.incidents() == ()


def test_a_log_of_other_invocations_says_nothing(left: Left) -> None:
    green(left)
    log(left, (LATER, "dbt build", "Runtime Error"))

    assert left.incidents() == ()


def test_a_first_build_that_could_not_connect_says_why(left: Left) -> None:
    made = json.loads(left.project.manifest_path.read_text())["metadata"]["invocation_id"]
    log(left, (made, "dbt build", "Runtime Error\n  no server there"))

    assert refusal(left).message.endswith("no server there")


def test_a_selection_that_matched_nothing(left: Left) -> None:
    path = left.put("run_results", "run_results")
    found = json.loads(path.read_text())
    found["results"] = []
    path.write_text(json.dumps(found))

    assert "ran nothing" in refusal(left).message


def test_truncated_results(left: Left) -> None:
    path = left.put("run_results", "run_results")
    path.write_bytes(path.read_bytes()[:5000])

    error = refusal(left)

    assert isinstance(error, ArtifactError)
    assert "dbt build" in error.hint


def test_the_same_failure_keeps_its_fingerprint_over_invocations(left: Left) -> None:
    left.put("red_tests", "run_results")
    (before,) = left.incidents()
    path = left.project.run_results_path
    path.write_text(path.read_text().replace("Got 2 results", "Got 31 results"))
    left.edit("run_results", invocation_id="another")
    (after,) = left.incidents()

    assert after.fingerprint == before.fingerprint
    assert after.id != before.id


def test_a_node_that_left_the_project_is_still_reported(left: Left) -> None:
    path = left.put("red_renamed", "run_results")
    path.write_text(path.read_text().replace("model.library.stg_loans", "model.library.gone"))

    (incident,) = left.incidents()

    assert (incident.node, incident.signals[0].path) == ("model.library.gone", "")


def test_addresses_in_messages_are_masked(left: Left) -> None:
    path = left.put("red_renamed", "run_results")
    path.write_text(path.read_text().replace("Binder Error:", "Binder Error near ann@mail.example"))

    assert "ann@mail.example" not in left.incidents()[0].message


def test_a_cycle_is_found_without_dbt(left: Left) -> None:
    left.put("run_results", "run_results")
    path = left.project.manifest_path
    found = json.loads(path.read_text())
    found["metadata"]["invocation_id"] = "later"
    found["parent_map"]["model.library.stg_loans"].append(LOANS)
    path.write_text(json.dumps(found))

    (incident,) = left.incidents()

    assert incident.kind == "compile_error"
    assert incident.message.startswith("Found a cycle: ")
    assert incident.node in (LOANS, "model.library.stg_loans")


def broken(left: Left, reader: str, parent: str) -> Path:
    """A later invocation wrote the manifest, in which `reader` reads `parent` too."""
    left.put("run_results", "run_results")
    path = left.project.manifest_path
    found = json.loads(path.read_text())
    found["metadata"]["invocation_id"] = "later"
    found["parent_map"][reader].append(parent)
    found["nodes"][reader]["depends_on"]["nodes"].append(parent)
    path.write_text(json.dumps(found))
    return path


def test_a_cycle_lies_at_the_reader_that_its_last_build_knew_without_it(left: Left) -> None:
    path = broken(left, "model.library.stg_loans", LOANS)
    staging = json.loads(path.read_text())["nodes"]["model.library.stg_loans"]

    (incident,) = left.incidents()

    assert incident.node == "model.library.stg_loans"
    assert incident.signals[0].path == staging["original_file_path"]
    assert f"did not read {LOANS}." in incident.message
    assert "reads no more" not in incident.message


def test_a_reader_of_a_disabled_node_is_an_incident_though_dbt_wrote_the_manifest(
    left: Left,
) -> None:
    path = broken(left, LOANS, "model.library.off")
    found = json.loads(path.read_text())
    off = {**found["nodes"]["model.library.stg_loans"], "unique_id": "model.library.off"}
    found["disabled"] = {"model.library.off": [{**off, "name": "off"}]}
    path.write_text(json.dumps(found))

    (incident,) = left.incidents()

    assert (incident.kind, incident.node) == ("parse_error", LOANS)
    assert "depends on a node named 'off' which is disabled" in incident.message


def test_a_build_that_its_own_code_stopped_is_an_incident(left: Left) -> None:
    said = f"Compilation Error\n  '{LOANS}' depends on 'model.library.x' which is not in the graph!"
    log(left, (green(left), "dbt build", ""), (LATER, "dbt --log-format-file debug build", said))

    (incident,) = left.incidents()

    assert (incident.kind, incident.node) == ("compile_error", LOANS)
    assert "not in the graph" in incident.message


def test_a_build_without_its_packages_is_no_incident(left: Left) -> None:
    said = "Compilation Error\n  dbt found 1 package(s) specified in packages.yml. Run dbt deps"
    log(left, (green(left), "dbt build", ""), (LATER, "dbt build", said))

    with pytest.raises(DbtError, match="dbt cannot start here"):
        left.incidents()


def test_examine_hands_out_the_manifest_it_used(left: Left) -> None:
    left.put("red_renamed", "run_results")
    os.utime(left.project.manifest_path, (2**33, 2**33))

    found = examine(left.project, dbt=NO_DBT, graph_of=Graph)

    assert found.manifest is not None
    assert LOANS in found.manifest.nodes
    assert found.changed == ()
