"""Find the dbt project that a command is about, as dbt does: here, or in the nearest parent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import ProjectError
from agentic.project.rendering import Renderer, Unrendered, read_yaml

PROJECT_FILE = "dbt_project.yml"

_PATH_KEYS = {
    "model_paths": ("model-paths", ["models"]),
    "seed_paths": ("seed-paths", ["seeds"]),
    "snapshot_paths": ("snapshot-paths", ["snapshots"]),
    "test_paths": ("test-paths", ["tests"]),
    "macro_paths": ("macro-paths", ["macros"]),
    "analysis_paths": ("analysis-paths", ["analyses"]),
}


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A dbt project on disk."""

    root: Path
    """The folder of dbt_project.yml, absolute, links resolved."""
    name: str
    profile: str
    """Name of its profile in profiles.yml; empty when dbt_project.yml names none."""
    target_path: Path
    """Absolute: where dbt writes artifacts."""
    packages_path: Path
    """Absolute: `packages-install-path`."""
    profiles_dir: Path | None = None
    """As given by flag or environment; None: dbt's own search."""
    target: str | None = None
    """As given by flag; None: the profile's own."""
    config: dict[str, Any] = {}
    """dbt_project.yml, rendered; Jinja that needs more than `env_var` is left as written."""
    model_paths: tuple[str, ...] = ("models",)
    seed_paths: tuple[str, ...] = ("seeds",)
    snapshot_paths: tuple[str, ...] = ("snapshots",)
    test_paths: tuple[str, ...] = ("tests",)
    macro_paths: tuple[str, ...] = ("macros",)
    analysis_paths: tuple[str, ...] = ("analyses",)

    @property
    def manifest_path(self) -> Path:
        return self.target_path / "manifest.json"

    @property
    def run_results_path(self) -> Path:
        return self.target_path / "run_results.json"

    @property
    def source_roots(self) -> tuple[Path, ...]:
        """Folders whose files make the project, absolute, existing ones only, in dbt's order."""
        names = (
            *self.model_paths,
            *self.seed_paths,
            *self.snapshot_paths,
            *self.test_paths,
            *self.macro_paths,
            *self.analysis_paths,
        )
        roots = dict.fromkeys(self.root / name for name in names)
        return tuple(root for root in roots if root.is_dir())


def find_project(
    project_dir: Path | None = None,
    *,
    profiles_dir: Path | None = None,
    target: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """The dbt project in `project_dir`, or here, or in the nearest parent. Raises ProjectError."""
    env = os.environ if environ is None else environ
    root = _find_root(project_dir or _as_path(env.get("DBT_PROJECT_DIR")))
    file = root / PROJECT_FILE
    raw = read_yaml(file)
    renderer = Renderer(env)
    config = renderer.render_known(raw)

    def text(key: str, default: str) -> str:
        return _text(config, key, default, file)

    name = text("name", "")
    if not name:
        raise ProjectError("has no `name`", hint="Add `name: my_project`.", where=str(file))
    target_path = env.get("DBT_TARGET_PATH") or text("target-path", "target")
    given_profiles = profiles_dir or _as_path(env.get("DBT_PROFILES_DIR"))
    return Project(
        root=root,
        name=name,
        profile=env.get("DBT_PROFILE") or text("profile", ""),
        target_path=_under(root, target_path),
        packages_path=_under(root, text("packages-install-path", "dbt_packages")),
        profiles_dir=given_profiles.expanduser().resolve() if given_profiles else None,
        target=target or None,
        config=config,
        **{
            field: _texts(config, key, default, file)
            for field, (key, default) in _PATH_KEYS.items()
        },
    )


def _find_root(project_dir: Path | None) -> Path:
    if project_dir is not None:
        root = project_dir.expanduser().resolve()
        if (root / PROJECT_FILE).is_file():
            return root
        raise ProjectError(
            f"no {PROJECT_FILE} in {project_dir}",
            hint="Give --project-dir the folder that holds dbt_project.yml.",
        )
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProjectError(
        f"no dbt project here: {PROJECT_FILE} is neither in {here} nor in a parent folder",
        hint="Change into a dbt project or give --project-dir.",
    )


def _text(config: Mapping[str, Any], key: str, default: str, file: Path) -> str:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ProjectError(f"`{key}` must be text, not {value!r}", where=str(file))
    _refuse_unrendered(value, key, file)
    return value


def _texts(config: Mapping[str, Any], key: str, default: list[str], file: Path) -> tuple[str, ...]:
    value = config.get(key, default)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ProjectError(f"`{key}` must be a list of folders, not {value!r}", where=str(file))
    for item in items:
        _refuse_unrendered(item, key, file)
    return tuple(items)


def _refuse_unrendered(value: str, key: str, file: Path) -> None:
    """Say why a path or name is still Jinja: agentic cannot go on without it."""
    if "{{" not in value and "{%" not in value:
        return
    try:
        Renderer().render(value)
    except Unrendered as error:
        raise ProjectError(
            f"`{key}`: {error}", hint="Set it, or give the value a default.", where=str(file)
        ) from error


def _as_path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _under(root: Path, text: str) -> Path:
    return (root / Path(text).expanduser()).resolve()
