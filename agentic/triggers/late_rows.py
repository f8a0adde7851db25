"""Rows that an incremental model's window missed: counted by keys, where only time filters it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from agentic.exceptions import AgenticError
from agentic.lineage import ColumnLineage, Graph, column_lineage
from agentic.project import Manifest, Node
from agentic.records import Signal
from agentic.sql import quote, relation_sql
from agentic.warehouse import Connection, Relation

_COPIES = ("unchanged", "renamed")
_QUERY_S = 5.0


class Window(msgspec.Struct, frozen=True):
    """An incremental model with one key, one parent that holds it, and one column of time."""

    node: Node
    key: str
    parent: Node
    parent_key: str
    moment: str
    """The parent's column that the window filters by."""


def late_rows(
    connection: Connection, manifest: Manifest, readable: Callable[[Node], bool]
) -> tuple[Signal, ...]:
    """One signal a model that lacks keys inside its own range of time."""
    graph = Graph(manifest)
    nodes = [n for n in manifest.nodes.values() if n.materialized == "incremental"]
    found = []
    for node in sorted(nodes, key=lambda one: one.unique_id)[:20]:
        window = window_of(node, manifest, graph, connection.dialect)
        if window is None or not readable(node) or not readable(window.parent):
            continue
        signal = _counted(connection, window)
        found += [signal] if signal is not None else []
    return tuple(found)


def window_of(node: Node, manifest: Manifest, graph: Graph, dialect: str) -> Window | None:
    """None for a model whose rows are chosen by anything but one column of time."""
    key = node.config.get("unique_key")
    parents = graph.parents(node.unique_id)
    if not isinstance(key, str) or "is_incremental" not in (node.raw_code or ""):
        return None
    if len(parents) != 1 or not node.compiled_code:
        return None
    try:
        traced = column_lineage(
            manifest, schemas={}, dialect=dialect, only={node.unique_id, *parents}
        )
    except AgenticError:
        return None
    filters = _filters(traced, node)
    made = [e for e in traced.upstream(node.unique_id, key) if e.kind in _COPIES]
    parent = manifest.all.get(parents[0])
    if filters is None or len(filters) != 1 or len(made) != 1 or parent is None:
        return None
    return Window(node, key, parent, made[0].column, filters[0])


def _filters(traced: ColumnLineage, node: Node) -> list[str] | None:
    """Columns of the parent that decide which rows come; None where a join or a group does too."""
    rows = [e for e in traced.rows(node.unique_id) if e.node != node.unique_id]
    if any(e.kind != "filter" or e.expression for e in rows):
        return None
    return sorted({e.column for e in rows})


def _counted(connection: Connection, window: Window) -> Signal | None:
    dialect = connection.dialect
    here, above = _text(window.node, dialect), _text(window.parent, dialect)
    key, parent_key = quote(window.key, dialect), quote(window.parent_key, dialect)
    at = quote(window.moment, dialect)
    known = f"select {key} from {here} where {key} is not null"  # noqa: S608 -- quoted
    held = f"select {at} from {above} where {parent_key} in ({known})"  # noqa: S608 -- quoted
    sql = (
        f"select count(*), min({at}), max({at}) from {above} where {parent_key} not in ({known}) "  # noqa: S608 -- quoted
        f"and {at} >= (select min({at}) from ({held}) as h) "
        f"and {at} < (select max({at}) from ({held}) as h)"
    )
    try:
        rows = connection.query(sql, max_rows=1, timeout_s=_QUERY_S).rows
    except AgenticError:
        return None
    lost, first, last = _figures(rows)
    if not lost:
        return None
    name, parent = window.node.name, window.parent.name
    return Signal(
        kind="anomaly",
        node=window.node.unique_id,
        message=(
            f"{name} lacks {lost} keys of {parent} between {first} and {last}: they came after "
            "its window, or were taken out of it"
        ),
        path=window.node.original_file_path,
        figures={
            "change": "late_arriving",
            "column": window.key,
            "before": 0.0,
            "now": float(lost),
            "since": first,
            "basis": f"the keys of {parent}",
        },
    )


def _text(node: Node, dialect: str) -> str:
    relation = Relation.of_node(node)
    return relation_sql((relation.database, relation.schema, relation.identifier), dialect)


def _figures(rows: Sequence[Sequence[object]]) -> tuple[int, str, str]:
    count, first, last = rows[0]
    return int(str(count or 0)), str(first or "")[:10], str(last or "")[:10]
