"""dbt packages in a worktree: linked, not installed, and without their hooks.

`dbt_packages/` is git-ignored, so a fresh worktree has none, and `dbt deps` needs a network. A
package whose files must change (it has hooks, or schema macros of its own) is mirrored: folders of
links, with the changed files written out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML

from agentic.exceptions import WorkspaceError
from agentic.workspace.isolation import HOOK_KEYS, isolate_file, rewrite_project_file

_PROJECT_FILE = "dbt_project.yml"
_SCANNED = (".sql", ".yml", ".yaml")
_FOLDERS = {"macro-paths": "macros", "model-paths": "models", "snapshot-paths": "snapshots"}


def link_packages(
    installed: Path,
    folder: Path,
    *,
    moved: tuple[Path, Path],
    place: tuple[str, str],
) -> tuple[str, ...]:
    """Make the packages of `installed` available in `folder`; returns their folder names.

    `moved`: (repository, worktree): a `local:` package inside the repository is taken from the
    worktree, where it has the same state. `place`: (schema, database) of the workspace.
    """
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder)
    if not installed.is_dir():
        return ()
    folder.mkdir(parents=True)
    names = []
    for package in sorted(installed.iterdir()):
        source = package.resolve()
        if not (source / _PROJECT_FILE).is_file():
            continue
        if source.is_relative_to(moved[0]):
            inside = moved[1] / source.relative_to(moved[0])
            # An installed package is ignored by git, so that the worktree does not hold it.
            source = inside if (inside / _PROJECT_FILE).is_file() else source
        mirror(source, folder / package.name, _changed_files(source, place))
        names.append(package.name)
    return tuple(names)


def _changed_files(package: Path, place: tuple[str, str]) -> dict[str, str]:
    """Path in the package -> text, for the few files that may not stay as they are."""
    schema, database = place
    text = (package / _PROJECT_FILE).read_text(encoding="utf-8", errors="replace")
    project = isolate_file(_PROJECT_FILE, text, schema=schema, database=database)
    if any(key in project for key in HOOK_KEYS):
        project = rewrite_project_file(project)
    changed = {_PROJECT_FILE: project} if project != text else {}
    for file in _files(package, text):
        text = file.read_text(encoding="utf-8", errors="replace")
        new = isolate_file(file.name, text, schema=schema, database=database)
        if new != text:
            changed[file.relative_to(package).as_posix()] = new
    return changed


def _files(package: Path, project: str) -> Iterator[Path]:
    """What dbt reads of a package; a `local:` one may be a whole repository."""
    loaded = YAML(typ="safe", pure=True).load(project)
    keys = loaded if isinstance(loaded, dict) else {}
    for key, default in _FOLDERS.items():
        names = keys.get(key, [default])
        for name in names if isinstance(names, list) else [names]:
            for folder, _, files in os.walk(package / str(name)):
                yield from (Path(folder, one) for one in files if one.endswith(_SCANNED))


def mirror(source: Path, copy: Path, changed: Mapping[str, str]) -> None:
    """`copy` looks like `source`, by links, but holds `changed` (path -> text) instead."""
    if not changed:
        copy.symlink_to(source, target_is_directory=True)
        return
    heads: dict[str, dict[str, str]] = {}
    for path, text in changed.items():
        head, _, rest = path.partition("/")
        heads.setdefault(head, {})[rest] = text
    try:
        copy.mkdir()
        for item in source.iterdir():
            if item.name not in heads:
                (copy / item.name).symlink_to(item, target_is_directory=item.is_dir())
            elif item.is_dir():
                mirror(item, copy / item.name, heads[item.name])
            else:
                (copy / item.name).write_text(heads[item.name][""], encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(f"package {source} could not be linked: {error}") from error
