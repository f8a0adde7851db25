"""A process of the user's: no secrets of ours, a bound on time, a bound on what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

SAID_CAP = 2_000_000
_ERRORS_KEPT = 4_000


class Said(msgspec.Struct, frozen=True):
    """What a process said and how it ended."""

    exit_code: int
    out: bytes
    errors: str
    """The end of what it wrote to stderr."""
    late: bool = False
    flooded: bool = False


def run_child(
    command: Sequence[str], given: bytes, *, cwd: Path, env: Mapping[str, str], timeout_s: float
) -> Said:
    """Run it in a process group of its own, which is killed at the bound. Raises OSError."""
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        kill(process)

    timer = threading.Timer(timeout_s, stop)
    timer.daemon = True
    timer.start()
    errors = bytearray()
    listener = threading.Thread(target=_keep_end, args=(process, errors), daemon=True)
    listener.start()
    try:
        out = _told(process, given)
        flooded = len(out) > SAID_CAP
        if flooded:
            kill(process)
        exit_code = process.wait()
    except BaseException:
        kill(process)
        raise
    finally:
        timer.cancel()
    kill(process)  # what it started and left behind
    listener.join(2)
    told = errors.decode(errors="replace").strip()
    return Said(exit_code, out, told, late.is_set(), flooded)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _told(process: subprocess.Popen[bytes], given: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(given)
        process.stdin.close()
    return process.stdout.read(SAID_CAP + 1)


def _keep_end(process: subprocess.Popen[bytes], errors: bytearray) -> None:
    assert process.stderr is not None
    with suppress(ValueError, OSError):
        while chunk := os.read(process.stderr.fileno(), 65_536):
            errors += chunk
            del errors[:-_ERRORS_KEPT]
