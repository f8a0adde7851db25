"""Which files a tool may read: text inside the project, nothing that a link leads out to."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError

TEXT = frozenset({".sql", ".yml", ".yaml", ".csv", ".md", ".py", ".json", ".txt", ".toml", ".cfg"})
"""Endings that hold project text; anything else is named, never read."""
HIDDEN = frozenset({"profiles.yml", ".env", "agents.yml", "guardrails.yml"})
"""May hold credentials or the rules of the run itself."""
SKIPPED = frozenset({".git", ".agentic", "target", "logs", "node_modules", ".venv", "venv"})
MAX_BYTES = 200_000
"""A file above this is refused: it is a data set, not code."""


def relative_path(path: str) -> str:
    """A path as the tools write it: relative to the project, forward slashes, no way upwards.

    Raises ToolError for an absolute path, `..`, or a part that is skipped.
    """
    pure = PurePosixPath(path.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ToolError(f"{path!r} is not a path inside the project")
    if SKIPPED & set(pure.parts) or pure.name in HIDDEN or pure.name.startswith(".env"):
        raise ToolError(f"{path!r} is not readable by tools")
    return pure.as_posix()


def inside(bench: Bench, path: str) -> Path:
    """The file behind a relative path. Raises ToolError when it lies outside or is a link out."""
    root = Path(bench.project.root).resolve()
    real = (root / relative_path(path)).resolve()
    if not real.is_relative_to(root):
        raise ToolError(f"{path!r} leads out of the project")
    # A link inside the project may lead to what is hidden by its own name.
    key = relative_path(real.relative_to(root).as_posix())
    if real.suffix.lower() not in TEXT and real.is_file():
        raise ToolError(f"{path!r} is no project text", hint=", ".join(sorted(TEXT)))
    refuse_rows(bench, key)
    return real


def refuse_rows(bench: Bench, path: str) -> None:
    """A seed's file holds the rows of its relation: what may not leave there may not leave here.

    Raises ToolError.
    """
    if bench.world is None or not path.endswith(".csv"):
        return
    for node in bench.manifest.all.values():
        relation = f"{node.schema}.{node.alias}".lower()
        if node.original_file_path == path and bench.world.shields(relation):
            raise ToolError(f"{path} holds values that may not be read", hint="Ask for counts.")


def current_text(bench: Bench, path: str) -> str | None:
    """The text a proposal would see: the edit so far, else the file; None when there is none.

    Raises ToolError for a file outside the project, too large, or not text.
    """
    key = relative_path(path)
    if key in bench.edits:
        return bench.edits[key].after
    return file_text(bench, key)


def file_text(bench: Bench, path: str) -> str | None:
    """The text in the user's tree; None when there is no such file."""
    real = inside(bench, path)
    if not real.is_file():
        return None
    if real.stat().st_size > MAX_BYTES:
        raise ToolError(
            f"{path} is larger than {MAX_BYTES} bytes", hint="Ask the relation instead."
        )
    try:
        return real.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text: {error}") from error


def project_files(bench: Bench) -> list[Path]:
    """Text files of the project, packages and targets left out, sorted."""
    root = Path(bench.project.root).resolve()
    packages = Path(bench.project.packages_path).name
    found = []
    for directory, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED | {packages} and n[0] != ".")
        here = (Path(directory) / name for name in files if name not in HIDDEN)
        found += [file for file in here if file.suffix in TEXT and not file.is_symlink()]
    return sorted(found)
