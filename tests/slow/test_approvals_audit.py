"""`agentic debug --audit` as a user starts it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentic.store import AuditTrail, anchor_of, open_store, utc_now

pytestmark = pytest.mark.slow

SCRIPT = "from agentic.cli.entry import main; main()"
LIBRARY = Path(__file__).parents[1] / "fixtures" / "artifacts" / "library"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    shutil.copytree(LIBRARY, folder, ignore=shutil.ignore_patterns("newer"))
    return folder


def audit(folder: Path, *args: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "debug", "--audit", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def write_three(folder: Path) -> None:
    trail = AuditTrail(open_store(folder, project="library", clock=utc_now), anchor_of(folder))
    for number in range(3):
        trail.append(actor="triage/rules", action="run_sql", subject="r1", payload={"n": number})


def test_a_project_without_a_trail_is_sound(root: Path) -> None:
    code, said = audit(root)

    assert code == 0
    assert "no record yet" in said
    assert not (root / ".agentic").exists()


def test_a_sound_trail(root: Path) -> None:
    write_three(root)

    assert audit(root) == (0, audit(root)[1])
    found: dict[str, Any] = json.loads(audit(root, "--output", "json")[1])
    assert (found["verdict"], found["records"], found["first_fault"]) == ("ok", 3, None)


def test_the_first_record_that_does_not_fit_is_named(root: Path) -> None:
    write_three(root)
    with sqlite3.connect(root / ".agentic" / "state.db") as session:
        session.execute("update agentic_audit set action = 'get_node' where seq = 2")

    code, said = audit(root)
    found: dict[str, Any] = json.loads(audit(root, "--output", "json")[1])

    assert code == 1
    assert "record 2 was changed" in said
    assert "action get_node" in said
    assert found["first_fault"] == 2
    assert found["record"]["subject"] == "r1"


def test_a_trail_that_was_removed_is_missed(root: Path) -> None:
    write_three(root)
    for file in (root / ".agentic").glob("state.db*"):
        file.unlink()

    code, said = audit(root)

    assert code == 1
    assert "its anchor" in said
