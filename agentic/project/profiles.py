"""Read profiles.yml: which target a command is about, and what its adapter needs to connect."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import ProjectError
from agentic.masking import looks_secret, remember_secret
from agentic.project.locate import Project
from agentic.project.rendering import Renderer, Unrendered, read_yaml

PROFILES_FILE = "profiles.yml"

# dbt adapter -> sqlglot dialect, where the two names differ
_DIALECTS = {
    "sqlserver": "tsql",
    "synapse": "tsql",
    "fabric": "fabric",
    "fabricspark": "spark",
    "glue": "spark",
    "spark": "spark",
    "databricks": "databricks",
    "athena": "athena",
    "alloydb": "postgres",
    "materialize": "materialize",
    "greenplum": "postgres",
    "timescaledb": "postgres",
    "starrocks": "starrocks",
}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One output of a profile, rendered. Its settings hold secrets: never print or store them."""

    name: str
    adapter: str
    """dbt's adapter type: duckdb, postgres, ..."""
    schema: str
    database: str
    """Empty when the profile names none and the adapter has no rule for it."""
    settings: dict[str, Any]
    """The output as profiles.yml has it, Jinja rendered."""
    profile: str = ""
    profiles_path: Path | None = None
    unresolved: tuple[str, ...] = ()
    """Environment variables that were not set; such a target cannot be connected to."""

    @property
    def relation_dialect(self) -> str:
        """The sqlglot dialect of its SQL."""
        return _DIALECTS.get(self.adapter, self.adapter)

    def __repr__(self) -> str:
        return f"Target({self.name!r}, adapter={self.adapter!r}, schema={self.schema!r})"


def find_profiles(project: Project, *, environ: Mapping[str, str] | None = None) -> Path:
    """The profiles.yml that dbt would read. Raises ProjectError when there is none."""
    env = os.environ if environ is None else environ
    if project.profiles_dir is not None:
        path = project.profiles_dir / PROFILES_FILE
        if path.is_file():
            return path
        raise ProjectError(
            f"no {PROFILES_FILE} in {project.profiles_dir}",
            hint="Give --profiles-dir the folder that holds profiles.yml.",
        )
    home = Path(env.get("HOME") or Path.home())
    places = [project.root, home / ".dbt"]
    for place in places:
        if (place / PROFILES_FILE).is_file():
            return (place / PROFILES_FILE).resolve()
    raise ProjectError(
        f"no {PROFILES_FILE}: neither in {project.root} nor in {home / '.dbt'}",
        hint="Write one, or give --profiles-dir (or DBT_PROFILES_DIR).",
    )


def read_target(
    project: Project, target: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Target:
    """The named target, else the flag's, else DBT_TARGET's, else the profile's default.

    Raises ProjectError: no profile, unknown target, a variable that is not set.
    """
    env = os.environ if environ is None else environ
    path, outputs, default = _read_profile(project, env)
    name = target or project.target or env.get("DBT_TARGET") or default
    if name not in outputs:
        known = ", ".join(sorted(outputs)) or "none"
        raise ProjectError(
            f"profile {project.profile!r} has no target {name!r}",
            hint=f"Its targets: {known}. Give one with --target.",
            where=str(path),
        )
    found = _target(project, path, name, outputs[name], env)
    if found.unresolved:
        names = ", ".join(found.unresolved)
        raise ProjectError(
            f"target {name!r} of profile {project.profile!r}: {names} is not set",
            hint=f"Set {names} in the environment.",
            where=str(path),
        )
    return found


def list_targets(
    project: Project, *, environ: Mapping[str, str] | None = None
) -> dict[str, Target]:
    """Every target of the project's profile; those that lack a variable say so in `unresolved`."""
    env = os.environ if environ is None else environ
    path, outputs, _ = _read_profile(project, env)
    return {name: _target(project, path, name, raw, env) for name, raw in outputs.items()}


def _read_profile(
    project: Project, env: Mapping[str, str]
) -> tuple[Path, dict[str, dict[str, Any]], str]:
    path = find_profiles(project, environ=env)
    profiles = read_yaml(path)
    if not project.profile:
        raise ProjectError(
            "dbt_project.yml names no profile",
            hint="Add `profile: NAME`, one of: " + ", ".join(sorted(map(str, profiles))),
            where=str(project.root / "dbt_project.yml"),
        )
    profile = profiles.get(project.profile)
    if not isinstance(profile, dict):
        known = ", ".join(sorted(str(key) for key in profiles if key != "config")) or "none"
        raise ProjectError(
            f"no profile {project.profile!r}", hint=f"Profiles there: {known}.", where=str(path)
        )
    outputs = profile.get("outputs")
    if not isinstance(outputs, dict) or not all(isinstance(one, dict) for one in outputs.values()):
        raise ProjectError(
            f"profile {project.profile!r} has no `outputs`",
            hint="Each output is a mapping with `type`, `schema`, ...",
            where=str(path),
        )
    try:
        default = str(Renderer(env).render(profile.get("target") or "default"))
    except Unrendered as error:
        raise ProjectError(f"`target`: {error}", where=str(path)) from error
    return path, {str(name): raw for name, raw in outputs.items()}, default


def _target(
    project: Project, path: Path, name: str, raw: dict[str, Any], env: Mapping[str, str]
) -> Target:
    renderer = Renderer(env)
    settings: dict[str, Any] = {}
    missing: list[str] = []
    for key, value in raw.items():
        try:
            settings[str(key)] = renderer.render(value)
        except Unrendered as error:
            settings[str(key)] = renderer.render_known(value)
            missing += error.variables or (str(error),)
    for key, value in settings.items():
        if looks_secret(key) and isinstance(value, str):
            remember_secret(value)
    adapter = str(settings.get("type") or "")
    if not adapter:
        raise ProjectError(f"target {name!r} has no `type`", where=str(path))
    return Target(
        name=name,
        adapter=adapter,
        schema=str(
            _first(settings, "schema", "dataset") or ("main" if adapter == "duckdb" else "")
        ),
        database=_database(adapter, settings),
        settings=settings,
        profile=project.profile,
        profiles_path=path,
        unresolved=tuple(dict.fromkeys(missing)),
    )


def _database(adapter: str, settings: Mapping[str, Any]) -> str:
    named = _first(settings, "database", "dbname", "catalog", "project")
    if named or adapter != "duckdb":
        return str(named or "")
    return duckdb_database(str(settings.get("path") or ":memory:"))


def duckdb_database(path: str) -> str:
    """The catalog name that DuckDB gives a file: its name up to the first dot."""
    if path == ":memory:":
        return "memory"
    return Path(path.split("?", 1)[0]).name.lstrip(".").split(".")[0]


def _first(settings: Mapping[str, Any], *keys: str) -> Any:
    return next((settings[key] for key in keys if settings.get(key)), None)
