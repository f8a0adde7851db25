"""Column lineage of a whole project: one pass over each node's SQL, parents before children."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from agentic.lineage.columns import MADE_BY_SNAPSHOT, ColumnLineage
from agentic.lineage.graph import Graph
from agentic.lineage.relations import Names
from agentic.lineage.stored import StoredNode, read_store, shape_of, stored, write_store
from agentic.sql import PARSER
from agentic.sql.origins import Base, Col, Shape, opaque
from agentic.sql.trace import Lookup, expression_text, trace, trace_raw

if TYPE_CHECKING:
    from agentic.project import Manifest, Node

Schemas = Mapping[str, Mapping[str, str]]
"""Columns and types of relations, by `unique_id`, in order."""

_TRACED = ("model", "snapshot", "analysis")
_SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
_EPHEMERAL = "__dbt__cte__"


def column_lineage(
    manifest: Manifest,
    *,
    schemas: Schemas,
    dialect: str,
    only: Collection[str] | None = None,
    store: Path | None = None,
    expressions: bool = False,
) -> ColumnLineage:
    """Trace every node (or those in `only`, with what they read) from compiled, else raw code.

    `schemas` gives the columns of relations where they are known: of sources and seeds above all;
    a node without an entry gets the columns that its own SQL yields. `store` is a file that spares
    unchanged nodes next time. `expressions`: make their texts now, since all will be asked for.
    """
    tracer = _Tracer(manifest, schemas, dialect, expressions)
    graph = Graph(manifest)
    wanted: set[str] | None = None
    if only is not None:
        wanted = set(only).union(*(graph.ancestors(uid) for uid in only))
    with _young_garbage_only() as collect:
        tracer.kept = read_store(store)
        for uid in graph.order(wanted):
            tracer.take(uid)
            if uid in tracer.fresh and len(tracer.fresh) % 100 == 0:
                collect()
        if store is not None and tracer.fresh:
            write_store(
                store, {uid: one for uid, one in tracer.kept.items() if uid in manifest.all}
            )
    return tracer.lineage


@contextmanager
def _young_garbage_only() -> Iterator[Callable[[], object]]:
    """Trees are cyclic and short-lived: walking all of memory for them again and again is half of
    the cost of parsing. Inside, only what was made since the last call is looked at.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield lambda: gc.collect(0)
    finally:
        if was_on:
            gc.enable()


class _Tracer:
    def __init__(
        self, manifest: Manifest, schemas: Schemas, dialect: str, expressions: bool
    ) -> None:
        self.manifest = manifest
        self.schemas = schemas
        self.dialect = dialect
        self.expressions = expressions
        self.names = Names(manifest)
        self.shapes: dict[str, Shape] = {}
        self.bases: dict[str, Base] = {}
        self.signatures: dict[str, str] = {}
        """What a node's columns look like from outside, for the keys of its children."""
        self.ephemeral: dict[str, str] = {}
        self.kept: dict[str, StoredNode] = {}
        self.fresh: dict[str, StoredNode] = {}
        self.lineage = ColumnLineage(self.shape, self.texts_of)

    def take(self, uid: str) -> None:
        """Trace one node, unless what is kept of it still holds."""
        node = self.manifest.all[uid]
        if node.resource_type in _TRACED:
            if node.materialized == "ephemeral":
                self.ephemeral[_EPHEMERAL + node.name.lower()] = uid
            key = self._key(node)
            kept = self.kept.get(uid)
            if kept is None or kept.key != key or (self.expressions and kept.texts is None):
                kept = self.fresh[uid] = self._trace(node, key)
                self.kept[uid] = kept
            names = [column.name for column in kept.columns]
            self._sign(uid, names, closed=not kept.rests and kept.anything is None)
        elif node.resource_type in ("source", "seed"):
            self._sign(uid, [column.name for column in node.columns.values()], closed=False)
        else:
            return
        self.lineage.add(uid)

    def _sign(self, uid: str, names: list[str], *, closed: bool) -> None:
        known = self.schemas.get(uid)
        self.signatures[uid] = "\n".join([uid, str(closed or bool(known)), *(known or names)])

    def _key(self, node: Node) -> str:
        digest = blake2b((node.compiled_code or node.raw_code).encode(), digest_size=16)
        digest.update(
            f"{PARSER}\n{self.dialect}\n{node.resource_type}\n{bool(node.compiled_code)}".encode()
        )
        for uid in (node.unique_id, *node.depends_on_nodes):
            # A node's own entry is what the schemas say of it: its SQL may read itself.
            own = "\n".join(self.schemas.get(uid, ()))
            digest.update(self.signatures.get(uid, own).encode() + b"\0")
        return digest.hexdigest()

    def _trace(self, node: Node, key: str) -> StoredNode:
        uid = node.unique_id
        self.bases.pop(uid, None)
        shape = self._follow(node)
        texts = None
        if self.expressions:
            texts = {col.name.lower(): expression_text(col, self.dialect) for col in shape.cols}
        for col in shape.cols:
            col.expression = None
        self.shapes[uid] = shape
        # What the node's own SQL took itself for is replaced by what it turned out to be.
        self.bases.pop(uid, None)
        return stored(key, shape, texts)

    def shape(self, uid: str) -> Shape | None:
        """What a traced node yields, or a source's or seed's columns."""
        found = self.shapes.get(uid)
        if found is None:
            kept = self.kept.get(uid)
            found = shape_of(kept, self._base_by_key) if kept else self.base(uid).shape()
            self.shapes[uid] = found
        return found

    def texts_of(self, uid: str) -> dict[str, str]:
        """The expressions of a node's columns, by tracing it once more."""
        kept = self.kept.get(uid)
        if kept is not None and kept.texts is not None:
            return kept.texts
        shape = self._follow(self.manifest.all[uid])
        return {col.name.lower(): expression_text(col, self.dialect) for col in shape.cols}

    def _base_by_key(self, key: str) -> Base:
        return (
            self.base(key) if key in self.manifest.all else Base(key, (), rest=True, name=key[1:])
        )

    def base(self, uid: str) -> Base:
        """A relation as its children see it; a node not traced yet has only what is known of it."""
        found = self.bases.get(uid)
        if found is None:
            known = self.schemas.get(uid)
            shape = self.shape(uid) if uid in self.kept and uid in self.signatures else None
            if shape is not None:
                columns = list(known) if known else [c.name for c in shape.cols if c.name != "*"]
                found = Base(uid, columns, rest=shape.is_open and not known)
            else:
                node = self.manifest.all[uid]
                declared = [column.name for column in node.columns.values()]
                found = Base(uid, list(known) if known else declared, rest=not known)
            self.bases[uid] = found
        return found

    def _follow(self, node: Node) -> Shape:
        if node.language != "sql":
            return self._opaque(node, f"{node.language} code is not followed")
        if node.compiled_code:
            names = self.names.around(node)
            ephemeral = self._ephemeral if self.ephemeral else None
            shape = trace(node.compiled_code, self.dialect, self._lookup(names), ephemeral)
        else:
            shape = trace_raw(node.raw_code, self.dialect, self._lookup(self.names.markers(node)))
        shape = self._closed(node, shape)
        if node.resource_type == "snapshot":
            made = [Col(name, {}, reason=MADE_BY_SNAPSHOT) for name in _SNAPSHOT_COLUMNS]
            shape = Shape([*shape.cols, *made], shape.rests, shape.filters, shape.any)
        return shape

    def _ephemeral(self, name: str) -> Base | None:
        """The model that dbt put in as this CTE; a CTE of any other name is the query's own, also
        where a relation has the same name."""
        uid = self.ephemeral.get(name.lower())
        return self.base(uid) if uid is not None else None

    def _lookup(self, names: Mapping[str, str]) -> Lookup:
        def lookup(name: str) -> Base | None:
            uid = names.get(name) or self.names.anywhere(name)
            return self.base(uid) if uid is not None else None

        return lookup

    def _opaque(self, node: Node, reason: str) -> Shape:
        known = self.schemas.get(node.unique_id)
        names = list(known) if known else [column.name for column in node.columns.values()]
        return opaque(reason, [Col(name, {}, reason=reason) for name in names])

    def _closed(self, node: Node, shape: Shape) -> Shape:
        """A shape with rests, made whole by the columns that the relation is known to have."""
        known = self.schemas.get(node.unique_id)
        if not known or not shape.is_open:
            return shape
        cols = [shape.find(name) or Col(name, {}, reason="not in the node's SQL") for name in known]
        named = [
            Col(name, col.leaves, col.expression, col.reason)
            for name, col in zip(known, cols, strict=True)
        ]
        return Shape(named, (), shape.filters)
