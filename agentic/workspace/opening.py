"""Open a workspace, and remove what dead ones left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from agentic.exceptions import AgenticError
from agentic.project import Dbt, Manifest, Project, Repo, Target, list_targets
from agentic.warehouse import open_connection
from agentic.workspace.frame import Wish, make_frame
from agentic.workspace.ground import drop_schemas
from agentic.workspace.places import Entry, empty_slot, host, lock_slot, read_entries, remove_slot
from agentic.workspace.workspace import Workspace


def open_workspace(  # noqa: PLR0913 - the seam that other rooms build on
    project: Project,
    repo: Repo,
    *,
    target: Target,
    manifest: Manifest,
    build_schemas: Sequence[str],
    run_id: str,
    home: Path | None = None,
    dbt: Dbt | None = None,
) -> Workspace:
    """An isolated place for one run. Close it, or use it as a context manager.

    `target`: where to build, with the baseline's data. `manifest`: the baseline, which builds defer
    to. `home`: folder of all workspaces (default: under the user's cache folder). Raises
    WorkspaceError, GitError, WarehouseError (WarehouseLocked under a writer), DbtError.
    """
    return Workspace(
        make_frame(
            Wish(
                project=project,
                repo=repo,
                target=target,
                baseline=manifest,
                build_schemas=tuple(build_schemas),
                run_id=run_id,
                home=home,
                dbt=dbt,
            )
        )
    )


def sweep(project: Project, repo: Repo | None, target: Target | None = None) -> tuple[str, ...]:
    """Remove what dead runs left: their dbt, worktrees, copies, schemas, notes.

    A workspace whose holder lives is not touched. Returns what was removed, a line each. What
    cannot be removed now (a warehouse that is down) keeps its note for the next sweep.
    """
    removed: list[str] = []
    for file, entry in read_entries(project.root).items():
        if entry is None:
            file.unlink(missing_ok=True)
            removed.append(f"note {file.name}")
        elif entry.host == host():
            removed += _sweep_one(project, repo, target, entry, file)
    return tuple(removed)


def _sweep_one(
    project: Project, repo: Repo | None, target: Target | None, entry: Entry, note: Path
) -> list[str]:
    slot = Path(entry.slot)
    handle = lock_slot(slot)
    if handle is None:
        return []
    removed: list[str] = []
    try:
        removed += _end_orphans(slot)
        whole = _remove_worktrees(repo, entry, removed)
        whole &= _remove_schemas(project, target, entry, removed)
        empty_slot(slot)
        if whole:
            note.unlink(missing_ok=True)
            removed.append(f"workspace of run {entry.run_id}")
    finally:
        remove_slot(slot)
        os.close(handle)
    return removed


def _remove_worktrees(repo: Repo | None, entry: Entry, removed: list[str]) -> bool:
    if repo is None:
        return True
    known = {str(path) for path in repo.worktrees()}
    for path in entry.worktrees:
        if path not in known:
            continue
        try:
            repo.remove_worktree(Path(path))
        except AgenticError:
            return False
        removed.append(f"worktree {path}")
    return True


def _remove_schemas(
    project: Project, target: Target | None, entry: Entry, removed: list[str]
) -> bool:
    """A DuckDB workspace had its schemas in a copy, which goes with the slot."""
    if entry.adapter == "duckdb":
        return True
    try:
        found = list_targets(project).get(entry.target) or target
        if found is None:
            return False
        with open_connection(found, project_root=project.root, writable=True) as connection:
            removed += [f"schema {name}" for name in drop_schemas(connection, entry.schemas)]
    except AgenticError:
        return False
    return True


def _end_orphans(slot: Path) -> list[str]:
    """End a dbt that outlived its run: it would go on writing. Its arguments name the slot."""
    ended: list[str] = []
    for pid in _processes_of(slot):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            ended.append(f"process {pid}")
    deadline = time.monotonic() + 5
    while ended and time.monotonic() < deadline and any(_processes_of(slot)):
        time.sleep(0.05)
    return ended


def _processes_of(slot: Path) -> Iterator[int]:
    """Our user's processes that were started with a path in the slot (Linux; nothing elsewhere)."""
    marker = f"{slot}/".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            mine = folder.stat().st_uid == os.getuid() and int(folder.name) != os.getpid()
            if mine and marker in (folder / "cmdline").read_bytes():
                yield int(folder.name)
