"""Copies of DuckDB files: a file has one writer, so a workspace writes to a copy of its own.

The copy keeps the file's name, since DuckDB takes the catalog's name from it, and brings the
write-ahead log along, which holds rows that the file itself does not have yet.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentic.exceptions import WorkspaceError

_FICLONE = 0x40049409


def local_file(path: str, project_root: Path) -> Path | None:
    """The file behind a DuckDB path, or None for memory, MotherDuck, remote files and the like."""
    if not path or path.startswith(":memory:") or "://" in path or _scheme(path):
        return None
    return (project_root / Path(path).expanduser()).resolve()


def _scheme(path: str) -> bool:
    head = path.partition(":")[0]
    return ":" in path and len(head) > 1 and head.replace("_", "").isalnum()


def copy_databases(
    settings: Mapping[str, Any], project_root: Path, folder: Path
) -> tuple[dict[str, Any], Path | None]:
    """Copy a DuckDB target's file, and those it attaches, into `folder`.

    Returns the settings that differ, and the main copy (None for a database in memory). Raises
    WorkspaceError when there is no room, or for a database that cannot be copied.
    """
    path = str(settings.get("path") or ":memory:")
    main = local_file(path, project_root)
    if main is None and not path.startswith(":memory:"):
        raise WorkspaceError(
            f"the DuckDB database {path.partition('?')[0]!r} is not a local file",
            hint="agentic builds in a copy of the file; a remote database has none.",
        )
    changes: dict[str, Any] = {"external_root": str(folder / "external")}
    (folder / "external").mkdir(parents=True, exist_ok=True)
    copy = None
    if main is not None:
        copy = copy_database(main, folder / "main")
        changes["path"] = str(copy)
    attached = settings.get("attach")
    if isinstance(attached, list):
        changes["attach"] = [
            _attached(one, project_root, folder / f"attached_{number}")
            for number, one in enumerate(attached)
        ]
    return changes, copy


def _attached(one: Any, project_root: Path, folder: Path) -> Any:
    """An attached database: a local file is copied, anything else may only be read."""
    if not isinstance(one, dict):
        return one
    path = str(one.get("path") or "")
    file = local_file(path, project_root)
    if file is None or not file.is_file():
        return one if path.startswith(":memory:") else {**one, "read_only": True}
    return {**one, "path": str(copy_database(file, folder))}


def copy_database(file: Path, folder: Path) -> Path:
    """Copy one database under its own name, with its `.wal`. A missing file gives a path for it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = folder / file.name
    parts = [file, file.with_name(file.name + ".wal")]
    size = sum(part.stat().st_size for part in parts if part.is_file())
    free = shutil.disk_usage(folder).free
    if size > free:
        raise WorkspaceError(
            f"no room for a copy of {file}: {size >> 20} MB needed, {free >> 20} MB free",
            hint="Free some space, or set XDG_CACHE_HOME to a larger disk.",
        )
    for part in parts:
        if part.is_file():
            _copy(part, folder / part.name)
    return copy


def _copy(source: Path, copy: Path) -> None:
    """A copy that shares blocks where the file system can, else an ordinary one."""
    copy.unlink(missing_ok=True)
    with source.open("rb") as reading, copy.open("wb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            shutil.copyfileobj(reading, writing, 1 << 20)
