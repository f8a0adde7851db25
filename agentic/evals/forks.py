"""dbt commands in children of one warm dbt process: an eval runs hundreds of them.

Each child is a fresh process state, as if dbt had been started anew; only its imports are shared.
Where a system cannot fork, or this dbt is no Python script, commands run as `run_dbt` runs them.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentic.exceptions import DbtError
from agentic.project import DbtOutcome, child_environment, find_dbt, run_dbt
from agentic.project.dbt import parse_line
from agentic.project.session import python_of

_DRIVER = Path(__file__).with_name("fork_driver.py")
# As a user's dbt: its log file is the only trace of a build that ended before its results.
_FLAGS = (
    "--log-format", "json", "--log-format-file=debug", "--no-use-colors",
    "--no-send-anonymous-usage-stats",
)  # fmt: skip
_EXIT = '{"agentic_exit":'


class Forks:
    """One warm dbt. Use it in one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> DbtOutcome:
        """As `run_dbt`. Raises DbtError when dbt cannot be started or is gone."""
        if self._process is None or self._process.poll() is not None:
            self._process = _start(env)
        if self._process is None:
            return run_dbt(find_dbt(), args, cwd=cwd, env=env)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        asked = {"args": [*_FLAGS, *args], "cwd": str(cwd), "env": dict(env)}
        stdin.write(json.dumps(asked) + "\n")
        stdin.flush()
        events: list[dict[str, Any]] = []
        others: list[str] = []
        for line in stdout:
            if line.startswith(_EXIT):
                code = int(json.loads(line)["agentic_exit"])
                return DbtOutcome(
                    args=tuple(args), exit_code=code, events=events, other_lines=tuple(others)
                )
            event = parse_line(line)
            if event is not None:
                events.append(event)
            elif line.strip():
                others.append(line.rstrip())
        raise DbtError("dbt ended before it answered", hint="\n".join(others[-5:]))

    def close(self) -> None:
        """Let the process end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(10)
        self._process = None


def _start(env: Mapping[str, str]) -> subprocess.Popen[str] | None:
    python = python_of(find_dbt()) if hasattr(os, "fork") else None
    if python is None:
        return None
    return subprocess.Popen(
        [str(python), str(_DRIVER), "dbt.adapters.duckdb", "dbt.adapters.postgres"],
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


_HELD = threading.local()


def warm_dbt(args: Sequence[str], *, cwd: Path) -> DbtOutcome:
    """Run dbt in this thread's warm process."""
    forks: Forks | None = getattr(_HELD, "forks", None)
    if forks is None:
        forks = _HELD.forks = Forks()
        atexit.register(forks.close)
    return forks.run(args, cwd=cwd, env=child_environment())
