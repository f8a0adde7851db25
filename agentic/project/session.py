"""Several dbt commands in one process of the user's dbt: it starts once, and parses once.

Starting dbt costs seconds, and so does reading a project twice. Not every dbt can be driven so (its
executable must be a Python script); callers fall back to `run_dbt`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import DbtError
from agentic.project.dbt import GLOBAL_FLAGS, Dbt, DbtOutcome, kill_group, parse_line

_DRIVER = Path(__file__).with_name("dbt_driver.py")
_EXIT = '{"agentic_exit":'


def python_of(dbt: Dbt) -> Path | None:
    """The Python that a dbt script names in its first line; None for anything else."""
    try:
        with dbt.executable.open("rb") as stream:
            head = stream.read(1024).decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    first, second = [*head, "", ""][:2]
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    if words == ["/bin/sh"] and second.startswith("'''exec' "):
        # pip's way round the length limit of a first line.
        words = second.removeprefix("'''exec' ").split(' "$0"')[0].strip().strip('"').split("\n")
    python = Path(words[0]) if len(words) == 1 else Path()
    return python if python.name.startswith("python") and python.is_file() else None


class DbtSession:
    """One living dbt process. Close it: on DuckDB it may hold the database's lock."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, dbt: Dbt, *, cwd: Path, env: Mapping[str, str]) -> DbtSession | None:
        """Start it in `cwd`, which is also its argument, so that it can be found again.

        None where this dbt cannot be driven.
        """
        python = python_of(dbt)
        if python is None:
            return None
        try:
            process = subprocess.Popen(
                [str(python), str(_DRIVER), f"{cwd}/"],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError:
            return None
        return cls(process)

    def run(
        self, args: Sequence[str], *, on_line: Callable[[str], None] | None = None
    ) -> DbtOutcome:
        """As `run_dbt`. Raises DbtError when the process is gone before it answers."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        events: list[dict[str, Any]] = []
        others: list[str] = []
        try:
            stdin.write(msgspec.json.encode([*GLOBAL_FLAGS, *args]).decode() + "\n")
            stdin.flush()
            for line in stdout:
                if line.startswith(_EXIT):
                    code = int(msgspec.json.decode(line)["agentic_exit"])
                    return DbtOutcome(
                        args=tuple(args), exit_code=code, events=events, other_lines=tuple(others)
                    )
                event = parse_line(line)
                if event is not None:
                    events.append(event)
                elif line.strip() and len(others) < 2000:
                    others.append(line.rstrip())
                if on_line:
                    on_line(str(event["info"].get("msg") or "") if event else line.rstrip())
        except BrokenPipeError:
            pass
        except BaseException:
            self.kill()
            raise
        raise DbtError("dbt ended before it answered", hint="\n".join(others[-5:]))

    def close(self) -> None:
        """Let it end by itself; past five seconds it is ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def kill(self) -> None:
        """End it and all it started."""
        kill_group(self._process)
