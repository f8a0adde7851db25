"""`agentic compile`, ls, schema and explain as a user runs them, with the real dbt."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.bakery import agentic, make_bakery

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
AGENTS = """\
version: 1
agents:
  - name: triage
    extends: agentic.triage
    when: [test_failure]
    select: "+tag:gold"
"""
GUARDRAILS = 'version: 1\nchange: {allow: ["path:models/bread/staging"], ask: ["tag:gold"]}\n'


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after one compile, so that each test starts with a manifest of ours."""
    root = make_bakery(
        tmp_path_factory.mktemp("bakery"), **{"agents.yml": AGENTS, "guardrails.yml": GUARDRAILS}
    )
    done = agentic(root, "compile")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture
def project(parsed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(parsed, tmp_path / "here", copy_function=shutil.copy2))


def test_a_good_project_compiles_and_touches_nothing_else(project: Path) -> None:
    written = project / "target" / "agentic" / "manifest.json"
    before = written.read_bytes()
    written.unlink()

    done = agentic(project, "compile")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done. PASS=1 WARN=0 ERROR=0" in done.stdout
    # Another folder, another time: the same bytes.
    assert written.read_bytes() == before
    assert {path.name for path in (project / "target").iterdir()} == {"agentic"}
    assert not (project / "logs" / "dbt.log").exists()
    compiled = json.loads(before)
    assert compiled["agents"][0]["scope"] == [
        "model.bakery.sales",
        "model.bakery.stg_receipts",
        "source.bakery.till.receipts",
    ]
    assert len(compiled["metadata"]["content_hash"]) == 64


def test_every_planted_error_is_told_with_its_position(project: Path) -> None:
    (project / "agents.yml").write_text(AGENTS.replace("+tag:gold", "tga:gold") + "    wen: [x]\n")
    (project / "guardrails.yml").write_text(
        GUARDRAILS + 'build: {schemas: ["sal*"]}\nescalate: {to: [oncall]}\nsql: {timeout: 60}\n'
    )

    text, lines = agentic(project, "compile"), agentic(project, "compile", "--output", "json")

    assert text.returncode == lines.returncode == 2
    for start in [
        "agents.yml:6:13 AC430 ",
        "agents.yml:7:5 AC110 unknown key 'wen' in agents[0] — did you mean 'when'?",
        "guardrails.yml:3:19 AC301 ",
        "guardrails.yml:4:17 AC205 ",
        "guardrails.yml:5:16 AC112 ",
    ]:
        assert f"\n{start}" in f"\n{text.stdout}"
    objects = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [one["code"] for one in objects[:-1]] == ["AC430", "AC110", "AC301", "AC205", "AC112"]
    assert objects[-1]["errors"] == 5
    assert objects[-1]["manifest"] is None


def test_a_change_of_the_project_is_seen(project: Path) -> None:
    manifest = project / "target" / "manifest.json"
    shutil.copy2(project / "target" / "agentic" / "dbt" / "local" / "manifest.json", manifest)
    before = manifest.read_bytes()
    later = time.time() + 5
    new = project / "models" / "bread" / "marts" / "cakes.sql"
    new.write_text("{{ config(tags=['gold']) }}\nselect 1 as cake\n")
    os.utime(new, (later, later))

    done = agentic(project, "compile", "--output", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Parsing the dbt project" in done.stderr
    compiled = json.loads((project / "target" / "agentic" / "manifest.json").read_text())
    assert "model.bakery.cakes" in compiled["agents"][0]["scope"]
    assert manifest.read_bytes() == before


def test_the_files_are_checked_even_when_dbt_cannot_parse(project: Path) -> None:
    (project / "agents.yml").write_text("version: 1\nagent: []\n")
    (project / "models" / "bad.sql").write_text("select {{ ref('nowhere' }}\n")

    done = agentic(project, "compile")

    assert done.returncode == 2
    assert "agents.yml:2:1 AC110" in done.stdout
    assert "does not parse" in done.stderr
    assert "bad.sql" in done.stderr
    assert "Traceback" not in done.stderr


def test_ls_lists_and_draws(project: Path) -> None:
    lines = agentic(project, "ls", "--output", "json")
    some = agentic(project, "ls", "--resource-type", "guardrail", "--select", "change.*")
    graph = agentic(project, "ls", "--graph", "--output", "mermaid")

    items = [json.loads(line) for line in lines.stdout.splitlines()]
    assert {item["resource_type"] for item in items} == {"agent", "tool", "guardrail", "output"}
    assert all(item["input_schema"] for item in items if item["resource_type"] == "tool")
    assert [line.split("  ")[0] for line in some.stdout.splitlines()] == [
        "guardrail:change.allow:path:models/bread/staging",
        "guardrail:change.ask:tag:gold",
    ]
    assert "test_failure([test_failure]) --> triage" in graph.stdout


def test_the_repository_itself_compiles() -> None:
    done = agentic(REPOSITORY, "compile", "--output", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["success"]


def test_no_project_no_profile(tmp_path: Path, project: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (project / "profiles.yml").write_text("other: {outputs: {}}\n")

    nowhere, profile = agentic(empty, "compile"), agentic(project, "compile")

    assert nowhere.returncode == profile.returncode == 2
    assert "dbt_project.yml" in nowhere.stderr
    assert "profile" in profile.stderr
    assert "Traceback" not in nowhere.stderr + profile.stderr


def test_schema_is_json_schema(tmp_path: Path) -> None:
    done = agentic(tmp_path, "schema", "guardrails")
    line = agentic(tmp_path, "schema", "guardrails", "--output", "json")

    assert json.loads(done.stdout) == json.loads(line.stdout)
    assert len(line.stdout.splitlines()) == 1
    assert "read" in json.loads(done.stdout)["properties"]


def test_explain_knows_every_code_of_the_package(tmp_path: Path) -> None:
    listed = agentic(tmp_path, "explain", "--output", "json")
    one = agentic(tmp_path, "explain", "ac103")
    wrong = agentic(tmp_path, "explain", "AC1O3")

    codes = [json.loads(line)["code"] for line in listed.stdout.splitlines()]
    assert {code[:2] for code in codes} >= {"AC", "AP", "AG", "AR"}
    assert len(codes) == len(set(codes))
    assert one.returncode == 0
    assert one.stdout.startswith("AC103 duplicate-key\n")
    assert wrong.returncode == 2
    assert "did you mean 'AC103'?" in wrong.stderr
