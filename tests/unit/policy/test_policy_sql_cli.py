"""`agentic check sql` as design.md section 6 has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentic.cli.check import command
from agentic.exceptions import AgenticError, ConfigError

GUARDRAILS = 'read: {deny: ["column:shop.people.email"]}\nbuild: {schemas: [dev]}\n'
SCHEMA = {"shop.people": ["id", "email"]}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    rails, schema = tmp_path / "guardrails.yml", tmp_path / "schema.json"
    rails.write_text(GUARDRAILS)
    schema.write_text(json.dumps(SCHEMA))
    return ["--guardrails", str(rails), "--schema", str(schema), "--default-schema", "shop"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, ["sql", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.stdout


def test_a_statement_that_is_allowed(files: list[str]) -> None:
    assert run("select id from people", *files)[0] == 0


def test_a_statement_that_is_denied(files: list[str]) -> None:
    code, out = run("select email from people", "--output", "json", *files)
    line = json.loads(out)

    assert code == 1
    assert (line["verdict"], line["code"], line["reads"]) == ("deny", "PII_OUTPUT", ["shop.people"])
    assert list(line) == ["id", "verdict", "code", "reason", "reads", "writes"]


def test_a_file_with_one_statement(files: list[str], tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text("select email from people")

    assert run(str(file), *files)[0] == 1


def test_json_lines(files: list[str], tmp_path: Path) -> None:
    lines = tmp_path / "in.jsonl"
    cases = [
        {"id": "a", "dialect": "duckdb", "sql": "select id from people", "role": "reader"},
        {"id": "b", "dialect": "postgres", "sql": "create table dev.t (a int)", "role": "writer"},
        {"id": "c", "dialect": "mysql", "sql": "delete from dev.t", "role": "writer"},
    ]
    lines.write_text("\n".join(json.dumps(case) for case in cases))
    code, out = run("--input", str(lines), *files)

    assert code == 1
    assert [(one["id"], one["verdict"]) for one in map(json.loads, out.splitlines())] == [
        ("a", "allow"),
        ("b", "allow"),
        ("c", "ask"),
    ]


def test_a_line_that_is_not_json_is_named(files: list[str], tmp_path: Path) -> None:
    lines = tmp_path / "in.jsonl"
    lines.write_text('{"sql": "select 1"}\nnot json\n')

    with pytest.raises(AgenticError, match=r"in\.jsonl:2"):
        run("--input", str(lines), *files)


@pytest.mark.parametrize(
    "text",
    [
        "read: [",
        "reed: {}",
        "read: 5",
        "read: {deny: 5}",
        'read: {deny: ["tag:pii"]}',
        "- a",
        "a: 1\na: 2",
    ],
)
def test_guardrails_that_cannot_be_used_judge_nothing(tmp_path: Path, text: str) -> None:
    rails, schema = tmp_path / "guardrails.yml", tmp_path / "schema.json"
    rails.write_text(text)
    schema.write_text(json.dumps(SCHEMA))

    with pytest.raises(ConfigError, match=r"guardrails\.yml"):
        run("select 1", "--guardrails", str(rails), "--schema", str(schema))


def test_catalog_json_is_a_schema(tmp_path: Path) -> None:
    schema = tmp_path / "catalog.json"
    entry = {"metadata": {"schema": "shop", "name": "people"}, "columns": {"id": {}, "email": {}}}
    schema.write_text(json.dumps({"metadata": {}, "nodes": {"model.a.people": entry}}))
    rails = tmp_path / "guardrails.yml"
    rails.write_text(GUARDRAILS)
    both = ["--guardrails", str(rails), "--schema", str(schema)]

    assert run("select id from shop.people", *both)[0] == 0
    assert run("select email from shop.people", *both)[0] == 1
