"""Answers about columns: what each is made of, and what is made of it.

A column whose origin cannot be told is `unknown` with a reason; none is ever dropped. Sources and
seeds have no upstream; Python nodes are opaque, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from agentic.sql.origins import AGGREGATED, DIRECT, Col, Shape

Kind = Literal["unchanged", "renamed", "transformed", "aggregated", "filter", "join", "unknown"]


MADE_BY_SNAPSHOT = "dbt's snapshot makes it"
_KNOWN = ("", MADE_BY_SNAPSHOT)
"""Reasons that hide no column of a parent."""


class Edge(msgspec.Struct, frozen=True):
    """One step of column lineage; `node` and `column` are the other end."""

    node: str
    """`unique_id`; the relation's name where the project does not know it; empty where unknown."""
    column: str
    kind: Kind
    expression: str = ""
    """What is computed, as SQL, for `transformed` and `aggregated`; `GROUP BY` for a `filter` that
    folds rows instead of dropping them."""
    reason: str = ""
    """For `unknown`: why it is not known."""


class ColumnLineage:
    """Answers about the columns of the nodes that were traced, and of those they read.

    Shapes and expressions of a node are made when first asked for: those of a cached node may never
    be, and the trees that expressions are made from are too large to be kept.
    """

    def __init__(
        self,
        shape_of: Callable[[str], Shape | None],
        texts_of: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._shape_of = shape_of
        self._texts_of = texts_of
        self._texts: dict[str, Mapping[str, str]] = {}
        self._nodes: dict[str, None] = {}
        self._below: dict[tuple[str, str], list[tuple[str, str, Kind]]] | None = None

    def add(self, uid: str) -> None:
        """Count a node among those that were traced. Internal to the tracing."""
        self._nodes[uid] = None
        self._below = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """`unique_id`s that were traced or read, in lineage order."""
        return tuple(self._nodes)

    def _shape(self, uid: str) -> Shape | None:
        return self._shape_of(uid) if uid in self._nodes else None

    def _all(self) -> Iterator[tuple[str, Shape]]:
        for uid in self._nodes:
            shape = self._shape_of(uid)
            if shape is not None:
                yield uid, shape

    def columns(self, node: str) -> tuple[str, ...]:
        """A node's columns in order; `*` stands for those that nobody listed."""
        shape = self._shape(node)
        if shape is None:
            return ()
        rest = ("*",) if shape.is_open and all(col.name != "*" for col in shape.cols) else ()
        return (*(col.name for col in shape.cols), *rest)

    def kind(self, node: str, column: str) -> str:
        """The strongest kind of a column's own edges; `constant` without any; `source`."""
        shape = self._shape(node)
        if shape is None or node.startswith(("source.", "seed.")):
            return "source"
        col = _find(shape, column)
        if col is None or col.reason:
            return "unknown"
        kinds = {_kind(level, name, col.name) for (_, name), level in col.leaves.items()}
        strongest = ("aggregated", "transformed", "renamed", "unchanged")
        return next((kind for kind in strongest if kind in kinds), "constant")

    def upstream(self, node: str, column: str) -> tuple[Edge, ...]:
        """What a column is made of, and what filtered or joined its rows, one step up."""
        shape = self._shape(node)
        col = _find(shape, column) if shape is not None else None
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
        """What decides which rows a node has: columns of its filters, joins and groups.

        A group's key, or a column of a DISTINCT, is a `filter` with the expression `GROUP BY`.
        """
        shape = self._shape(node)
        filters = shape.filters.items() if shape is not None else ()
        return tuple(
            Edge(
                _node(key),
                name,
                "join" if kind == "join" else "filter",
                "GROUP BY" if kind == "group" else "",
            )
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
            for uid, shape in self._all()
            if uid != node
            and (
                any(leaf[0] == node for leaf in shape.filters)
                or any(leaf[0] == node for col in shape.cols for leaf in col.leaves)
            )
        )

    def opaque_reason(self, node: str) -> str:
        """Why a node cannot be followed at all; empty when it can."""
        shape = self._shape(node)
        return shape.any.reason if shape is not None and shape.any is not None else ""

    def unknown_reason(self, node: str) -> str:
        """Why some column of a node that can be followed is unknown all the same; else empty."""
        shape = self._shape(node)
        cols = shape.cols if shape is not None else ()
        return next(
            (f"column {col.name}: {col.reason}" for col in cols if col.reason not in _KNOWN), ""
        )

    def _edges(self) -> Iterator[tuple[str, str, Kind, tuple[str, str]]]:
        for uid, shape in self._all():
            for col in shape.cols:
                if col.base is not None and col.base[0] == uid:
                    continue
                for leaf, level in col.leaves.items():
                    yield uid, col.name, _kind(level, leaf[1], col.name), leaf
            for leaf, kind in shape.filters.items():
                yield uid, "*", "join" if kind == "join" else "filter", leaf


def _find(shape: Shape, column: str) -> Col | None:
    """A column by its name; `*` is one only where a star stands for columns that nobody knows."""
    return shape.listed(column) if column == "*" else shape.find(column)


def _node(key: str) -> str:
    return key.removeprefix("?")


def _kind(level: int, origin: str, name: str) -> Kind:
    if level == DIRECT:
        return "unchanged" if origin.lower() == name.lower() else "renamed"
    return "aggregated" if level == AGGREGATED else "transformed"
