"""One copy of the project in a workspace: its worktree, its schema, its dbt invocations.

A workspace has two sides: the change, and the base that it is compared with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path, PurePosixPath

import msgspec

from agentic.exceptions import DbtError, WorkspaceError
from agentic.project import Dbt, DbtOutcome, DbtSession, Manifest, Project, load_manifest, run_dbt
from agentic.workspace.isolation import (
    OVERRIDES_FILE,
    isolate_file,
    override_macros,
    rewrite_project_file,
    without_keys,
)
from agentic.workspace.packages import link_packages
from agentic.workspace.profile import TARGET_NAME, Profile
from agentic.workspace.thin import CUT_KEYS, Thin

_PROJECT_FILE = "dbt_project.yml"
_SCANNED = (".sql", ".yml", ".yaml")
PARSE_CACHE = "partial_parse.msgpack"
WORTH_KEEPING = 2_000_000
"""Bytes; below that a fresh parse costs less than a second."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one side lies."""

    name: str
    """`change` or `base`."""
    tree: Path
    """Its worktree."""
    project_root: Path
    """The dbt project inside the worktree."""
    target_path: Path
    schema: str
    database: str
    suffixes: bool
    """Custom schemas become `<schema>_<custom>`; otherwise all nodes share one schema."""
    cache: Path
    """Folder that outlives the workspace, for dbt's parse cache."""


class Side:
    """Runs dbt on one copy of the project."""

    def __init__(
        self,
        place: Place,
        *,
        project: Project,
        dbt: Dbt,
        profile: Profile,
        environment: Mapping[str, str],
    ) -> None:
        self.place = place
        self.environment = {**environment, **profile.environment}
        self._project = project
        self._dbt = dbt
        self._profile = profile
        self._aside: dict[str, bytes] = {}
        self._session: DbtSession | None = None

    def prepare(self, repository: Path) -> None:
        """Make a fresh worktree a project that can be built in isolation, and only so."""
        place = self.place
        for file in _project_files(place.project_root, self._project):
            self._isolate(file)
        self._isolate_project_file()
        # dbt 1.12 reads the nearest `.env` upwards into the environment: this one stops it.
        (place.project_root / ".env").unlink(missing_ok=True)
        (place.project_root / ".env").touch()
        folder = place.project_root / self._packages_folder()
        link_packages(
            self._project.packages_path,
            folder,
            moved=(repository, place.tree),
            place=(place.schema, place.database),
        )
        place.target_path.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(place.cache / PARSE_CACHE, place.target_path / PARSE_CACHE)

    def keep_cache(self) -> None:
        """Save dbt's parse cache for the next workspace at this place, where it saves seconds."""
        file = self.place.target_path / PARSE_CACHE
        with suppress(OSError):
            if file.stat().st_size >= WORTH_KEEPING:
                self.place.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
                file.replace(self.place.cache / PARSE_CACHE)

    def write_file(self, path: str, text: str | None) -> None:
        """Write or delete one file of the project. Raises WorkspaceError for a path outside it."""
        file = self._inside(path)
        if text is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if path == _PROJECT_FILE:
            self._isolate_project_file()
        elif file.suffix in _SCANNED:
            self._isolate(file)

    def write_macros(self, name: str, text: str) -> None:
        """Add a macro file of the workspace's own."""
        file = self.place.project_root / self._macro_folder() / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def narrow(self, thin: Thin) -> None:
        """Set aside what one build does not need, until `widen`."""
        root = self.place.project_root
        for path in (*thin.aside, *thin.stubs, *thin.cut):
            file = root / path
            if not file.is_file() or file.is_symlink():
                continue
            self._aside[path] = file.read_bytes()
            if path in thin.stubs:
                file.write_text(thin.stubs[path], encoding="utf-8")
            elif path in thin.cut:
                text = self._aside[path].decode("utf-8", errors="replace")
                file.write_text(without_keys(text, CUT_KEYS), encoding="utf-8")
            else:
                file.unlink()

    def widen(self) -> None:
        """Bring back what `narrow` set aside."""
        for path, content in self._aside.items():
            (self.place.project_root / path).write_bytes(content)
        self._aside.clear()

    @property
    def target_path(self) -> Path:
        """Where dbt writes now; a thin project has artifacts and a parse cache of its own."""
        path = self.place.target_path
        return path.with_name(f"{path.name}_thin") if self._aside else path

    def parse(self) -> tuple[Manifest | None, DbtOutcome]:
        """`dbt parse`: the project as dbt resolves it here, or None when it does not parse."""
        (self.target_path / "manifest.json").unlink(missing_ok=True)
        outcome = self.run("parse")
        if not outcome.ok:
            return None, outcome
        return self.manifest(), outcome

    def manifest(self) -> Manifest | None:
        """The manifest that dbt wrote last, or None when there is none."""
        file = self.target_path / "manifest.json"
        return load_manifest(file) if file.is_file() else None

    def run(
        self,
        command: str,
        *args: str,
        on_line: Callable[[str], None] | None = None,
        timeout_s: float | None = None,
    ) -> DbtOutcome:
        """One dbt command, all paths and switches given.

        A parse and the build after it share a process, where the user's dbt can be driven so.
        """
        place = self.place
        (self.target_path / "run_results.json").unlink(missing_ok=True)
        where = (
            "--project-dir", str(place.project_root),
            "--profiles-dir", str(self._profile.folder),
            "--profile", self._project.profile,
            "--target", TARGET_NAME,
            "--target-path", str(self.target_path),
            "--log-path", str(self.target_path / "logs"),
        )  # fmt: skip
        full = [command, *args, *where]
        cwd, env = place.project_root, self.environment
        if command == "parse":
            self.end_session()
            self._session = DbtSession.start(self._dbt, cwd=cwd, env=env)
        if self._session is not None:
            try:
                return self._session.run(full, on_line=on_line)
            except DbtError:
                self.end_session()
                if command != "parse":
                    raise
        return run_dbt(self._dbt, full, cwd=cwd, env=env, on_line=on_line, timeout_s=timeout_s)

    def end_session(self) -> None:
        """End the living dbt: it may hold the database's lock."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _inside(self, path: str) -> Path:
        """A file of the project by its relative path; no link may lead out of the worktree."""
        pure = PurePosixPath(path)
        root = self.place.project_root
        file = root / pure
        legal = not pure.is_absolute() and ".." not in pure.parts and ".git" not in pure.parts
        if not legal or file.is_symlink() or not file.parent.resolve().is_relative_to(root):
            raise WorkspaceError(
                f"{path!r} is not a path inside the dbt project",
                hint="Edits name files by their path relative to dbt_project.yml.",
            )
        return file

    def _isolate(self, file: Path) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return
        new = isolate_file(file.name, text, schema=self.place.schema, database=self.place.database)
        if new != text:
            _replace(file, new)

    def _isolate_project_file(self) -> None:
        file = self.place.project_root / _PROJECT_FILE
        text = file.read_text(encoding="utf-8")
        replace: dict[str, object] = {}
        if self._packages_folder() != str(self._project.config.get("packages-install-path") or ""):
            replace["packages-install-path"] = self._packages_folder()
        if not self._project.macro_paths:
            replace["macro-paths"] = [self._macro_folder()]
        new = rewrite_project_file(text, replace=replace if _differs(text, replace) else None)
        new = isolate_file(
            _PROJECT_FILE, new, schema=self.place.schema, database=self.place.database
        )
        if new != text:
            _replace(file, new)
        self.write_macros(OVERRIDES_FILE, override_macros(suffixes=self.place.suffixes))

    def _packages_folder(self) -> str:
        """Relative to the project, whatever the user has: links into it are made per workspace."""
        project = self._project
        if project.packages_path.is_relative_to(project.root):
            return project.packages_path.relative_to(project.root).as_posix()
        return "dbt_packages"

    def _macro_folder(self) -> str:
        return (*self._project.macro_paths, "agentic_workspace_macros")[0]


def _differs(text: str, replace: Mapping[str, object]) -> bool:
    """A default that is not written out need not be written: the file keeps its bytes."""
    if replace == {"packages-install-path": "dbt_packages"}:
        return "packages-install-path" in text
    return bool(replace)


def _project_files(root: Path, project: Project) -> Sequence[Path]:
    """SQL and YAML of the project in the worktree, links not followed."""
    code = (project.macro_paths, project.snapshot_paths, project.model_paths)
    folders = dict.fromkeys(chain(*code, project.seed_paths, project.test_paths))
    found: dict[Path, None] = {}
    for name in folders:
        for folder, _, names in os.walk(root / name):
            found.update(
                dict.fromkeys(Path(folder, one) for one in names if one.endswith(_SCANNED))
            )
    return [file for file in found if not file.is_symlink()]


def _replace(file: Path, text: str) -> None:
    """Write a new file in place of the old one, never through a link."""
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")
