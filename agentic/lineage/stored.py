"""Traced nodes on disk: what a node's SQL yields is valid as long as the SQL and its parents."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from agentic.sql.origins import Base, Col, Rest, Shape

VERSION = 2
"""Raise it when the walk over columns learns something: older files are then traced anew."""


class StoredColumn(msgspec.Struct, array_like=True):
    name: str
    leaves: list[tuple[str, str, int]]
    reason: str = ""


class StoredNode(msgspec.Struct, array_like=True):
    """A shape without its trees."""

    key: str
    """Hash of the node's SQL, the dialect, and the columns of all that it reads."""
    columns: list[StoredColumn]
    rests: list[tuple[list[str], list[str]]] = []
    filters: list[tuple[str, str, str]] = []
    anything: StoredColumn | None = None
    texts: dict[str, str] | None = None
    """Expressions by column in lower case; None: never asked for."""


class _File(msgspec.Struct):
    version: int
    nodes: dict[str, StoredNode]


def read_store(path: Path | None) -> dict[str, StoredNode]:
    """The nodes of a store; empty when there is none, or when it is not ours or not whole."""
    if path is not None:
        with suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
            found = msgspec.msgpack.decode(path.read_bytes(), type=_File)
            if found.version == VERSION:
                return found.nodes
    return {}


def write_store(path: Path, nodes: Mapping[str, StoredNode]) -> None:
    """Replace a store in one step. A folder that cannot be written is no error: it is a cache."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.{os.getpid()}")
        scratch.write_bytes(msgspec.msgpack.encode(_File(VERSION, dict(nodes))))
        scratch.replace(path)


def stored(key: str, shape: Shape, texts: dict[str, str] | None) -> StoredNode:
    """A node as it is kept."""
    return StoredNode(
        key,
        [_column(col) for col in shape.cols],
        [([base.key for base in rest.bases], sorted(rest.without)) for rest in shape.rests],
        [(leaf[0], leaf[1], kind) for leaf, kind in shape.filters.items()],
        _column(shape.any) if shape.any is not None else None,
        texts,
    )


def shape_of(node: StoredNode, base_of: Callable[[str], Base]) -> Shape:
    """A kept node as a shape again; `base_of` finds relations by their key."""
    rests = tuple(
        Rest(tuple(base_of(key) for key in keys), frozenset(without))
        for keys, without in node.rests
    )
    filters = {(uid, column): kind for uid, column, kind in node.filters}
    anything = _col(node.anything) if node.anything is not None else None
    return Shape([_col(one) for one in node.columns], rests, filters, anything)


def _column(col: Col) -> StoredColumn:
    leaves = [(leaf[0], leaf[1], level) for leaf, level in col.leaves.items()]
    return StoredColumn(col.name, leaves, col.reason)


def _col(column: StoredColumn) -> Col:
    leaves = {(uid, name): level for uid, name, level in column.leaves}
    return Col(column.name, leaves, None, column.reason)
