"""`agentic check changes --input`: lines in, lines out, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agentic.cli.check_changes import command
from agentic.exceptions import AgenticError

WORLD: dict[str, str] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "change_world.json").read_text()
)
GUARDRAILS = 'version: 1\nchange:\n  allow: ["path:models"]\n  ask: ["path:macros"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in {**WORLD, "guardrails.yml": GUARDRAILS}.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def run(project: Path, *lines: Any) -> Result:
    file = project / "cases.jsonl"
    file.write_text(
        "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8"
    )
    args = ["--project-dir", str(project), "--input", str(file)]
    return CliRunner().invoke(command, args, standalone_mode=False)


def test_a_line_for_each_case_and_exit_1_when_one_is_not_allowed(project: Path) -> None:
    fine = {"id": "a", "files": {"models/x.sql": "select 1 as a"}}
    filtered = WORLD["models/marts/fct_orders.sql"].rstrip() + " limit 1\n"
    asked = {"id": "b", "files": {"models/marts/fct_orders.sql": filtered}, "before": {}}
    denied = {"id": "c", "files": {"profiles.yml": "a: 1"}, "before": {}}

    result = run(project, fine, asked, denied)
    lines = [json.loads(line) for line in result.stdout.splitlines()]

    assert [(one["id"], one["verdict"], one["code"]) for one in lines] == [
        ("a", "allow", "OK_CHANGE"),
        ("b", "ask", "SYMPTOM_MASKING"),
        ("c", "deny", "PROFILE_OR_ENV_CHANGE"),
    ]
    assert set(lines[2]["findings"][0]) == {"path", "line", "verdict", "code", "reason"}
    assert result.return_value == 1


def test_exit_0_when_everything_is_allowed(project: Path) -> None:
    result = run(project, {"id": 1, "files": {"models/x.sql": "select 1 as a"}, "before": None})

    assert result.return_value == 0


def test_the_rules_come_from_the_projects_guardrails(project: Path) -> None:
    (project / "guardrails.yml").write_text("version: 1\nchange: {deny: ['path:models/marts']}\n")

    result = run(project, {"id": 1, "files": {"models/marts/x.sql": "select 1 as a"}})

    assert json.loads(result.stdout)["code"] == "WRITE_PROTECTED"


@pytest.mark.parametrize(
    "line",
    ["{", '{"id": 1}', '{"files": []}', '{"files": {"a": 1}}', '{"files": {}, "before": 3}'],
)
def test_a_line_that_is_no_case_is_named(project: Path, line: str) -> None:
    result = run(project, line)

    assert isinstance(result.exception, AgenticError)
    assert "cases.jsonl:1" in str(result.exception)


def test_one_of_base_and_input_is_needed(project: Path) -> None:
    result = CliRunner().invoke(command, ["--project-dir", str(project)])

    assert result.exit_code == 2
