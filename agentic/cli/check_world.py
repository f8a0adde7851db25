"""The policy's world for `agentic check sql`: from files that are given, else from the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentic.cli.compilation import compile_here
from agentic.cli.options import Flags
from agentic.compiler import current_manifest
from agentic.exceptions import AgenticError, ConfigError, Issue, ProjectError
from agentic.guardrails.readable import world_of
from agentic.policy import World
from agentic.project import find_project, read_target

_KEYS = frozenset(
    ["version", "read", "change", "build", "production", "sql", "limits", "escalate", "approve"]
)
_DEFAULT_DIALECT = "duckdb"


def find_world(
    flags: Flags,
    *,
    guardrails: Path | None,
    schema: Path | None,
    default_schema: str | None,
    default_database: str | None,
) -> tuple[World, str]:
    """The world and the dialect of statements that name none.

    Raises ConfigError for a guardrails file that cannot be used: nothing is judged without it.
    """
    if guardrails is None and schema is None:
        world, dialect = project_world(flags)
    else:
        written = read_guardrails(guardrails) if guardrails is not None else near(flags)
        relations = read_schema(schema) if schema is not None else {}
        dialect = _DEFAULT_DIALECT
        world = World.from_guardrails(written, relations)
        if schema is None:
            inside, dialect = project_world(flags)
            world = with_(
                world,
                relations=inside.relations,
                default_schema=inside.default_schema,
                default_database=inside.default_database,
                pii_columns=inside.pii_columns,
            )
    changes: dict[str, Any] = {}
    if default_schema is not None:
        changes["default_schema"] = default_schema
    if default_database is not None:
        changes["default_database"] = default_database
    return with_(world, **changes), dialect


def with_(world: World, **changes: Any) -> World:
    """A world with some fields replaced; its remembered verdicts do not come along."""
    fields = {name: getattr(world, name) for name in World.__struct_fields__}
    return World(**{**fields, **changes})


def project_world(flags: Flags) -> tuple[World, str]:
    """The world of the dbt project that the flags name."""
    compilation = compile_here(flags, quiet=True)
    if compilation.failure is not None:
        raise compilation.failure
    if compilation.errors or compilation.checked is None:
        raise ConfigError(compilation.errors)
    project = compilation.project
    target = read_target(project)
    checked = compilation.checked
    manifest = current_manifest(project, target)
    world = world_of(manifest, checked.compiled.guardrails, target)
    return world, target.relation_dialect


def near(flags: Flags) -> dict[str, Any]:
    """The project's guardrails.yml when there is a project, else nothing: the safest rules."""
    try:
        project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir)
    except ProjectError:
        return {}
    path = project.root / "guardrails.yml"
    return read_guardrails(path) if path.is_file() else {}


def read_guardrails(path: Path) -> dict[str, Any]:
    """The file's mapping. Raises ConfigError: unreadable, not YAML, unknown or malformed keys."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise fault(path, f"cannot be read: {reason}", code="AC102") from error
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise fault(path, "must be a mapping")
    for key in raw:
        if key not in _KEYS:
            hint = f"Known keys: {', '.join(sorted(_KEYS))}."
            raise fault(path, f"unknown key {key!r}", hint, "AC110")
    for key, lists in (("read", ("deny", "mask")), ("change", ("deny",)), ("build", ("schemas",))):
        check_part(path, key, raw.get(key), lists)
    return dict(raw)


def check_part(path: Path, key: str, part: object, lists: tuple[str, ...]) -> None:
    """One verb's lists of items; selections need the project's graph."""
    if part is None:
        return
    if not isinstance(part, Mapping):
        raise fault(path, f"`{key}` must be a mapping")
    for name in lists:
        items = part.get(name)
        if items is None:
            continue
        if not isinstance(items, list) or not all(isinstance(one, str) for one in items):
            raise fault(path, f"`{key}.{name}` must be a list of texts")
        if key == "read":
            for one in items:
                if not one.startswith(("relation:", "column:", "path:")):
                    hint = (
                        "Without --guardrails the project's own file is resolved against its graph."
                    )
                    raise fault(path, f"`{key}.{name}`: {one!r} is a dbt selection", hint)


_MEND = "Mend the file; nothing was judged."


def fault(path: Path, message: str, hint: str = _MEND, code: str = "AC112") -> ConfigError:
    """A configuration error that names the file."""
    return ConfigError([Issue(str(path), 1, 1, code, message, hint)])


def read_schema(path: Path) -> dict[str, list[str]]:
    """Relations and columns from a schema file or a catalog.json. Raises AgenticError."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise AgenticError(
            f"cannot be read: {error}", where=str(path), hint=_SCHEMA_HINT
        ) from error
    if not isinstance(raw, dict):
        raise AgenticError("is not a mapping", where=str(path), hint=_SCHEMA_HINT)
    if isinstance(raw.get("nodes"), dict) and "metadata" in raw:
        return from_catalog(raw)
    relations: dict[str, list[str]] = {}
    for name, listed in raw.items():
        columns = list(listed) if isinstance(listed, dict) else listed
        if not isinstance(columns, list) or not all(isinstance(one, str) for one in columns):
            raise AgenticError(
                f"{name!r} needs a list of columns", where=str(path), hint=_SCHEMA_HINT
            )
        relations[str(name)] = columns
    return relations


_SCHEMA_HINT = 'Give {"schema.table": ["column", ...]} or dbt\'s catalog.json.'


def from_catalog(raw: Mapping[str, Any]) -> dict[str, list[str]]:
    """Relations of a catalog.json."""
    relations: dict[str, list[str]] = {}
    for part in ("nodes", "sources"):
        for entry in (raw.get(part) or {}).values():
            metadata = entry.get("metadata") or {}
            name = f"{metadata.get('schema')}.{metadata.get('name')}"
            relations[name] = [str(column) for column in entry.get("columns") or {}]
    return relations
