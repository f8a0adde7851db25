"""What dbt's own log says of invocations, for those that left no artifact.

A build that cannot connect, or is killed, leaves the results of the build before it, which may be
green. Only the log knows that there was another.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from agentic.project.locate import Project
from agentic.project.results import BUILDING

_TAIL_BYTES = 4_000_000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_HEADER = re.compile(r"^=+ \d\d:\d\d:\d\d\.\d+ \| ([0-9a-f-]{36}) =+$", re.MULTILINE)
_COMMAND = re.compile(r"""'invocation_command': (?:'([^'\n]*)'|"([^"\n]*)")""")
_TARGET_PATH = re.compile(r"""'target_path': (?:'([^'\n]*)'|"([^"\n]*)")""")
_ERROR = re.compile(r"Encountered an error:\s*\n(.*?)(?=\n\d\d:\d\d:\d\d\.\d+ \[|\Z)", re.DOTALL)
_WITH_VALUE = frozenset(
    [
        "--log-file-max-bytes", "--log-format", "--log-format-file", "--log-level",
        "--log-level-file", "--log-path", "--printer-width", "--profile", "--profiles-dir",
        "--project-dir", "--target", "-t", "--target-path", "--warn-error-options",
    ]
)  # fmt: skip
_COMMANDS = BUILDING | {
    "clean", "clone", "compile", "debug", "deps", "docs", "init", "list", "ls", "parse",
    "run-operation", "show", "source",
}  # fmt: skip


class Logged(msgspec.Struct, frozen=True):
    """One invocation as dbt's log has it."""

    invocation_id: str
    command: str
    """`dbt build --select x`, as typed."""
    error: str = ""
    """Why dbt stopped, if it did."""
    target_path: str = ""
    """As given by flag or environment; empty: the project's own."""

    @property
    def which(self) -> str:
        """build, run, ls, ...; empty when the command line does not say."""
        words = self.command.split()
        before = ["", *words]
        # `--log-format-file debug` is no `dbt debug`.
        own = (word for word, last in zip(words, before, strict=False) if last not in _WITH_VALUE)
        return next((word for word in own if word in _COMMANDS), "")


def logged_invocations(project: Project) -> tuple[Logged, ...]:
    """The last invocations in logs/dbt.log, oldest first; empty when there is no such log."""
    folder = os.environ.get("DBT_LOG_PATH") or str(project.config.get("log-path") or "logs")
    text = _COLOURS.sub("", _tail(project.root / folder / "dbt.log"))
    heads = list(_HEADER.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    return tuple(
        _logged(head[1], text[head.end() : end]) for head, end in zip(heads, ends, strict=True)
    )


def unfinished_build(project: Project, *known: str | None) -> Logged | None:
    """The last building invocation of the log, if it came after all of `known` and is none of them.

    `known` are the invocations that left artifacts, those of results before that of the manifest.
    """
    logged = logged_invocations(project)
    ids = [one.invocation_id for one in logged]
    last = next((one for one in reversed(logged) if _builds_here(one, project)), None)
    if last is None or last.invocation_id == (known[0] if known else None):
        return None
    # Without one common invocation the log may be of another time or place.
    return last if any(one in ids for one in known) else None


def _builds_here(one: Logged, project: Project) -> bool:
    """True for a building command whose artifacts belong in the project's own target folder."""
    if one.which not in BUILDING:
        return False
    return not one.target_path or (project.root / one.target_path).resolve() == project.target_path


def _logged(invocation_id: str, section: str) -> Logged:
    command = _COMMAND.search(section)
    error = _ERROR.search(section)
    folder = _TARGET_PATH.search(section)
    named = (folder[1] or folder[2] or "") if folder else ""
    return Logged(
        invocation_id=invocation_id,
        command=(command[1] or command[2] or "") if command else "",
        error=error[1].strip()[:4000] if error else "",
        target_path=named if named != "None" else "",
    )


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - _TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""
