"""Column lineage of a whole project: one pass over each node's SQL, parents before children.

A column whose origin cannot be told is `unknown` with a reason; none is ever dropped. Sources and
seeds have no upstream; Python nodes are opaque, and said to be so.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import msgspec

from agentic.lineage.graph import Graph
from agentic.lineage.relations import Names
from agentic.sql.origins import AGGREGATED, DIRECT, Base, Col, Shape, opaque
from agentic.sql.trace import Lookup, expression_text, trace, trace_raw

if TYPE_CHECKING:
    from agentic.project import Manifest, Node

Kind = Literal["unchanged", "renamed", "transformed", "aggregated", "filter", "join", "unknown"]
Schemas = Mapping[str, Mapping[str, str]]
"""Columns and types of relations, by `unique_id`, in order."""

_TRACED = ("model", "snapshot", "analysis")
_SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
_EPHEMERAL = "__dbt__cte__"


class Edge(msgspec.Struct, frozen=True):
    """One step of column lineage; `node` and `column` are the other end."""

    node: str
    """`unique_id`; the relation's name where the project does not know it; empty where unknown."""
    column: str
    kind: Kind
    expression: str = ""
    """What is computed, as SQL, for `transformed` and `aggregated`."""
    reason: str = ""
    """For `unknown`: why it is not known."""


class ColumnLineage:
    """Answers about the columns of the nodes that were traced, and of those they read.

    `texts_of` gives the expressions of a node's columns, by name in lower case, when asked for: the
    trees they are made from are too large to be kept.
    """

    def __init__(self, texts_of: Callable[[str], Mapping[str, str]]) -> None:
        self._texts_of = texts_of
        self._texts: dict[str, Mapping[str, str]] = {}
        self._shapes: dict[str, Shape] = {}
        self._below: dict[tuple[str, str], list[tuple[str, str, Kind]]] | None = None

    def add(self, uid: str, shape: Shape) -> None:
        """Take a node's shape. Internal to the tracing."""
        self._shapes[uid] = shape
        self._below = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """`unique_id`s that were traced or read, in lineage order."""
        return tuple(self._shapes)

    def columns(self, node: str) -> tuple[str, ...]:
        """A node's columns in order; `*` stands for those that nobody listed."""
        shape = self._shapes.get(node)
        if shape is None:
            return ()
        rest = ("*",) if shape.is_open and all(col.name != "*" for col in shape.cols) else ()
        return (*(col.name for col in shape.cols), *rest)

    def kind(self, node: str, column: str) -> str:
        """The strongest kind of a column's own edges; `constant` without any; `source`."""
        shape = self._shapes.get(node)
        if shape is None or node.startswith(("source.", "seed.")):
            return "source"
        col = shape.find(column)
        if col is None or col.reason:
            return "unknown"
        kinds = {_kind(level, name, col.name) for (_, name), level in col.leaves.items()}
        strongest = ("aggregated", "transformed", "renamed", "unchanged")
        return next((kind for kind in strongest if kind in kinds), "constant")

    def upstream(self, node: str, column: str) -> tuple[Edge, ...]:
        """What a column is made of, and what filtered or joined its rows, one step up."""
        shape = self._shapes.get(node)
        col = shape.find(column) if shape is not None else None
        if shape is None or (col is not None and col.base is not None and col.base[0] == node):
            return ()
        if col is None:
            reason = self._rest_reason(shape) if column == "*" else f"{node} has no column {column}"
            return (Edge("", "", "unknown", reason=reason),)
        return (*self._value_edges(node, col), *self.rows(node))

    def _value_edges(self, node: str, col: Col) -> Iterator[Edge]:
        for (key, name), level in col.leaves.items():
            text = self._text(node, col.name) if level != DIRECT else ""
            yield Edge(_node(key), name, _kind(level, name, col.name), text)
        if col.reason:
            yield Edge("", "", "unknown", reason=col.reason)

    def _text(self, node: str, column: str) -> str:
        texts = self._texts.get(node)
        if texts is None:
            texts = self._texts[node] = self._texts_of(node)
        return texts.get(column.lower(), "")

    def rows(self, node: str) -> tuple[Edge, ...]:
        """What decides which rows a node has: columns of its filters and joins."""
        shape = self._shapes.get(node)
        filters = shape.filters.items() if shape is not None else ()
        return tuple(
            Edge(_node(key), name, "join" if kind == "join" else "filter")
            for (key, name), kind in filters
        )

    def _rest_reason(self, shape: Shape) -> str:
        if shape.any is not None:
            return shape.any.reason
        names = sorted({base.name for rest in shape.rests for base in rest.bases})
        return f"columns of {', '.join(names)} are not known"

    def downstream(self, node: str, column: str) -> tuple[Edge, ...]:
        """Columns made of a column, one step down; `*` where it filters or joins the rows."""
        if self._below is None:
            self._below = {}
            for uid, below, kind, leaf in self._edges():
                self._below.setdefault((leaf[0], leaf[1].lower()), []).append((uid, below, kind))
        found = self._below.get((node, column.lower()), ())
        return tuple(Edge(uid, below, kind) for uid, below, kind in found)

    def children(self, node: str) -> tuple[str, ...]:
        """Traced nodes that read any column of a node."""
        return tuple(
            uid
            for uid, shape in self._shapes.items()
            if uid != node
            and (
                any(leaf[0] == node for leaf in shape.filters)
                or any(leaf[0] == node for col in shape.cols for leaf in col.leaves)
            )
        )

    def opaque_reason(self, node: str) -> str:
        """Why a node cannot be followed at all; empty when it can."""
        shape = self._shapes.get(node)
        return shape.any.reason if shape is not None and shape.any is not None else ""

    def _edges(self) -> Iterator[tuple[str, str, Kind, tuple[str, str]]]:
        for uid, shape in self._shapes.items():
            for col in shape.cols:
                if col.base is not None and col.base[0] == uid:
                    continue
                for leaf, level in col.leaves.items():
                    yield uid, col.name, _kind(level, leaf[1], col.name), leaf
            for leaf, kind in shape.filters.items():
                yield uid, "*", "join" if kind == "join" else "filter", leaf


def _node(key: str) -> str:
    return key.removeprefix("?")


def _kind(level: int, origin: str, name: str) -> Kind:
    if level == DIRECT:
        return "unchanged" if origin.lower() == name.lower() else "renamed"
    return "aggregated" if level == AGGREGATED else "transformed"


def column_lineage(
    manifest: Manifest,
    *,
    schemas: Schemas,
    dialect: str,
    only: Collection[str] | None = None,
) -> ColumnLineage:
    """Trace every node (or those in `only`, with what they read) from compiled, else raw code.

    `schemas` gives the columns of relations where they are known: of sources and seeds above all;
    a node without an entry gets the columns that its own SQL yields.
    """
    tracer = _Tracer(manifest, schemas, dialect)
    graph = Graph(manifest)
    wanted: set[str] | None = None
    if only is not None:
        wanted = set(only).union(*(graph.ancestors(uid) for uid in only))
    with _young_garbage_only() as collect:
        for number, uid in enumerate(graph.order(wanted)):
            tracer.take(uid)
            if number % 100 == 99:
                collect()
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
    def __init__(self, manifest: Manifest, schemas: Schemas, dialect: str) -> None:
        self.manifest = manifest
        self.schemas = schemas
        self.dialect = dialect
        self.names = Names(manifest)
        self.bases: dict[str, Base] = {}
        self.ephemeral: dict[str, str] = {}
        self.lineage = ColumnLineage(self.texts_of)

    def take(self, uid: str) -> None:
        node = self.manifest.all[uid]
        if node.resource_type in ("source", "seed"):
            self.lineage.add(uid, self.base(uid).shape())
        elif node.resource_type in _TRACED:
            shape = self._shape(node)
            for col in shape.cols:
                col.expression = None
            self.lineage.add(uid, shape)
            self.bases[uid] = self._base_of(uid, shape)
            if node.materialized == "ephemeral":
                self.ephemeral[_EPHEMERAL + node.name.lower()] = uid

    def texts_of(self, uid: str) -> dict[str, str]:
        """The expressions of a node's columns, by tracing it once more."""
        shape = self._shape(self.manifest.all[uid])
        return {col.name.lower(): expression_text(col, self.dialect) for col in shape.cols}

    def base(self, uid: str) -> Base:
        """A relation as its children see it; a node not traced yet has only what is known of it."""
        found = self.bases.get(uid)
        if found is None:
            node = self.manifest.all[uid]
            known = self.schemas.get(uid)
            declared = [column.name for column in node.columns.values()]
            columns = list(known) if known else declared
            found = self.bases[uid] = Base(uid, columns, rest=not known)
        return found

    def _base_of(self, uid: str, shape: Shape) -> Base:
        known = self.schemas.get(uid)
        columns = list(known) if known else [col.name for col in shape.cols if col.name != "*"]
        return Base(uid, columns, rest=shape.is_open and not known)

    def _shape(self, node: Node) -> Shape:
        if node.language != "sql":
            return self._opaque(node, f"{node.language} code is not followed")
        if node.compiled_code:
            names = self.names.around(node)
            ephemeral = self._lookup(self.ephemeral) if self.ephemeral else None
            shape = trace(node.compiled_code, self.dialect, self._lookup(names), ephemeral)
        else:
            shape = trace_raw(node.raw_code, self.dialect, self._lookup(self.names.markers(node)))
        shape = self._closed(node, shape)
        if node.resource_type == "snapshot":
            made = [Col(name, {}, reason="dbt's snapshot makes it") for name in _SNAPSHOT_COLUMNS]
            shape = Shape([*shape.cols, *made], shape.rests, shape.filters, shape.any)
        return shape

    def _lookup(self, names: Mapping[str, str]) -> Lookup:
        def lookup(name: str) -> Base | None:
            uid = names.get(name if "(" in name else name.lower())
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
