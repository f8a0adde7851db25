"""Commands of `agentic` that ask a person, in a terminal of their own, as a person uses them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from tests.support.tiny import Tiny, clean_environment

SCRIPT = "from agentic.cli.entry import main; main()"
_TOKEN = re.compile(r"(?:type its token |type )([0-9a-f]{4,})\b")


def answer(
    tiny: Tiny, name: str, *, typed: str | None = None, more: tuple[str, ...] = ()
) -> tuple[int, str]:
    """`agentic approve NAME`; types the token that it shows, or `typed`."""
    return at_terminal(tiny, "approve", name, *more, typed=typed)


def at_terminal(tiny: Tiny, *args: str, typed: str | None = None) -> tuple[int, str]:
    """A command; types the token that it shows, or `typed`. Its exit code and what it said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *args, "--profiles-dir", str(tiny.profiles)],
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
        if token := _TOKEN.search(line):
            os.write(ours, f"{token[1] if typed is None else typed}\n".encode())
    code = process.wait()
    os.close(ours)
    return code, said
