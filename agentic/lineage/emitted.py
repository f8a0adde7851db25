"""Columns that nodes give, as dbt compiled them: a star over a seed ends at the seed's header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from agentic.exceptions import AgenticError
from agentic.lineage.graph import Graph
from agentic.lineage.tracing import column_lineage
from agentic.project import Manifest, Node

_KINDS = ("model.", "snapshot.", "seed.")


class EmittedColumns(Mapping[str, tuple[str, ...]]):
    """By node name, worked out when asked; a node that hands on what nobody lists is not in it."""

    def __init__(self, manifest: Manifest, graph: Graph, dialect: str, root: Path) -> None:
        self._manifest, self._graph, self._dialect, self._root = manifest, graph, dialect, root
        self._known: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _ids(self) -> dict[str, str]:
        own = self._manifest.metadata.project_name
        return {
            node.name: uid
            for uid, node in self._manifest.nodes.items()
            if uid.startswith(_KINDS) and node.package_name == own
        }

    def __getitem__(self, name: str) -> tuple[str, ...]:
        if name not in self._known:
            self._known[name] = self._columns(self._ids[name])
        if not self._known[name]:
            raise KeyError(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def _columns(self, uid: str) -> tuple[str, ...]:
        near = [uid, *self._graph.ancestors(uid)]
        schemas = {
            one: dict.fromkeys(self._header(self._manifest.nodes[one]), "")
            for one in near
            if one.startswith("seed.")
        }
        if uid in schemas:
            return tuple(schemas[uid])
        node = self._manifest.nodes[uid]
        if not node.compiled_code:
            return ()
        try:
            traced = column_lineage(
                self._manifest, schemas=schemas, dialect=self._dialect, only=set(near)
            )
            found = traced.columns(uid)
        except AgenticError:
            return ()
        return () if "*" in found else tuple(name.lower() for name in found)

    def _header(self, seed: Node) -> tuple[str, ...]:
        delimiter = str(seed.config.get("delimiter") or ",")
        try:
            with (self._root / seed.original_file_path).open(encoding="utf-8-sig") as file:
                names = next(csv.reader(file, delimiter=delimiter), [])
        except (OSError, ValueError, TypeError, csv.Error):
            return ()
        return tuple(name.strip().lower() for name in names if name.strip())
