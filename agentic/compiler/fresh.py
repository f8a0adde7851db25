"""A dbt manifest that fits the files as they are: the last one, or one parsed beside it.

Never writes where dbt's own artifacts lie: a parse of ours may not hide what a red build left.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from agentic.exceptions import ArtifactError, DbtError, ProjectError
from agentic.project import (
    Manifest,
    Project,
    Target,
    child_environment,
    find_dbt,
    load_manifest,
    load_run_results,
    named_variables,
    read_target,
    run_dbt,
)

_SOURCES = (".sql", ".yml", ".yaml", ".csv", ".py")
_PROJECT_FILES = ("dbt_project.yml", "packages.yml", "dependencies.yml", "package-lock.yml")
_CACHE = "partial_parse.msgpack"
_PARSE_TIMEOUT_S = 900.0


def current_manifest(
    project: Project, target: Target, *, on_line: Callable[[str], None] | None = None
) -> Manifest:
    """The project's manifest, parsed by the user's dbt when files are newer than the last one.

    Raises DbtError when the project does not parse or there is no dbt, ArtifactError when what dbt
    wrote cannot be read.
    """
    newest = max((file.stat().st_mtime_ns for file in _files(project)), default=0)
    own = parse_folder(project, target) / "manifest.json"
    for candidate in (project.manifest_path, own):
        with suppress(ArtifactError, OSError):
            if candidate.stat().st_mtime_ns > newest:
                manifest = load_manifest(candidate)
                if _complete(project, manifest) and not _of_another(project, manifest, target):
                    return manifest
    if on_line is not None:
        on_line("Parsing the dbt project: its files are newer than its manifest.")
    return parse_project(project, target)


def parse_folder(project: Project, target: Target) -> Path:
    """Where our own parse of the project with this target is kept."""
    name = re.sub(r"[^\w.-]", "_", target.name)
    return project.target_path / "agentic" / "dbt" / name


def parse_project(project: Project, target: Target) -> Manifest:
    """`dbt parse` into a folder of our own. Raises DbtError and ArtifactError."""
    folder = parse_folder(project, target)
    profiles = target.profiles_path.parent if target.profiles_path else project.root
    _prepare(project, folder)
    files = [target.profiles_path] if target.profiles_path else []
    where = (
        "--project-dir", str(project.root),
        "--profiles-dir", str(profiles),
        "--target", target.name,
        "--target-path", str(folder),
        "--log-path", str(folder / "logs"),
    )  # fmt: skip
    outcome = run_dbt(
        find_dbt(),
        ["parse", *where],
        cwd=project.root,
        env=child_environment(named=named_variables(project, *files)),
        timeout_s=_PARSE_TIMEOUT_S,
    )
    if not outcome.ok:
        told = "\n".join(text.strip() for text in outcome.errors) or "dbt said nothing"
        deps = "dbt deps" in told
        hint = "Run `dbt deps`." if deps else "Run `dbt parse` and mend what it says."
        raise DbtError(f"the dbt project does not parse:\n{told}", hint=hint)
    return load_manifest(folder / "manifest.json")


def _prepare(project: Project, folder: Path) -> None:
    """Make the folder, and give it dbt's parse cache: a second to parse instead of many."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(
            f"cannot be written: {error.strerror or error}",
            hint="Make the target folder writable, or set DBT_TARGET_PATH.",
            where=str(folder),
        ) from error
    cache = project.target_path / _CACHE
    if not (folder / _CACHE).exists() and cache.is_file():
        with suppress(OSError):
            shutil.copyfile(cache, folder / _CACHE)


def _files(project: Project) -> Iterator[Path]:
    for name in _PROJECT_FILES:
        if (project.root / name).is_file():
            yield project.root / name
    for root in project.source_roots:
        # Folders count too: a deleted file changes nothing but its folder's time.
        yield root
        for file in root.rglob("*"):
            if (file.suffix in _SOURCES and file.is_file()) or file.is_dir():
                yield file


def _of_another(project: Project, manifest: Manifest, target: Target) -> bool:
    """Whether dbt says that it made the manifest for another target."""
    with suppress(ProjectError):
        results = load_run_results(project.run_results_path)
        if results.metadata.invocation_id == manifest.metadata.invocation_id:
            default = read_target(msgspec.structs.replace(project, target=None))
            return (results.args.get("target") or default.name) != target.name
    return False


def _complete(project: Project, manifest: Manifest) -> bool:
    """Whether every file that the manifest names is still there."""
    files = {
        node.original_file_path
        for node in manifest.all.values()
        if node.package_name == project.name and node.original_file_path
    }
    return manifest.metadata.project_name in (None, project.name) and all(
        (project.root / file).is_file() for file in files
    )
