"""What a dbt subprocess is told, and what it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.project import child_environment, find_project, named_variables
from agentic.project.dbt import Dbt, DbtOutcome, parse_line


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "AGENTIC_STORE",
        "PYTHONPATH",
        "DBT_TARGET",
        "DBT_PROFILES_DIR",
        "DBT_FULL_REFRESH",
        "DBT_ENGINE_TARGET",
        "DBT_LOG_FORMAT",
        "DBT_STATE",
    ],
)
def test_keys_and_dbts_switches_stay_out(name: str) -> None:
    assert name not in child_environment({name: "x"})


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "DBT_ENV_SECRET_X", "DBT_USER"]
)
def test_what_dbt_needs_goes_in(name: str) -> None:
    assert child_environment({name: "x"})[name] == "x"


def test_variables_that_the_project_names_go_in() -> None:
    env = {"SHOP_HOST": "db", "OTHER": "x"}

    found = child_environment(env, named=["SHOP_HOST", "NOT_SET"])

    assert found["SHOP_HOST"] == "db"
    assert not {"OTHER", "NOT_SET"} & set(found)


def test_dbt_sends_nothing_home() -> None:
    env = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "true"}

    assert child_environment(env)["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_names_are_found_in_project_profile_and_code(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: a\nx: \"{{ env_var('IN_PROJECT', '') }}\"\n")
    (tmp_path / "profiles.yml").write_text('host: "{{ env_var( "IN_PROFILE" ) }}"')
    (tmp_path / "models" / "a.sql").write_text("select '{{ env_var('IN_CODE') }}'")
    (tmp_path / "models" / "b.sql").write_text("{{ env_var('DBT_TARGET') }} {{ env_var(name) }}")
    project = find_project(tmp_path, environ={})

    assert named_variables(project, tmp_path / "profiles.yml") == {
        "IN_PROJECT",
        "IN_PROFILE",
        "IN_CODE",
    }


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("1.8.0", True),
        ("1.12.6", True),
        ("1.11.0b1", True),
        ("1.7.20", False),
        ("2.0.0rc1", False),
        ("", False),
        ("1", False),
    ],
)
def test_supported_versions(version: str, supported: bool) -> None:
    assert Dbt(Path("dbt"), version).supported is supported


@pytest.mark.parametrize("line", ["", "plain text", "{broken", '{"info": 3}', "[1]", '{"a": 1}'])
def test_lines_that_are_no_events(line: str) -> None:
    assert parse_line(line) is None


def test_errors_are_dbts_own_without_the_traceback_else_what_it_printed() -> None:
    def event(name: str, level: str, text: str) -> dict[str, object]:
        return {"info": {"name": name, "level": level, "msg": text}, "data": {}}

    events = [
        event("MainReportVersion", "info", "Running"),
        event("MainEncounteredError", "error", "[ERROR]: Encountered an error:\nFound a cycle"),
        event("MainStackTrace", "error", "Traceback"),
    ]

    assert DbtOutcome(args=(), exit_code=2, events=events).errors == ("Found a cycle",)
    silent = DbtOutcome(args=(), exit_code=2, events=events[:1], other_lines=("No such option",))
    assert silent.errors == ("No such option",)
