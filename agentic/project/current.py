"""Whether the manifest is older than the project's files, and a parse elsewhere to find out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from agentic.project.dbt import Dbt, DbtOutcome, run_dbt
from agentic.project.environment import child_environment, named_variables
from agentic.project.locate import PROJECT_FILE, Project
from agentic.project.profiles import Target

_READ_BY_DBT = (".sql", ".py", ".yml", ".yaml", ".csv", ".md")
_BESIDE = (PROJECT_FILE, "packages.yml", "dependencies.yml", "package-lock.yml", "selectors.yml")


def changed_since(project: Project, artifact: Path) -> tuple[str, ...]:
    """Files of the project that are newer than an artifact, newest first, relative to the root.

    A folder is named where something in it was removed, added or renamed. A missing artifact is
    older than everything.
    """
    try:
        made = artifact.stat().st_mtime_ns
    except OSError:
        made = -1
    newer = [(when, path) for when, path in _times(project) if when > made]
    ordered = sorted(newer, key=lambda entry: (-entry[0], entry[1]))
    return tuple(path.relative_to(project.root).as_posix() for _, path in ordered)


def _times(project: Project) -> Iterator[tuple[int, Path]]:
    # `model-paths: ["."]` is legal.
    skipped = {project.target_path, project.packages_path}
    skipped |= {project.root / name for name in (".git", ".agentic", "logs", "target")}
    for name in _BESIDE:
        file = project.root / name
        if file.is_file():
            yield file.stat().st_mtime_ns, file
    for root in project.source_roots:
        for folder, below, names in os.walk(root):
            below[:] = [name for name in below if Path(folder, name) not in skipped]
            # Only what lies under the root can be named relative to it.
            if not Path(folder).is_relative_to(project.root):
                continue
            yield Path(folder).stat().st_mtime_ns, Path(folder)
            for name in names:
                file = Path(folder, name)
                if name.endswith(_READ_BY_DBT) and file.exists():
                    yield file.stat().st_mtime_ns, file


def dbt_flags(project_root: Path, target: Target, target_path: Path) -> list[str]:
    """The four flags without which dbt may take another project, profile, target or folder."""
    assert target.profiles_path is not None
    return [
        "--project-dir",
        str(project_root),
        "--profiles-dir",
        str(target.profiles_path.parent),
        "--target",
        target.name,
        "--target-path",
        str(target_path),
    ]


def parse_project(
    project: Project,
    dbt: Dbt,
    target: Target,
    *,
    into: Path,
    on_line: Callable[[str], None] | None = None,
    timeout_s: float = 600,
) -> DbtOutcome:
    """`dbt parse` with its artifacts in another folder, where it also runs: no `.env` lies there.

    Never partial: partial parsing lets some broken references through.
    """
    into.mkdir(parents=True, exist_ok=True)
    named = named_variables(project, *([target.profiles_path] if target.profiles_path else []))
    return run_dbt(
        dbt,
        ["--no-partial-parse", "parse", *dbt_flags(project.root, target, into)],
        cwd=into,
        env=child_environment(named=named),
        timeout_s=timeout_s,
        on_line=on_line,
    )
