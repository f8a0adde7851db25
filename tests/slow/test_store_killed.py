"""kill -9 at any moment of the quick writes: no effect without its entry, no broken chain."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentic.store import AuditTrail, Journal, open_store, utc_now

pytestmark = pytest.mark.slow

WORK = """
import os, sys
from pathlib import Path
from agentic.store import AuditTrail, Journal, open_store, utc_now

root = Path(sys.argv[1])
store = open_store(root, project="shop", clock=utc_now)
trail = AuditTrail(store, root / "audit.head")
journal = Journal(store, "r1")
done = os.open(root / "done", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def effect(key):
    trail.append(actor="a", action="look", subject="r1", payload={"key": key})
    os.write(done, (key + "\\n").encode())
    return key

number = 0
while True:
    number += 1
    print(journal.step("tool", "look", {"number": number}, str, effect), flush=True)
"""


def killed_after(root: Path, lines: int) -> list[str]:
    """Start or resume the work, kill it some way past so many answers; the answers it gave."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORK, str(root)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    for _ in range(lines):
        worker.stdout.readline()
    os.kill(worker.pid, signal.SIGKILL)
    rest = worker.stdout.read().splitlines()
    worker.wait()
    return rest


def check(root: Path) -> None:
    """What another process finds after the kill."""
    store = open_store(root, project="shop", clock=utc_now)
    trail = AuditTrail(store, root / "audit.head")
    steps = Journal(store, "r1").steps()
    begun = {f"r1:{step.seq}" for step in steps}
    done = [":".join(key.split(":")[:2]) for key in (root / "done").read_text().splitlines()]

    assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
    assert all(step.output is not None for step in steps[:-1])
    assert set(done) <= begun
    # Only the step that was cut off may have been done twice, once a kill.
    assert len(done) - len(set(done)) <= root.joinpath("kills").stat().st_size
    assert trail.verify() is None
    assert len(trail.records()) >= len(done)
    store.engine.dispose()


def kill_often(root: Path, kills: int, chance: random.Random) -> None:
    for _ in range(kills):
        with (root / "kills").open("a") as counted:
            counted.write(".")
        # A resumed run gives back what it did before: go past that.
        known = (root / "done").read_text().count("\n") if (root / "done").exists() else 0
        killed_after(root, known + chance.randrange(1, 40))
        check(root)


def test_a_killed_run_has_lost_nothing_and_goes_on(tmp_path: Path) -> None:
    kill_often(tmp_path, 4, random.Random(7))
