"""What dbt's messages name, taken from dbt 1.11's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.exceptions import DbtError
from agentic.project import DbtOutcome, Project, find_project
from agentic.triggers.parse_fault import parse_signal

REF = """Compilation Error
  Model 'model.shop.marts' (models/marts.sql) depends on a node named 'stg_ordrs' which was \
not found"""
JINJA = """Compilation Error in model marts (models/marts.sql)
  unexpected '}', expected ')'
    line 4"""
YAML = """Parsing Error
  Error reading shop: schema.yml - Runtime Error
    Syntax error near line 21"""
CONFIG = """Parsing Error
  Invalid models config given in models/schema.yml @ models: {'name': 'loans'} - 5 is bad"""
TWICE = """Compilation Error
  dbt found two models with the name "orders".
  - model.shop.orders (models/orders.sql)
  - model.shop.orders (models/again/orders.sql)"""
MACRO = """Compilation Error
  Reached EOF without finding a close tag for macro (searched from line 1)"""
PROJECT = """Runtime Error
  at path []: Additional properties are not allowed ('foo' was unexpected)

Error encountered in {root}/dbt_project.yml"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("marts.sql", "orders.sql", "again/orders.sql", "schema.yml"):
        file = tmp_path / "models" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (tmp_path / "macros").mkdir()
    (tmp_path / "macros" / "days.sql").write_text("")
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    return find_project(tmp_path, environ={})


def outcome(message: str, exit_code: int = 2, timed_out: bool = False) -> DbtOutcome:
    text = "Encountered an error:\n" + message
    event = {"info": {"level": "error", "name": "MainEncounteredError", "msg": text}, "data": {}}
    return DbtOutcome(args=(), exit_code=exit_code, events=[event], timed_out=timed_out)


@pytest.mark.parametrize(
    ("message", "node", "path"),
    [
        pytest.param(REF, "model.shop.marts", "models/marts.sql", id="ref"),
        pytest.param(JINJA, "", "models/marts.sql", id="jinja"),
        pytest.param(YAML, "", "models/schema.yml", id="yaml"),
        pytest.param(CONFIG, "", "models/schema.yml", id="config"),
        pytest.param(TWICE, "model.shop.orders", "models/again/orders.sql", id="twice"),
        pytest.param(MACRO, "", "macros/days.sql", id="no-file-named"),
        pytest.param(PROJECT, "", "dbt_project.yml", id="project-file"),
    ],
)
def test_node_and_file(project: Project, message: str, node: str, path: str) -> None:
    changed = ["macros/days.sql"] if message == MACRO else ["models", "models/again/orders.sql"]
    failed = outcome(message.replace("{root}", str(project.root)))

    signal = parse_signal(failed, project, None, changed)

    assert (signal.kind, signal.node, signal.path) == ("parse_error", node, path)
    assert not signal.message.startswith("Encountered")


def test_a_file_outside_the_project_is_not_named(project: Project, tmp_path: Path) -> None:
    signal = parse_signal(outcome("Error in /etc/passwd.yml ../../x.sql"), project, None, [])

    assert signal.path == ""


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("dbt found 1 package(s) specified in packages.yml, but only 0 installed", "dbt deps"),
        ('Credentials in profile "a", target "dev" invalid: Could not find adapter', "dbt debug"),
        ("Env var required but not provided: 'SHOP_HOST'", "environment"),
        ("This version of dbt is not supported with the 'x' package", "AGENTIC_DBT"),
    ],
)
def test_what_no_edit_mends_is_an_error_for_the_person(
    project: Project, message: str, hint: str
) -> None:
    with pytest.raises(DbtError) as caught:
        parse_signal(outcome(message), project, None, [])

    assert hint in caught.value.hint


def test_a_killed_or_slow_parse_is_no_incident(project: Project) -> None:
    with pytest.raises(DbtError, match="killed by signal 9"):
        parse_signal(outcome("", exit_code=-9), project, None, [])
    with pytest.raises(DbtError, match="too long"):
        parse_signal(outcome("", timed_out=True), project, None, [])
