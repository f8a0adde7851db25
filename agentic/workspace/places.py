"""Where workspaces lie on disk, who holds them, and the note that lets a sweep find them again.

A project's workspaces are numbered slots under the user's cache folder. A slot is held by a file
lock, which the operating system drops when its holder dies, however it dies. Slots keep their path
and schema from run to run, so that dbt's parse cache stays valid.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from agentic.exceptions import WorkspaceError
from agentic.records import dumps, loads

_SLOTS = 64


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace made or is about to make: all that a sweep needs to remove it."""

    run_id: str
    pid: int
    host: str
    slot: str
    """Absolute path of the slot's folder."""
    worktrees: tuple[str, ...]
    """Absolute paths."""
    adapter: str
    target: str
    """Name of the dbt target whose warehouse holds the schemas."""
    schemas: tuple[str, ...]
    """Schemas of the workspace; each may have others named `<schema>_...`."""
    started_at: float
    """Seconds since the epoch."""


class Slot:
    """A folder that one living process holds."""

    def __init__(self, folder: Path, number: int, handle: int) -> None:
        self.folder = folder
        self.number = number
        self._handle = handle

    @property
    def cache(self) -> Path:
        """What stays when the workspace goes: dbt's parse cache."""
        return self.folder / "cache"

    def release(self) -> None:
        """Let go of the lock; a slot without a parse cache goes too."""
        if self._handle >= 0:
            remove_slot(self.folder)
            os.close(self._handle)
            self._handle = -1


def workspaces_home(home: Path | None = None) -> Path:
    """The folder that holds every project's slots: `home`, or under the user's cache folder."""
    if home is not None:
        return home.expanduser().resolve()
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache else Path.home() / ".cache"
    return base.expanduser().resolve() / "agentic" / "workspaces"


def project_key(project_root: Path) -> str:
    """Eight hex characters that name this checkout on this machine."""
    text = f"{host()}\n{os.getuid()}\n{project_root.resolve()}"
    return sha256(text.encode()).hexdigest()[:8]


def take_slot(project_root: Path, home: Path | None = None, *, at_least: int = 0) -> Slot:
    """The first free slot of a project. Raises WorkspaceError when the disk says no."""
    parent = workspaces_home(home) / project_key(project_root)
    _outside(parent, project_root)
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(at_least, _SLOTS):
            folder = parent / str(number)
            handle = lock_slot(folder)
            if handle is not None:
                return Slot(folder, number, handle)
    except OSError as error:
        raise WorkspaceError(
            f"no workspace can be made in {parent}: {error.strerror}",
            hint="Set XDG_CACHE_HOME to a folder that you may write to.",
        ) from error
    raise WorkspaceError(
        f"all {_SLOTS} workspaces of this project are in use", hint="Wait for a run to end."
    )


def lock_slot(folder: Path) -> int | None:
    """The handle of a slot's lock, or None when a living process holds it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A holder may have removed the file just now: such a lock keeps nobody out.
            if os.fstat(handle).st_ino == (folder / "lock").stat().st_ino:
                return handle
        except FileNotFoundError:
            pass
        except OSError:
            os.close(handle)
            return None
        os.close(handle)


def remove_slot(folder: Path) -> None:
    """Remove an empty slot, and the project's folder after its last; call it with the lock held."""
    with suppress(OSError):
        (folder / "cache").rmdir()
    if any(item.name != "lock" for item in folder.iterdir()):
        return
    with suppress(OSError):
        (folder / "lock").unlink()
        folder.rmdir()
        folder.parent.rmdir()


def _outside(folder: Path, project_root: Path) -> None:
    """dbt looks upward for files, and git would see a worktree inside the checkout as content."""
    if folder.is_relative_to(project_root.resolve()):
        raise WorkspaceError(
            f"the workspace folder {folder} lies inside the project",
            hint="Set XDG_CACHE_HOME to a folder outside the repository.",
        )


def entries_folder(project_root: Path) -> Path:
    return project_root / ".agentic" / "workspaces"


def write_entry(project_root: Path, entry: Entry) -> Path:
    """Note a workspace, before anything of it exists; whole or not at all."""
    folder = entries_folder(project_root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        file = folder / f"{_safe(entry.run_id)}.json"
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(dumps(entry, indent=2), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise WorkspaceError(
            f"{folder} cannot be written: {error.strerror}",
            hint="agentic keeps its state in .agentic/ of the project.",
        ) from error
    return file


def read_entries(project_root: Path) -> dict[Path, Entry | None]:
    """Every note and what it says; None for one that cannot be read."""
    found: dict[Path, Entry | None] = {}
    for file in sorted(entries_folder(project_root).glob("*.json")):
        try:
            found[file] = loads(file.read_bytes(), Entry)
        except (OSError, msgspec.MsgspecError):
            found[file] = None
    return found


def remove_entry(project_root: Path, run_id: str) -> None:
    with suppress(FileNotFoundError):
        (entries_folder(project_root) / f"{_safe(run_id)}.json").unlink()


def empty_slot(folder: Path) -> None:
    """Delete what a workspace left in its slot, all but the lock and the parse cache."""
    with suppress(FileNotFoundError):
        for item in folder.iterdir():
            if item.name in ("lock", "cache"):
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)


def host() -> str:
    """This machine's name: a note from another machine is not ours to act on."""
    return socket.gethostname()


def process_id() -> int:
    return os.getpid()


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def _safe(run_id: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in run_id)
