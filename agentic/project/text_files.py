"""The text files of a dbt project, as dbt would read them."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

SUFFIXES = (".sql", ".yml", ".yaml", ".md", ".py", ".csv", ".json", ".txt")
LARGEST_BYTES = 1_000_000
"""Larger files are data, not code."""


def text_files(root: Path, *, leave_out: Collection[str] = ()) -> dict[str, str]:
    """Path (relative, forward slashes) to text of every small text file below a folder.

    Hidden folders and those named in `leave_out` are passed over, links are not followed, and a
    file that is not UTF-8 is left out.
    """
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in leave_out)
        here = Path(folder)
        inside = here.relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        for name in sorted(names):
            if not name.endswith(SUFFIXES) or (here / name).is_symlink():
                continue
            text = _text(here / name)
            if text is not None:
                found[prefix + name] = text
    return found


def _text(file: Path) -> str | None:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
