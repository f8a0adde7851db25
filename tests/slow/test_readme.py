"""README.md does what it says: its commands are run, its files are loaded, its names exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agentic.cli.entry import COMMANDS
from agentic.project.rendering import read_yaml
from tests.support.tiny import clean_environment, make_tiny

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


class Shown(NamedTuple):
    """A command of a console block and what the README shows of its output."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


def shown() -> Iterator[Shown]:
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield Shown(command, output)


def pattern(output: str) -> re.Pattern[str]:
    """`...` alone on a line is any number of lines, inside a line any text."""
    lines = [
        r"(?:.*\n)*?" if line == "..." else r".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in output.splitlines()
    ]
    return re.compile("".join(lines))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make demo` leaves, made by the Makefile with the environment that is there."""
    keep = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        ["make", "demo", f"BIN={BIN}", "STAMP=pyproject.toml", f"KEEP={keep}"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "repaired and proven" in done.stdout
    return keep / "daily_sales"


def test_the_commands_do_what_is_shown(demo: Path) -> None:
    env = clean_environment() | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for one in shown():
        done = subprocess.run(
            one.command.split(), cwd=demo, env=env, capture_output=True, text=True, check=False
        )
        assert pattern(one.output).fullmatch(done.stdout), f"{one}\n{done.stdout}\n{done.stderr}"


PROJECT = {
    "models/staging/staging.yml": "models: [{name: stg_orders, config: {tags: [pii]}}]\n",
    "models/intermediate/int_orders.sql": "select * from {{ ref('stg_orders') }}\n",
    "models/marts/marts.yml": "models: [{name: daily, config: {tags: [gold]}}]\n",
    "macros/cents.sql": "{% macro cents(column) %}{{ column }} / 100{% endmacro %}\n",
}


def test_both_files_compile_as_they_stand(tmp_path: Path) -> None:
    """In a project that has what they name: no error, no warning."""
    agents, guardrails, packages = blocks("yaml")
    files = {"agents.yml": agents, "guardrails.yml": guardrails}
    tiny = make_tiny(tmp_path, files=PROJECT | files)
    (tmp_path / "packages.yml").write_text(packages)
    done = tiny.agentic("compile")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done. PASS=1 WARN=0 ERROR=0" in done.stdout
    assert set(read_yaml(tmp_path / "packages.yml")) == {"packages"}


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"`agentic ([a-z]+)", TEXT)) - {"rollback"}
    later = TEXT.partition("## Not yet")[2]

    assert named <= set(COMMANDS), named - set(COMMANDS)
    assert "`agentic rollback` and `serve` come later" in " ".join(later.split())
    assert set(re.findall(r"^make ([a-z]+)", TEXT, re.M)) == {"demo", "test"}


def test_it_fits_on_two_screens() -> None:
    assert len(TEXT.splitlines()) <= 150


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
