"""The demonstration itself, as `make demo` starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentic.evals import fault_classes
from agentic.evals.demo import alone_in

pytestmark = pytest.mark.slow


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "ANTHROPIC" not in key}
    command = [sys.executable, "-m", "agentic.evals.demo", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=600, check=False
    )


def test_a_second_demonstration_in_one_folder_waits(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        done = demo("--keep", str(tmp_path))

    assert done.returncode == 2
    assert "another demonstration is running" in done.stderr


def test_the_list_names_every_class() -> None:
    done = demo("--list")

    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted(fault_classes())


def test_an_unknown_class_is_one_clear_message(tmp_path: Path) -> None:
    done = demo("--fault", "gremlins", "--keep", str(tmp_path))

    assert done.returncode == 2
    assert "no fault class 'gremlins'" in done.stderr
    assert "Traceback" not in done.stderr
