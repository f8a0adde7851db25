"""A thinner project for one build: what the selected nodes need, and nothing else.

Most of dbt's time on a large project goes into nodes that a proof never looks at. Files that the
selected nodes and their tests do not need are set aside; a parent that is only read, from the
baseline's relation, becomes a stub. The selected nodes keep their very text. It is tried only where
the baseline's manifest describes the checkout as it is, and a thinner project that does not parse,
or selects anything else, is given up for the whole one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec

from agentic.exceptions import ArtifactError
from agentic.lineage import Graph
from agentic.project import Manifest, Project, load_run_results
from agentic.workspace.deferral import REFERABLE
from agentic.workspace.selection import (
    tested_nodes,
    with_changed_ancestors,
    with_descendants,
    with_missing_ancestors,
)

SMALL = 60
"""Nodes up to which a whole project is fast enough."""
CUT_KEYS = ("exposures", "metrics", "semantic_models", "saved_queries")

_REF = re.compile(r"""\bref\s*\(\s*(?:['"]\w+['"]\s*,\s*)?['"](\w+)['"]""")
_READ = (".sql", ".py", ".yml", ".yaml")
_GROUPS = re.compile(r"^['\"]?groups['\"]?\s*:", re.M)
_GRAPH = re.compile(r"\bgraph\b")
_STUBS = {
    ".sql": "select 1 as agentic_stub\n",
    ".py": "def model(dbt, session):\n    return session\n",
}
_SET_ASIDE = ("model", "analysis", "test", "snapshot")


class Thin(msgspec.Struct, frozen=True):
    """What is set aside; paths are relative to the dbt project."""

    selected: frozenset[str]
    """What the build is about: anything else means that the thin project misleads."""
    whole: frozenset[str]
    """Nodes that keep their text, and so may be built."""
    aside: tuple[str, ...]
    stubs: dict[str, str]
    cut: tuple[str, ...]
    """YAML files that lose their exposures, metrics and the like."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a build is about: files that are edited, or nodes."""

    edits: Mapping[str, str | None] = {}
    select: tuple[str, ...] | None = None
    """None: what the edits change and everything downstream."""


def plan_thin(
    project: Project, manifest: Manifest, wanted: Wanted, known: Collection[tuple[str, str]]
) -> Thin | None:
    """How to thin the project, or None where it cannot or need not be done.

    `known`: (schema, identifier) of the relations that the warehouse has.
    """
    if len(manifest.nodes) <= SMALL or not describes(manifest, project):
        return None
    by_path = _by_path(manifest, project.name)
    changed = [by_path.get(path, []) for path in wanted.edits]
    if not all(_plain_nodes(uids, manifest) for uids in changed):
        return None
    starts = [uid for uids in changed for uid in uids]
    graph = Graph(manifest)
    if wanted.select is None:
        selected = with_descendants(starts, manifest, graph)
    else:
        selected = with_changed_ancestors(wanted.select, starts, graph)
    if not selected or any(uid not in manifest.nodes for uid in selected):
        return None
    if len(selected) * 2 > len(manifest.nodes):
        return None
    added = with_missing_ancestors(selected, manifest, manifest, known)
    texts = [text or "" for text in wanted.edits.values()]
    named = {name for text in texts for name in _REF.findall(text)}
    needs = _Needs(manifest, project.name, {*selected, *added}, named)
    needs.keep_groups(project.root)
    needs.settle()
    if needs.reads_graph() or any(_GRAPH.search(text) for text in texts):
        return None
    return needs.thin(frozenset(selected), by_path)


def describes(manifest: Manifest, project: Project) -> bool:
    """Whether the manifest was made from the checkout as it is now.

    Files whose checksum it holds are read; all others must be older than it.
    """
    made = _read_at(manifest, project)
    if made is None or manifest.metadata.project_name != project.name:
        return False
    held = _held(manifest, project)
    if not all(_same_text(file, checksum) for file, checksum in held.items()):
        return False
    files = [project.root / "dbt_project.yml"]
    for root in (*project.source_roots, project.packages_path):
        files += [file for file in root.rglob("*") if file.suffix in _READ]
    return all(file in held or file.stat().st_mtime < made for file in files if file.is_file())


def _held(manifest: Manifest, project: Project) -> dict[Path, str]:
    """The project's own files that are one node each, and their checksums."""
    nodes = [*manifest.nodes.values(), *chain(*(manifest.disabled or {}).values())]
    return {
        project.root / node.original_file_path: node.checksum.checksum
        for node in nodes
        if node.package_name == project.name
        and node.resource_type in ("model", "analysis", "test")
        and not node.original_file_path.endswith((".yml", ".yaml"))
        and node.checksum is not None
        and node.checksum.name == "sha256"
    }


def _read_at(manifest: Manifest, project: Project) -> float | None:
    """When dbt read the files, in seconds since the epoch.

    A build writes its manifest again when it ends; its results say when it began. The manifest's
    own `invocation_started_at` is no help: a partial parse hands down that of the first one.
    """
    moment = manifest.metadata.generated_at
    try:
        results = load_run_results(project.run_results_path).metadata
        if results.invocation_id == manifest.metadata.invocation_id:
            moment = results.invocation_started_at or ""
    except ArtifactError:
        pass
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def _same_text(file: Path, checksum: str) -> bool:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return hashlib.sha256(text.encode()).hexdigest() == checksum


def _by_path(manifest: Manifest, own: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for uid, node in manifest.nodes.items():
        path = node.original_file_path
        if node.package_name != own or node.resource_type not in _SET_ASIDE:
            continue
        if not path.endswith((".yml", ".yaml")):
            found.setdefault(path, []).append(uid)
    return found


def _plain_nodes(uids: Iterable[str], manifest: Manifest) -> bool:
    """An edit of anything but a node's own file may change what no path tells."""
    kinds = [manifest.nodes[uid].resource_type for uid in uids]
    return bool(kinds) and all(kind == "model" for kind in kinds)


class _Needs:
    """Works out which nodes and files the whole nodes need, until nothing is added."""

    def __init__(
        self, manifest: Manifest, own: str, whole: set[str], named: Collection[str]
    ) -> None:
        self._manifest = manifest
        self._own = own
        self._whole = whole
        self._named = {
            uid
            for uid, node in manifest.nodes.items()
            if node.name in named and node.resource_type in REFERABLE
        }
        self._stubs: set[str] = set()
        self._tests: set[str] = set()
        self._yaml: set[str] = set()
        self._groups: set[str] = set()

    def keep_groups(self, root: Path) -> None:
        """The manifest does not say which file defines a group: the files do."""
        if self._manifest.groups:
            texts = {path: (root / path).read_text("utf-8") for path in self._described()}
            self._groups = {path for path, text in texts.items() if _GROUPS.search(text)}

    def settle(self) -> None:
        """Repeat until stable: a test brings parents, a parent its YAML, a YAML its unit tests."""
        before = -1
        while before != len(self._whole) + len(self._stubs) + len(self._yaml):
            before = len(self._whole) + len(self._stubs) + len(self._yaml)
            self._tests = {one for uid in self._whole for one in self._manifest.tests_of(uid)}
            self._add_parents()
            self._add_yaml()
            self._stubs -= self._whole

    def reads_graph(self) -> bool:
        """Jinja that walks dbt's `graph` would see a thinner one."""
        nodes = [self._manifest.all[uid] for uid in (*self._whole, *self._tests)]
        if any(_GRAPH.search(node.raw_code) for node in nodes):
            return True
        waiting = {macro for node in nodes for macro in node.depends_on_macros}
        seen: set[str] = set()
        dbt_own = {"dbt", f"dbt_{self._manifest.metadata.adapter_type}"}
        while waiting:
            uid = waiting.pop()
            seen.add(uid)
            macro = self._manifest.macros.get(uid)
            if macro is None or macro.package_name in dbt_own:
                continue
            if _GRAPH.search(macro.macro_sql):
                return True
            waiting.update(one for one in macro.depends_on_macros if one not in seen)
        return False

    def thin(self, selected: frozenset[str], by_path: Mapping[str, list[str]]) -> Thin:
        nodes = self._manifest.nodes
        needed = {*self._whole, *self._stubs, *self._tests}
        aside = [path for path, uids in by_path.items() if needed.isdisjoint(uids)]
        aside += sorted(self._described() - self._yaml)
        stubs: dict[str, str] = {}
        for uid in self._stubs:
            path = nodes[uid].original_file_path
            if self._whole.isdisjoint(by_path.get(path, [])) and Path(path).suffix in _STUBS:
                stubs[path] = _STUBS[Path(path).suffix]
        return Thin(selected, frozenset(self._whole), tuple(aside), stubs, tuple(self._yaml))

    def _add_parents(self) -> None:
        parent_map = self._manifest.parent_map or {}
        readers = {*self._whole, *self._tests}
        parents = {one for uid in readers for one in parent_map.get(uid, [])} | self._named
        for uid in parents - self._whole:
            node = self._manifest.nodes.get(uid)
            if node is None or node.resource_type not in REFERABLE:
                continue
            inlined = node.materialized == "ephemeral" or node.resource_type == "snapshot"
            (self._whole if inlined else self._stubs).add(uid)

    def _add_yaml(self) -> None:
        manifest = self._manifest
        for uid in (*self._whole, *self._stubs):
            package, _, path = (manifest.nodes[uid].patch_path or "").partition("://")
            if package == self._own:
                self._yaml.add(path)
        for uid in self._tests:
            self._yaml.add(manifest.all[uid].original_file_path)
        parent_map = manifest.parent_map or {}
        for uid in (*self._whole, *self._tests):
            self._yaml.update(
                manifest.sources[one].original_file_path
                for one in parent_map.get(uid, [])
                if one in manifest.sources
            )
        self._yaml = {path for path in self._yaml | self._groups if path.endswith(("yml", "yaml"))}
        for test in manifest.unit_tests.values():
            if test.original_file_path in self._yaml:
                self._whole.update(tested_nodes(test))
        for uid, node in manifest.nodes.items():
            path = (node.patch_path or "").partition("://")[2]
            if node.version is not None and path in self._yaml and uid not in self._whole:
                self._stubs.add(uid)

    def _described(self) -> set[str]:
        """The project's YAML files that describe nodes, or stand in the graph themselves."""
        manifest = self._manifest
        found = {
            path
            for node in manifest.nodes.values()
            for package, _, path in [(node.patch_path or "").partition("://")]
            if package == self._own
        }
        others = (
            manifest.exposures, manifest.metrics, manifest.semantic_nodes, manifest.saved_queries,
            manifest.unit_tests,
        )  # fmt: skip
        found.update(
            node.original_file_path
            for section in others
            for node in section.values()
            if node.package_name == self._own
        )
        tests = (n for n in manifest.nodes.values() if n.resource_type == "test")
        found.update(n.original_file_path for n in tests if n.package_name == self._own)
        return {path for path in found if path.endswith((".yml", ".yaml"))}
