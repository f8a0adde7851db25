"""The wheel: it installs beside nothing of the repository, and all that it needs comes with it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.tiny import clean_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation]
    run(*command, "--wheel-dir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("dbt_agentic-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its requirements are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    run(*pip, "--no-index", "--disable-pip-version-check", wheel, cwd=folder)
    (packages,) = (folder / "env" / "lib").glob("python3*/site-packages")
    # Behind the wheel on the path, and a plain line: .pth files over there are not read.
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_standard_files_come_with_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [file for file in (ROOT / "prompts").rglob("*") if file.is_file()]
    prompts = {f"agentic/standard/{file.relative_to(ROOT).as_posix()}" for file in files}

    assert prompts | {"agentic/standard/agents.yml", "agentic/standard/guardrails.yml"} <= names
    assert {"agentic/py.typed", "agentic/runtime/engines/prices.json"} <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"agentic", "dbt_agentic"}


def test_every_module_comes_with_it_and_nothing_else(wheel: Path) -> None:
    tracked = run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", "agentic", cwd=ROOT
    )
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("agentic/")}

    assert {name for name in shipped if not name.startswith("agentic/standard/")} == set(
        tracked.split()
    )


def test_it_works_far_from_the_repository(installed: Path) -> None:
    scripts = installed / "env" / "bin"
    where = "import agentic, agentic.config as c; print(agentic.__file__, c.standard_dir())"

    module, standard = run(scripts / "python", "-c", where, cwd=installed).split()
    assert Path(module).is_relative_to(installed)
    assert Path(standard) == Path(module).parent / "standard"
    assert run(scripts / "agentic", "--version", cwd=installed).startswith("agentic 0.")
    assert run(scripts / "agentic", "explain", "AC112", cwd=installed).startswith("AC112 ")
    assert '"$schema"' in run(scripts / "agentic", "schema", "agents", cwd=installed)


def test_the_standard_agents_of_the_wheel_are_those_of_the_repository(installed: Path) -> None:
    show = (
        "from agentic.config import standard_agents, standard_guardrails as g\n"
        "for a in standard_agents().values(): print(a.model_dump_json())\n"
        "print(g().model_dump_json())"
    )
    there = run(installed / "env" / "bin" / "python", "-c", show, cwd=installed)

    assert there == run(sys.executable, "-c", show, cwd=ROOT)
    assert "triage" in there
