"""`agentic debug` as a user starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.slow

LIBRARY = Path(__file__).parents[1] / "fixtures" / "artifacts" / "library"


def run(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from agentic.cli.entry import main; main()", "debug", *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(list(one) == ["name", "verdict", "evidence", "next"] for one in found)
    return {one["name"]: one for one in found}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    shutil.copytree(LIBRARY, folder, ignore=shutil.ignore_patterns("newer"))
    duckdb.connect(str(folder / "library.duckdb")).execute("create table t as select 1").close()
    return folder


def commit(folder: Path) -> None:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@library.example"]
    for args in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "start"]):
        subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)


def test_connections_are_ready_when_their_references_are_set(root: Path) -> None:
    agents = "agents: [{name: triage, extends: agentic.triage, when: [run_error]}]\n"
    hook = "connections:\n  oncall: {slack: \"{{ env_var('HOOK_FOR_DEBUG') }}\"}\n"
    commit(root)
    before = lines(run(root, "--output", "json"))
    (root / "agents.yml").write_text(f"version: 1\n{agents}{hook}")

    unset = lines(run(root, "--output", "json"))
    found = run(root, "--output", "json", HOOK_FOR_DEBUG="https://hooks.example/s3cret")

    assert before["agents"]["evidence"] == (
        "no agents.yml: the standard agent agentic.triage is used"
    )
    assert unset["to oncall"]["verdict"] == "warn"
    assert "HOOK_FOR_DEBUG" in unset["to oncall"]["evidence"]
    assert lines(found)["to oncall"]["verdict"] == "ok"
    assert "s3cret" not in found.stdout + found.stderr


def test_a_ready_project(root: Path) -> None:
    commit(root)

    done = run(root, "--output", "json", ANTHROPIC_API_KEY="sk-ant-never-shown")
    found = lines(done)

    assert done.returncode == 0, done.stdout
    assert {name for name, line in found.items() if line["verdict"] == "warn"} == {
        "manifest",
        "last build",
        "guardrails",
    }
    assert found["connection"]["evidence"] == "read-only, 1 tables and views seen"
    assert found["anthropic key"]["evidence"].startswith("yes")
    assert "never-shown" not in done.stdout + done.stderr
    assert all(line["next"] for line in found.values() if line["verdict"] != "ok")


def test_what_is_missing_fails_with_the_next_step(root: Path) -> None:
    (root / "library.duckdb").unlink()
    (root / "guardrails.yml").write_text("version: 1\nbuilds: {}\n")

    done = run(root, "--output", "json")
    found = lines(done)

    assert done.returncode == 1
    assert {name for name, line in found.items() if line["verdict"] == "fail"} == {
        "connection",
        "git",
        "guardrails",
    }
    assert "git init" in found["git"]["next"]
    assert found["anthropic key"]["evidence"].startswith("no")


def test_no_project_is_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "no dbt project here" in done.stderr


def test_text_names_verdicts_and_steps(root: Path) -> None:
    done = run(root)

    assert "OK    dbt" in done.stdout
    assert "FAIL  git" in done.stdout
    assert "Run `git init" in done.stdout


def test_the_same_credentials_as_production_are_a_warning(root: Path, postgres_server: Any) -> None:
    server = postgres_server.new_database("library_debug")
    outputs = {
        "dev": server.output("dev"),
        "ci": server.output("ci"),
        "prod": server.output("prod"),
    }
    profile = {"library": {"target": "dev", "outputs": outputs}}
    (root / "profiles.yml").write_text(json.dumps(profile))
    (root / "guardrails.yml").write_text(
        'version: 1\nbuild: {target: ci, schemas: ["agentic_*"]}\n'
    )
    commit(root)

    found = lines(run(root, "--output", "json"))

    assert found["build target"]["verdict"] == "warn"
    assert "same credentials as dev, prod" in found["build target"]["evidence"]
    assert found["rights"]["verdict"] == "warn"
    assert "superuser" in found["rights"]["evidence"]


def test_a_user_that_cannot_create_schemas_fails(root: Path, postgres_server: Any) -> None:
    server = postgres_server.new_database("library_rights")
    server.run(
        "drop role if exists library_reader", "create role library_reader login password 'reads-1'"
    )
    output = server.output("main", user="library_reader", password="reads-1")
    (root / "profiles.yml").write_text(
        json.dumps({"library": {"target": "dev", "outputs": {"dev": output}}})
    )

    found = lines(run(root, "--output", "json"))

    assert found["rights"]["verdict"] == "fail"
    assert "grant create on database library_rights" in found["rights"]["next"]
