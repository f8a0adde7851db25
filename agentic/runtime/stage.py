"""Where a step of a plan works: the project as the steps before it left it.

Each accepted proposal is a commit on the run's local branch. The next step gets a session on that
commit, in a worktree outside the repository: tools, checks and workspaces then see it as they would
see a checkout, and the user's own stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agentic.compiler import compile_project, parse_project
from agentic.config import load_files
from agentic.exceptions import GitError, WorkspaceError
from agentic.guardrails import world_of
from agentic.lineage import Graph
from agentic.project import Manifest, Project, Repo, Target, list_targets
from agentic.runtime.session import Session
from agentic.workspace import Spot, local_file, take_spot


class _Frozen(Repo):
    """The worktree's repository: its state is the commit, whatever links lie in it."""

    commit = ""

    def snapshot(self, message: str = "Uncommitted state") -> str:
        return self.commit or super().snapshot(message)

    def is_dirty(self) -> bool:
        return False


class Stage:
    """One worktree a plan's run, moved from commit to commit. Use it as a context manager."""

    def __init__(self, outer: Session, run_id: str) -> None:
        self.outer = outer
        self.run_id = run_id
        self._spot: Spot | None = None
        self._made: tuple[str, Session] | None = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, commit: str) -> Session:
        """A session on a commit; the checkout's own where that is the same state.

        Raises GitError, WorkspaceError, DbtError when the project does not parse there.
        """
        outer = self.outer
        if commit == outer.repo.snapshot():
            return replace_session(outer, outer=outer.compiled)
        if self._made is None or self._made[0] != commit:
            self._made = (commit, self._session(commit))
        return self._made[1]

    def close(self) -> None:
        """Remove the worktree."""
        if self._spot is not None:
            self._spot.close()
            self._spot = None

    def _session(self, commit: str) -> Session:
        outer = self.outer
        if self._spot is None:
            self._spot = take_spot(outer.project, outer.repo, outer.target, run_id=self.run_id)
        spot = self._spot
        spot.check_out(commit)
        project = _moved(outer.project, spot.tree / outer.repo.relative(outer.project.root))
        _link_packages(outer.project, project)
        manifest = _parsed(project, spot.cache / "stage", outer.target)
        repo = _Frozen.open(spot.tree)
        assert isinstance(repo, _Frozen)
        repo.commit = commit
        graph = Graph(manifest)
        compiled = compile_project(
            project,
            load_files(outer.project.root),
            manifest,
            graph,
            target=outer.target,
            targets=list_targets(outer.project),
        )
        return replace_session(
            outer,
            project=project,
            target=absolute(outer.target, outer.project.root),
            repo=repo,
            manifest=manifest,
            graph=graph,
            compiled=compiled,
            world=world_of(manifest, compiled.guardrails, outer.target),
            outer=outer.compiled,
            checkout=outer.project,
        )


def replace_session(session: Session, **changes: Any) -> Session:
    """A session with other parts."""
    fields = {name: getattr(session, name) for name in session.__dataclass_fields__}
    return Session(**{**fields, **changes})


def absolute(target: Target, project_root: Path) -> Target:
    """A DuckDB target whose files are named by whole paths: relative ones are the checkout's."""
    if target.adapter != "duckdb":
        return target
    settings = dict(target.settings)
    settings["path"] = _whole(str(settings.get("path") or ":memory:"), project_root)
    attached = settings.get("attach")
    if isinstance(attached, list):
        settings["attach"] = [_attachment(one, project_root) for one in attached]
    return replace(target, settings=settings)


def _attachment(one: Any, project_root: Path) -> Any:
    if not isinstance(one, Mapping) or not one.get("path"):
        return one
    return {**one, "path": _whole(str(one["path"]), project_root)}


def _whole(path: str, project_root: Path) -> str:
    bare, mark, more = path.partition("?")
    file = local_file(bare, project_root)
    return path if file is None else f"{file}{mark}{more}"


def _moved(project: Project, root: Path) -> Project:
    """The same project in the worktree; case files and past artifacts stay the checkout's."""
    if not (root / "dbt_project.yml").is_file():
        raise GitError(f"the commit has no dbt_project.yml in {root.name}")
    return replace(project, root=root)


def _link_packages(project: Project, moved: Project) -> None:
    """Installed packages are git-ignored, so that the worktree has none."""
    if not project.packages_path.is_relative_to(project.root) or not project.packages_path.is_dir():
        return
    link = moved.root / project.packages_path.relative_to(project.root)
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(project.packages_path, target_is_directory=True)


def _parsed(project: Project, folder: Path, target: Target) -> Manifest:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written: {error.strerror}") from error
    return parse_project(replace(project, target_path=folder), target)
