"""The project before and after a change: which file is what, and what it declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from agentic.policy.changes.macros import MacroTable, macros_in
from agentic.policy.changes.resources import Resource, resources_in
from agentic.policy.changes.yaml_load import load, mapping, sequence

PROJECT_FILE = "dbt_project.yml"
PLACES = {
    "model": ("model-paths", ("models",)),
    "seed": ("seed-paths", ("seeds",)),
    "snapshot": ("snapshot-paths", ("snapshots",)),
    "test": ("test-paths", ("tests",)),
    "macro": ("macro-paths", ("macros",)),
    "analysis": ("analysis-paths", ("analyses",)),
    "docs": ("docs-paths", ()),
    "function": ("function-paths", ("functions",)),
}


def overlay(files: Mapping[str, str], more: Mapping[str, str | None]) -> dict[str, str]:
    """`more` laid over `files`; None removes a file."""
    made = {path: text for path, text in files.items() if path not in more}
    made |= {path: text for path, text in more.items() if text is not None}
    return made


def inside(path: str, folder: str) -> bool:
    folder = folder.strip("/").removeprefix("./")
    return folder in ("", ".") or path == folder or path.startswith(folder + "/")


class Tree:
    """One state of the project's files; everything is worked out once, when asked."""

    def __init__(
        self, files: Mapping[str, str], package_files: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.files = files
        self.package_files = package_files

    @cached_property
    def settings(self) -> dict[str, Any]:
        """dbt_project.yml, or nothing."""
        return dict(mapping(load(self.files.get(PROJECT_FILE, "")).value))

    @cached_property
    def name(self) -> str:
        return str(self.settings.get("name", "")) or "project"

    @cached_property
    def places(self) -> dict[str, tuple[str, ...]]:
        made = {}
        for kind, (key, default) in PLACES.items():
            paths = [str(one) for one in sequence(self.settings.get(key))]
            made[kind] = tuple(paths) or default
        return made

    def kind(self, path: str) -> str:
        """What dbt takes a file for: model, properties, seed, ...; empty for none of its
        business."""
        suffix = PurePosixPath(path).suffix.lower()
        places = [
            kind
            for kind, folders in self.places.items()
            if any(inside(path, folder) for folder in folders)
        ]
        if not places:
            return ""
        if suffix in (".yml", ".yaml"):
            return "properties"
        if suffix == ".md":
            return "docs"
        if suffix == ".py" and "model" in places:
            return "python"
        if suffix == ".csv":
            return "seed" if "seed" in places else "fixture"
        if suffix == ".sql":
            return self._sql_kind(path, places)
        return ""

    def _sql_kind(self, path: str, places: list[str]) -> str:
        if "test" in places:
            folders = [folder.strip("/") for folder in self.places["test"]]
            generic = any(inside(path, f"{folder}/generic") for folder in folders)
            fixture = any(inside(path, f"{folder}/fixtures") for folder in folders)
            return "generic_test" if generic else "fixture" if fixture else "singular_test"
        order = ("macro", "snapshot", "model", "analysis", "function")
        return next((kind for kind in order if kind in places), "")

    def of_kind(self, *kinds: str) -> Iterator[tuple[str, str]]:
        for path, text in self.files.items():
            if self.kind(path) in kinds:
                yield path, text

    @cached_property
    def nodes(self) -> dict[str, str]:
        """Path of every model, seed and snapshot by name."""
        found: dict[str, str] = {}
        for path, text in self.of_kind("model", "seed", "snapshot", "python"):
            if self.kind(path) == "snapshot":
                found |= dict.fromkeys(snapshot_names(text), path)
            else:
                found[PurePosixPath(path).stem] = path
        for resource in self.resources:
            if resource.kind == "snapshot" and "relation" in resource.keys:
                found.setdefault(resource.name, resource.path)
        return found

    @cached_property
    def package_nodes(self) -> frozenset[str]:
        return frozenset(
            PurePosixPath(path).stem
            for texts in self.package_files.values()
            for path in texts
            if path.startswith(("models/", "seeds/", "snapshots/"))
        )

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        found: list[Resource] = []
        for path, text in self.of_kind("properties"):
            found += resources_in(load(text).value, path)
        return tuple(found)

    def resources_of(self, paths: set[str]) -> list[Resource]:
        return [one for one in self.resources if one.path in paths]

    @cached_property
    def declared(self) -> dict[str, Resource]:
        """Resources by `kind:name`."""
        return {one.key: one for one in self.resources}

    @cached_property
    def sources(self) -> frozenset[str]:
        """`source~table` of every declared source table."""
        return frozenset(
            one.name.replace(".", "~", 1) for one in self.resources if one.kind == "table"
        )

    @cached_property
    def declared_packages(self) -> frozenset[str]:
        found = set()
        for path in ("packages.yml", "dependencies.yml"):
            for entry in sequence(mapping(load(self.files.get(path, "")).value).get("packages")):
                text = str(mapping(entry).get("package", mapping(entry).get("git", "")))
                found.add(
                    text.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git").replace("-", "_")
                )
        return frozenset(found - {""})

    @property
    def packages_missing(self) -> bool:
        """Does the project declare a package that is not installed here?"""
        return bool(self.declared_packages - set(self.package_files))

    @cached_property
    def macros(self) -> MacroTable:
        own = dict(self.of_kind("macro", "generic_test"))
        return MacroTable(self.name, own, self.package_files, self.declared_packages)

    @cached_property
    def variables(self) -> dict[str, Any]:
        """vars of dbt_project.yml, the project's own scope laid over."""
        declared = mapping(self.settings.get("vars"))
        own = declared.get(self.name)
        return (
            {str(key): value for key, value in declared.items() if not isinstance(value, dict)}
            | ({str(key): value for key, value in own.items()} if isinstance(own, dict) else {})
            | {
                str(key): value
                for key, value in declared.items()
                if isinstance(value, dict) and key != self.name and key not in self.package_files
            }
        )


def snapshot_names(text: str) -> Iterator[str]:
    """Names of the snapshot blocks in a file."""
    return (one.name for one in macros_in(text, package="", path="") if one.kind == "snapshot")
