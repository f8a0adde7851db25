"""A worktree of its own without a warehouse: for whoever has to read a commit as a checkout.

It lies in a slot like a workspace does and leaves the same note, so that a sweep finds it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from agentic.exceptions import GitError
from agentic.project import Project, Repo, Target
from agentic.workspace.places import (
    Entry,
    Slot,
    empty_slot,
    entries_folder,
    host,
    now,
    process_id,
    remove_entry,
    take_slot,
    write_entry,
)


class Spot:
    """One slot with one worktree, moved from commit to commit."""

    def __init__(self, project: Project, repo: Repo, slot: Slot, run_id: str) -> None:
        self._project = project
        self._repo = repo
        self._slot = slot
        self._run_id = run_id

    @property
    def folder(self) -> Path:
        """The slot's folder, outside the repository."""
        return self._slot.folder

    @property
    def cache(self) -> Path:
        """What stays in the slot when the worktree goes: dbt's parse cache."""
        return self._slot.cache

    @property
    def tree(self) -> Path:
        """The worktree."""
        return self._slot.folder / "tree"

    def check_out(self, commit: str) -> None:
        """Put the worktree at a commit, detached. Raises GitError."""
        if self.tree.is_dir():
            Repo.open(self.tree).git("checkout", "--quiet", "--force", "--detach", commit)
        else:
            self._repo.add_worktree(self.tree, commit)
        self._share_notes()

    def _share_notes(self) -> None:
        """Workspaces made from here leave their notes with the project, where a sweep looks."""
        inside = self.tree / self._repo.relative(self._project.root)
        shared = entries_folder(self._project.root)
        own = entries_folder(inside)
        own.parent.mkdir(parents=True, exist_ok=True)
        (own.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        with suppress(FileExistsError):
            own.symlink_to(shared, target_is_directory=True)

    def close(self) -> None:
        """Remove the worktree and let the slot go."""
        with suppress(GitError):
            self._repo.remove_worktree(self.tree)
        shutil.rmtree(self.tree, ignore_errors=True)
        empty_slot(self._slot.folder)
        remove_entry(self._project.root, self._run_id)
        self._slot.release()


def take_spot(project: Project, repo: Repo, target: Target, *, run_id: str) -> Spot:
    """A slot for one worktree, noted under `run_id`. Raises WorkspaceError."""
    slot = take_slot(project.root)
    empty_slot(slot.folder)
    write_entry(
        project.root,
        Entry(
            run_id=run_id,
            pid=process_id(),
            host=host(),
            slot=str(slot.folder),
            worktrees=(str(slot.folder / "tree"),),
            # It has no schemas, so there are none to drop.
            adapter="duckdb",
            target=target.name,
            schemas=(),
            started_at=now(),
        ),
    )
    return Spot(project, repo, slot, run_id)
