"""The user's own dbt, always as a subprocess: it is not re-entrant, and may not see our keys."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import DbtError
from agentic.project.environment import child_environment

_VERSION = re.compile(r"(?:installed|dbt-core)[^\d]*(\d+\.\d+\.\d+\S*)")
_PREFIX = re.compile(r"\A(?:\[ERROR\]: )?(?:Encountered an error:\s*)?")
_OLDEST, _NEWEST = (1, 8), (1, 12)
_KILL_AFTER_S = 5.0


class Dbt(msgspec.Struct, frozen=True):
    """A dbt executable."""

    executable: Path
    version: str
    """`1.11.16`; empty when it did not say."""

    @property
    def supported(self) -> bool:
        """True for 1.8 to 1.12."""
        parts = self.version.split(".")
        if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
            return False
        return _OLDEST <= (int(parts[0]), int(parts[1])) <= _NEWEST


class DbtOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one dbt invocation came to."""

    args: tuple[str, ...]
    exit_code: int
    """dbt's: 0 all well, 1 a node or test failed, 2 dbt itself failed; negative: killed."""
    events: list[dict[str, Any]]
    """dbt's JSON log, in order: `{"info": {name, code, level, msg, ...}, "data": {...}}`."""
    other_lines: tuple[str, ...] = ()
    """Lines that were not JSON: stderr, prints, tracebacks (at most 2,000)."""
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def errors(self) -> tuple[str, ...]:
        """Messages of level error, then what dbt printed outside its log."""
        messages = [
            _PREFIX.sub("", str(event["info"].get("msg") or ""))
            for event in self.events
            if event["info"].get("level") == "error"
            and event["info"].get("name") != "MainStackTrace"
        ]
        return tuple(text for text in messages if text.strip()) or self.other_lines[-20:]


def find_dbt(environ: Mapping[str, str] | None = None) -> Dbt:
    """The dbt to run: AGENTIC_DBT, else the first on PATH, else the one beside our Python.

    Raises DbtError when there is none, or when it is not dbt Core 1.8 to 1.12.
    """
    env = os.environ if environ is None else environ
    named = env.get("AGENTIC_DBT")
    if named:
        found = shutil.which(named, path=env.get("PATH"))
        if not found:
            raise DbtError(
                f"AGENTIC_DBT names {named!r}, which is not an executable",
                hint="Set AGENTIC_DBT to the path of a dbt executable, or unset it.",
            )
    else:
        beside = Path(sys.executable).parent / "dbt"
        found = shutil.which("dbt", path=env.get("PATH")) or shutil.which(str(beside))
    if not found:
        raise DbtError(
            "no dbt found: neither on PATH nor beside this Python",
            hint="Install dbt (`pip install dbt-core dbt-duckdb`), or set AGENTIC_DBT to its path.",
        )
    dbt = Dbt(Path(found).absolute(), _version(Path(found), env))
    if not dbt.supported:
        raise DbtError(
            f"{dbt.executable} is dbt {dbt.version or 'of an unknown version'}",
            hint="agentic runs dbt Core 1.8 to 1.12; set AGENTIC_DBT to such a one.",
        )
    return dbt


def _version(executable: Path, env: Mapping[str, str]) -> str:
    """The version, from the metadata beside it where there is one: starting dbt costs 2 s."""
    for folder in (executable.parent, executable.resolve().parent):
        found = [*folder.parent.glob("lib/python3*/site-packages/dbt_core-*.dist-info")]
        if len(found) == 1:  # of two, only dbt itself knows which is its own
            return found[0].name.removeprefix("dbt_core-").removesuffix(".dist-info")
    try:
        done = subprocess.run(
            [str(executable), "--version"],
            capture_output=True,
            text=True,
            timeout=60,
            env=child_environment(env),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DbtError(f"{executable} could not be started: {error}") from error
    match = _VERSION.search(done.stdout + done.stderr)
    return match.group(1) if match else ""


def run_dbt(
    dbt: Dbt,
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
) -> DbtOutcome:
    """Run `dbt ARGS` in `cwd` and collect its JSON log; `on_line` gets each message for progress.

    `env` is the child's whole environment, best from `child_environment`; None: the scrubbed one.
    Callers pass --project-dir, --profiles-dir, --target and --target-path. `cwd` and the
    folders above it must hold no `.env`: dbt 1.12 would load it. Past `timeout_s` the whole process
    group is killed. Raises DbtError when dbt cannot be started.
    """
    command = [str(dbt.executable), *GLOBAL_FLAGS, *args]
    if "--log-path" not in args:
        # dbt makes the folder even when it logs to no file; the project's must not appear.
        command[1:1] = ["--log-path", tempfile.gettempdir()]
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(child_environment() if env is None else env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise DbtError(f"dbt could not be started: {error}", where=str(dbt.executable)) from error
    return _collect(process, tuple(args), timeout_s, on_line)


# One-line JSON on stdout, nothing in the project's logs folder, no message home.
GLOBAL_FLAGS = (
    "--log-format", "json", "--log-level-file", "none", "--no-use-colors",
    "--no-send-anonymous-usage-stats",
)  # fmt: skip


def _collect(
    process: subprocess.Popen[str],
    args: tuple[str, ...],
    timeout_s: float | None,
    on_line: Callable[[str], None] | None,
) -> DbtOutcome:
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        kill_group(process)

    timer = threading.Timer(timeout_s, stop) if timeout_s else None
    if timer:
        timer.daemon = True
        timer.start()
    events: list[dict[str, Any]] = []
    others: list[str] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = parse_line(line)
            if event is not None:
                events.append(event)
            elif line.strip() and len(others) < 2000:
                others.append(line.rstrip())
            if on_line:
                on_line(str(event["info"].get("msg") or "") if event else line.rstrip())
        exit_code = process.wait()
    except BaseException:
        # Ctrl-C or an error of on_line: dbt is in its own group and would go on writing without us.
        kill_group(process)
        raise
    finally:
        if timer:
            timer.cancel()
        process.stdout.close()
    return DbtOutcome(
        args=args,
        exit_code=exit_code,
        events=events,
        other_lines=tuple(others),
        timed_out=timed_out.is_set(),
    )


def parse_line(line: str) -> dict[str, Any] | None:
    """One line of dbt's JSON log, or None when it is something else."""
    if not line.startswith("{"):
        return None
    try:
        event = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    return event if isinstance(event.get("info"), dict) else None


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process and all it started: first asked, then forced."""
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_AFTER_S)
    _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
