"""What compile, ls and init share: both files, the manifest, and every issue of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from agentic.cli.options import Flags
from agentic.cli.output import note
from agentic.compiler import Checked, check_project, current_manifest
from agentic.config import inspect_files
from agentic.exceptions import AgenticError, ConfigError, Issue
from agentic.lineage import Graph
from agentic.project import Project, find_project, list_targets, read_target


class Compilation(NamedTuple):
    """One compilation of the project that the flags name."""

    project: Project
    checked: Checked | None
    """None: the dbt project itself could not be read, see `failure`."""
    issues: tuple[Issue, ...]
    """Errors and warnings, by file and line."""
    failure: AgenticError | None = None

    @property
    def errors(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity == "error")


def compile_here(flags: Flags, *, quiet: bool = False) -> Compilation:
    """Compile the project; what is wrong with the files is told even when dbt cannot parse."""
    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    inspected = inspect_files(project.root)
    try:
        target = read_target(project)
        manifest = current_manifest(project, target, on_line=None if quiet else note)
        checked = check_project(
            project,
            inspected.specs,
            manifest,
            Graph(manifest),
            target=target,
            targets=list_targets(project),
        )
    except ConfigError:
        raise
    except AgenticError as error:
        return Compilation(project, None, inspected.issues, error)
    issues = sorted({*inspected.issues, *checked.errors, *checked.warnings})
    return Compilation(project, checked, tuple(issues))


def shown(issue: Issue, root: Path) -> str:
    """An issue as `path:line:col CODE message`, the path as seen from here."""
    kind = "warning: " if issue.severity == "warning" else ""
    hint = f" — {issue.hint}" if issue.hint else ""
    file = shown_path(root / issue.file)
    return f"{file}:{issue.line}:{issue.column} {issue.code} {kind}{issue.message}{hint}"


def shown_path(path: Path) -> str:
    """A path relative to here when that is shorter, with forward slashes."""
    relative = Path(os.path.relpath(path)).as_posix()
    return relative if not relative.startswith("../../..") else path.as_posix()
