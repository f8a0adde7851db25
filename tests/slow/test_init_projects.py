"""`agentic init` on projects of several shapes; what it writes compiles without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentic.config import load_files
from tests.support.bakery import agentic, make_bakery

pytestmark = pytest.mark.slow

ONE_TARGET = """\
bakery:
  target: dev
  outputs:
    dev: {type: duckdb, path: dev.duckdb, schema: agentic_dev}
"""


def compiled(root: Path) -> dict[str, Any]:
    done = agentic(root, "compile", "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.get("status") for one in summary] == ["success"], summary
    found: dict[str, Any] = json.loads((root / "target" / "agentic" / "manifest.json").read_text())
    return found


def test_the_files_fit_the_project(tmp_path: Path) -> None:
    root = make_bakery(tmp_path)

    done = agentic(root, "init")

    assert done.returncode == 0, done.stdout + done.stderr
    specs = load_files(root)
    rails = specs.guardrails_written
    assert rails is not None
    # models/bread/staging holds deeper/base; a folder with a space cannot be written as a path.
    assert rails.change.allow == ("path:models/bread/staging",)
    assert rails.change.ask == (
        "path:models/bread/marts",
        "path:macros",
        "path:snaps",
        "tag:gold",
    )
    assert rails.change.deny == ("source:*",)
    assert rails.read.mask == ("tag:PII",)
    assert (rails.build.target, rails.production.targets) == ("ci", ("bakery_prod",))
    agent = (specs.agents.agents or ())[0]
    assert agent.meta == {"owner": "ovens@bakery.test"}
    assert "source_stale" in (agent.when or ())
    assert "column:till.receipts.customer_email" in (root / "guardrails.yml").read_text()
    assert compiled(root)["guardrails"]["build_target"] == "ci"
    # Nothing but the two files and target/ was written.
    names = {path.name for path in root.iterdir()}
    assert names == {
        "agents.yml", "guardrails.yml", "target", "dbt_project.yml", "profiles.yml", "models",
        "macros", "snaps",
    }  # fmt: skip


def test_one_target_and_a_taken_schema_name(tmp_path: Path) -> None:
    root = make_bakery(tmp_path, **{"profiles.yml": ONE_TARGET})

    assert agentic(root, "init").returncode == 0

    rails = compiled(root)["guardrails"]
    assert rails["build_target"] == "dev"
    assert rails["production_targets"] == []
    assert rails["build_schemas"] == ["agentic_ws_*"]


@pytest.mark.parametrize("name", ["agents.yml", "guardrails.yml", "agents.yaml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    root = make_bakery(tmp_path, **{name: "mine\n"})

    done = agentic(root, "init")

    assert done.returncode == 2
    assert f"{name} is already there" in done.stderr
    assert "agentic compile" in done.stderr
    written = {path.name for path in root.iterdir()} & {"agents.yml", "guardrails.yml"}
    assert written == {name} & {"agents.yml", "guardrails.yml"}
    assert (root / name).read_text() == "mine\n"


def test_a_project_that_does_not_parse_gets_what_can_be_seen(tmp_path: Path) -> None:
    root = make_bakery(tmp_path, **{"models/bad.sql": "{{ ref('nowhere' }}"})

    done = agentic(root, "init")

    assert done.returncode == 0, done.stderr
    assert "does not parse" in done.stderr
    (root / "models" / "bad.sql").unlink()
    assert compiled(root)["agents"]


def test_a_project_in_a_subfolder(tmp_path: Path) -> None:
    root = make_bakery(tmp_path / "warehouse" / "dbt")

    done = agentic(tmp_path, "init", "--project-dir", str(root), "--output", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [
        "warehouse/dbt/agents.yml",
        "warehouse/dbt/guardrails.yml",
    ]
