"""`agentic check changes --base` on a real git checkout, also when the project is a subfolder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentic.cli.check_changes import command

pytestmark = pytest.mark.slow
WORLD: dict[str, str] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "change_world.json").read_text()
)
GUARDRAILS = 'version: 1\nchange: {allow: ["path:models"]}\n'


def git(folder: Path, *args: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", *who, *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(params=["", "warehouse"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    root = tmp_path / request.param
    for path, text in {**WORLD, "guardrails.yml": GUARDRAILS}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    return root


def judge(project: Path) -> tuple[object, dict[str, object]]:
    args = ["--project-dir", str(project), "--base", "HEAD", "--output", "json"]
    result = CliRunner().invoke(command, args, standalone_mode=False)
    return result.return_value, json.loads(result.stdout)


def test_a_clean_checkout_is_allowed(project: Path) -> None:
    code, line = judge(project)

    assert (code, line["verdict"], line["findings"]) == (0, "allow", [])


def test_edits_new_files_and_links_of_the_checkout_are_judged(project: Path) -> None:
    (project / "models" / "new.sql").write_text("select 1 as a\n")
    first = judge(project)
    (project / "models" / "marts" / "schema.yml").write_text("models: []\n")
    second = judge(project)
    (project / "models" / "link.sql").symlink_to("/etc/hostname")
    third = judge(project)

    assert (first[0], first[1]["code"]) == (0, "OK_CHANGE")
    assert (second[0], second[1]["code"]) == (1, "TEST_WEAKENED")
    assert (third[0], third[1]["code"]) == (1, "PATH_ESCAPE")
