"""The selector methods, one function each: a manifest and a value in, `unique_id`s out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch, fnmatchcase
from functools import lru_cache
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from agentic.exceptions import SelectorError

if TYPE_CHECKING:
    from agentic.project import Manifest, Node

Method = Callable[["Manifest", str, Sequence[str]], Iterable[str]]

UNSUPPORTED = "AC431"
"""Code of a SelectorError that `dbt ls` could answer; any other one is a mistake in the text."""

NEEDS_DBT = frozenset({"state", "result", "source_status"})
_WILDCARD = re.compile(r"[*?\[\]]")
_RESOURCE_TYPES = (
    *("model", "analysis", "test", "snapshot", "operation", "seed", "rpc", "sql_operation", "doc"),
    *("source", "macro", "exposure", "metric", "group", "saved_query", "semantic_model"),
    *("unit_test", "fixture", "function"),
)


def default_method(value: str) -> str:
    """The method of a value that names none, as dbt guesses it."""
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith((".sql", ".py", ".csv")) else "fqn"


def _nodes(manifest: Manifest, *types: str) -> Iterator[tuple[str, Node]]:
    for uid, node in manifest.all.items():
        if not types or node.resource_type in types:
            yield uid, node


def _fqn(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    parts = value.split(".")
    wild = next((at for at, part in enumerate(parts) if _WILDCARD.search(part)), None)
    for uid, node in manifest.all.items():
        fqn = node.fqn
        if not fqn or node.resource_type == "source":
            continue
        if node.version is None or node.resource_type != "model":
            leaf, known = fqn[-1], fqn[-1] == value
        elif len(fqn) > 2:
            leaf = fqn[-2]
            known = leaf == value or "_".join(fqn[-2:]) == "_".join(parts[-2:])
        else:
            continue
        if (
            known
            or _is_named(fqn, parts, wild)
            or _is_named(fqn[1:], parts, wild)
            or (wild is not None and len(parts) == 1 and fnmatch(leaf, value))
        ):
            yield uid


def _is_named(fqn: Sequence[str], parts: Sequence[str], wild: int | None) -> bool:
    """`wild`: the first part with a wildcard; from there on the rest is matched as one text."""
    text = ".".join(fqn)
    flat = text.split(".")
    if not text or len(flat) < len(parts):
        return False
    if wild is None:
        return flat[: len(parts)] == parts
    return flat[:wild] == parts[:wild] and fnmatch(".".join(flat[wild:]), ".".join(parts[wild:]))


def _tag(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    return (uid for uid, node in _nodes(manifest) if any(fnmatch(tag, value) for tag in node.tags))


def _group(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    for uid, node in chain(manifest.nodes.items(), manifest.metrics.items()):
        group = node.config.get("group")
        if group and fnmatch(group, value):
            yield uid


def _access(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    return (uid for uid, node in _nodes(manifest, "model") if node.access == value)


def _source(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    parts = value.split(".")
    if len(parts) > 3:
        raise SelectorError(f"source:{value} has more than three parts (package.source.table)")
    package, source, table = {
        1: ("*", *parts, "*"),
        2: ("*", *parts),
        3: tuple(parts),
    }[len(parts)]
    for uid, node in manifest.sources.items():
        if (
            fnmatch(node.package_name, package)
            and fnmatch(node.source_name, source)
            and fnmatch(node.name, table)
        ):
            yield uid


def _named(*types: str) -> Method:
    def method(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
        package, _dot, name = value.rpartition(".")
        if "." in package:
            raise SelectorError(f"{types[0]}:{value} has more than two parts (package.name)")
        for uid, node in _nodes(manifest, *types):
            if fnmatch(node.package_name, package or "*") and fnmatch(node.name, name):
                yield uid

    return method


def _path(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    pattern = PurePosixPath(value).parts
    if value.startswith("/") or ".." in pattern or not pattern:
        raise SelectorError(
            f"path:{value} does not lie in the project", hint="Write it relative to the project."
        )
    if _WILDCARD.search(value):
        known = _known_paths(manifest)
        matched = {path for path in known if _glob(path.split("/"), pattern)}
    else:
        plain = "/".join(pattern)
        matched = {plain} if plain in _known_paths(manifest) else set()
    for uid, node in manifest.all.items():
        path = node.original_file_path
        if path in matched or not matched.isdisjoint(_above(path)) or _patch(node) in matched:
            yield uid


def _known_paths(manifest: Manifest) -> set[str]:
    """Files and folders of the project, as far as the manifest tells (dbt looks at the disk)."""
    project = manifest.metadata.project_name
    files = {
        one.original_file_path for one in manifest.macros.values() if one.package_name == project
    }
    for node in manifest.all.values():
        if node.package_name == project:
            files |= {node.original_file_path, _patch(node)}
    files.discard("")
    return files.union(*{_above(file) for file in files})


def _patch(node: Node) -> str:
    """The YAML file that describes a node; empty without one."""
    return node.patch_path.partition("://")[2] if node.patch_path else ""


def _above(path: str) -> tuple[str, ...]:
    """The folders that a file lies in."""
    return _folders(path.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _folders(folder: str) -> tuple[str, ...]:
    parts = folder.split("/") if folder else []
    return tuple("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _glob(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """pathlib's glob on parts: `**` is any number of folders, other wildcards stay in a part."""
    if not pattern:
        return not path
    head, *rest = pattern
    if head == "**":
        return any(_glob(path[index:], rest) for index in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], head) and _glob(path[1:], rest)


def _file(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    for uid, node in manifest.all.items():
        path = PurePosixPath(node.original_file_path)
        if fnmatch(path.name, value) or fnmatch(path.stem, value):
            yield uid


def _package(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    wanted = (manifest.metadata.project_name or value) if value == "this" else value
    return (uid for uid, node in _nodes(manifest) if fnmatch(node.package_name, wanted))


def _config(manifest: Manifest, value: str, arguments: Sequence[str]) -> Iterator[str]:
    if not arguments:
        raise SelectorError(
            f"config:{value} names no key", hint="Write config.KEY:VALUE, e.g. config.severity:warn"
        )
    if arguments[0] in ("pre_hook", "post_hook"):
        raise SelectorError("Hooks cannot be selected by value", code=UNSUPPORTED)
    for uid, node in chain(manifest.nodes.items(), manifest.sources.items()):
        found: Any = node.config
        for key in arguments:
            found = found.get(key) if isinstance(found, dict) else None
        if _equals(found, value, ignore_case=list(arguments) == ["severity"]):
            yield uid


def _equals(found: Any, value: str, *, ignore_case: bool) -> bool:
    options = found if isinstance(found, list) else [found]
    truth = {"true": True, "false": False}.get(value.lower())
    for option in options:
        if isinstance(option, bool):
            # dbt compares the texts "true" and "false" with real booleans only.
            if option is truth:
                return True
        elif isinstance(option, str) and (
            option == value or (ignore_case and option.upper() == value.upper())
        ):
            return True
    return False


def _resource_type(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    if value not in _RESOURCE_TYPES:
        raise SelectorError(f"resource_type:{value}: dbt has no such type")
    return (uid for uid, node in _nodes(manifest, value))


def _test_name(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    for uid, node in _nodes(manifest, "test", "unit_test"):
        generic = node.test_metadata.name if node.test_metadata else ""
        name = node.name if node.resource_type == "unit_test" else generic
        if name and fnmatch(name, value):
            yield uid


def _test_type(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    if value not in ("generic", "schema", "data", "singular", "unit"):
        raise SelectorError(f"test_type:{value}: expected generic, singular, unit or data")
    for uid, node in _nodes(manifest, "test", "unit_test"):
        if node.resource_type == "unit_test":
            kind = "unit"
        else:
            kind = "generic" if node.test_metadata else "singular"
        wanted = {"schema": ("generic",), "data": ("generic", "singular")}.get(value, (value,))
        if kind in wanted:
            yield uid


def _version(manifest: Manifest, value: str, _: Sequence[str]) -> Iterator[str]:
    if value not in ("latest", "prerelease", "old", "none"):
        raise SelectorError(f"version:{value}: expected latest, prerelease, old or none")
    for uid, node in _nodes(manifest, "model"):
        if _age(node) == value:
            yield uid


def _age(node: Node) -> str:
    """Where a node stands among its versions, in the words of the selector."""
    if node.version is None:
        return "none"
    if node.version == node.latest_version:
        return "latest"
    if not (node.version and node.latest_version):
        return ""
    own: float | str = str(node.version)
    latest: float | str = str(node.latest_version)
    with suppress(ValueError):
        # As dbt does: numbers if both are, else text.
        own, latest = float(own), float(latest)
    if own == latest:
        return ""
    return "old" if own < latest else "prerelease"  # type: ignore[operator]


METHODS: dict[str, Method] = {
    "fqn": _fqn,
    "tag": _tag,
    "group": _group,
    "access": _access,
    "source": _source,
    "path": _path,
    "file": _file,
    "package": _package,
    "config": _config,
    "resource_type": _resource_type,
    "test_name": _test_name,
    "test_type": _test_type,
    "exposure": _named("exposure"),
    "metric": _named("metric"),
    "semantic_model": _named("semantic_model"),
    "saved_query": _named("saved_query"),
    "unit_test": _named("unit_test"),
    "version": _version,
}
