"""`agentic approve` in a terminal of its own, as a person uses it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.support.tiny import Tiny, clean_environment

SCRIPT = "from agentic.cli.entry import main; main()"


def answer(
    tiny: Tiny, name: str, *, typed: str | None = None, more: tuple[str, ...] = ()
) -> tuple[int, str]:
    """`agentic approve NAME` in a terminal; types the token that it shows, or `typed`."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SCRIPT, "approve", name, *more]
    process = subprocess.Popen(
        [*command, "--profiles-dir", str(tiny.profiles)],
        cwd=tiny.root,
        env=clean_environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(theirs)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "type its token" in line:
            token = line.split("its token ")[1].split()[0]
            os.write(ours, f"{token if typed is None else typed}\n".encode())
    code = process.wait()
    os.close(ours)
    return code, said
