"""`agentic lineage --impact --since REV` in a repository: what the code that changed breaks."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agentic.cli.lineage import command

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden" / "lineage"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The orchard in a subfolder of a repository, with its manifest."""
    root = tmp_path / "repo" / "orchard"
    shutil.copytree(GOLDEN / "orchard", root)
    (root / ".gitignore").write_text("target/\n")
    git(root.parent, "init", "-q", "-b", "main")
    git(root.parent, "add", "-A")
    who = ("-c", "user.name=Tess Ter", "-c", "user.email=tess@example.com")
    git(root.parent, *who, "commit", "-q", "-m", "start")
    (root / "target").mkdir()
    shutil.copy(GOLDEN / "manifest.json", root / "target")
    return root


def git(where: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=where, check=True, capture_output=True)


def impact(root: Path, *args: str) -> Result:
    return CliRunner().invoke(command, ["--impact", *args, "--project-dir", str(root)])


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def test_no_change_is_said(root: Path) -> None:
    result = impact(root)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "No node's code changed since HEAD" in result.stderr


def test_a_comment_and_a_renamed_column(root: Path) -> None:
    edit(root, "models/marts/finance/income.sql", "select", "-- looked at\nselect")
    edit(root, "models/staging/stg_picks.sql", "kilos", "kilos as weight")
    text = impact(root)
    found = json.loads(impact(root, "--since", "main", "--output", "json").stdout)

    assert text.exit_code == 0, text.output
    assert text.stdout.startswith("changes since HEAD: breaking")
    assert "  income: no change" in text.stdout
    assert "  stg_picks: kilos renamed to weight" in text.stdout
    assert found["since"] == "main"
    assert found["fails"] == ["model.orchard.income", "model.orchard.tree_kilos"]
    assert "exposure.orchard.harvest_board" in found["exposures"]


def test_a_changed_macro_is_unknown(root: Path) -> None:
    (root / "macros" / "kilos.sql").write_text("{% macro kilos(x) %}({{ x }} / 3){% endmacro %}")
    found = json.loads(impact(root, "--output", "json").stdout)

    assert found["verdict"] in ("unknown", "non_breaking")
    assert found["complete"] is (found["verdict"] == "non_breaking")


def test_a_revision_that_is_none_is_an_error(root: Path) -> None:
    result = impact(root, "--since", "nowhere")

    assert result.exception is not None
    assert "nowhere" in str(result.exception)
