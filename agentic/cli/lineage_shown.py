"""How `agentic lineage` shows a graph and its columns: text, JSON, Mermaid, HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from agentic.cli.options import Flags
from agentic.cli.output import emit_json, emit_text, plain
from agentic.lineage import drawing

if TYPE_CHECKING:
    from agentic.lineage import ColumnLineage, Edge, Graph
    from agentic.project import Manifest, Project

_TESTS = ("test.", "unit_test.")


def show_graph(
    flags: Flags,
    project: Project,
    manifest: Manifest,
    graph: Graph,
    uids: Sequence[str],
    near: str = "",
) -> None:
    """Nodes and what lies between them; `near` is drawn with its neighbours."""
    if flags.as_json:
        for uid in uids:
            node = manifest.all[uid]
            emit_json(
                {
                    "node": uid,
                    "resource_type": node.resource_type,
                    "path": node.original_file_path,
                    "parents": graph.parents(uid),
                    "children": graph.children(uid),
                }
            )
        return
    drawn = [uid for uid in uids if not uid.startswith(_TESTS)] or list(uids)
    tests = {uid: [one for one in graph.children(uid) if one.startswith(_TESTS)] for uid in drawn}
    if flags.output == "text":
        if near:
            lines(drawing.neighbours(near, graph, manifest.all[near].original_file_path))
        else:
            lines(drawing.tree(drawn, graph, {uid: len(own) for uid, own in tests.items()}))
        return
    if near:
        around = [one for one in graph.children(near) if not one.startswith(_TESTS)]
        drawn = graph.order({near, *graph.parents(near), *around})
    if flags.output == "mermaid":
        lines(drawing.mermaid(drawn, graph))
    else:
        details = {uid: [drawing.label(one) for one in own] for uid, own in tests.items()}
        title = f"Lineage of {project.name}"
        emit_text(drawing.html(drawn, graph, title=title, details=details))


def show_columns(
    flags: Flags, project: Project, manifest: Manifest, graph: Graph, uids: list[str]
) -> None:
    """Columns of nodes, and what each is made of."""
    lineage = traced(flags, project, manifest, uids, expressions=flags.as_json)
    rows = [(uid, column) for uid in uids for column in lineage.columns(uid)]
    if flags.output in ("mermaid", "html"):
        edges = _drawn_edges(lineage, rows)
        if flags.output == "mermaid":
            lines(drawing.column_mermaid([edge for edge in edges if edge[0]]))
        else:
            emit_text(drawing.column_html(edges, graph, title=f"Columns of {project.name}"))
        return
    shown = ""
    for uid, column in rows:
        if flags.as_json:
            edges_up = [_edge(edge) for edge in lineage.upstream(uid, column)]
            line: dict[str, Any] = {"node": uid, "column": column, "upstream": edges_up}
            emit_json({**line, "kind": lineage.kind(uid, column)})
            continue
        if uid != shown:
            emit_text(plain(drawing.label(uid)))
            shown = uid
        emit_text(plain("  " + _column_text(lineage, uid, column)))


def _drawn_edges(
    lineage: ColumnLineage, rows: Sequence[tuple[str, str]]
) -> list[drawing.ColumnEdge]:
    """What each column is made of; one that is made of no column has an edge from nowhere."""
    edges: list[drawing.ColumnEdge] = []
    for uid, column in rows:
        found = [
            (edge.node, edge.column, uid, column, edge.kind)
            for edge in lineage.upstream(uid, column)
            if edge.node and edge.kind not in ("filter", "join")
        ]
        edges += found or [("", "", uid, column, lineage.kind(uid, column))]
    return edges


def _column_text(lineage: ColumnLineage, uid: str, column: str) -> str:
    parts = []
    for edge in lineage.upstream(uid, column):
        if edge.kind == "unknown":
            parts.append(f"unknown: {edge.reason}")
        elif edge.kind not in ("filter", "join"):
            parts.append(f"{drawing.label(edge.node)}.{edge.column} ({edge.kind})")
    return f"{column} ← {', '.join(parts)}" if parts else f"{column}  [{lineage.kind(uid, column)}]"


def _edge(edge: Edge) -> dict[str, Any]:
    line: dict[str, Any] = {
        "node": edge.node or None,
        "column": edge.column or None,
        "kind": edge.kind,
    }
    if edge.expression:
        line["expression"] = edge.expression
    if edge.reason:
        line["reason"] = edge.reason
    return line


def traced(
    flags: Flags,
    project: Project,
    manifest: Manifest,
    uids: list[str],
    *,
    expressions: bool = False,
) -> ColumnLineage:
    """Column lineage of these nodes and of all above them, kept in target/agentic."""
    from agentic.cli.selection import known_schemas
    from agentic.lineage import column_lineage
    from agentic.sql import dialect_of

    schemas = known_schemas(manifest, project, flags)
    dialect = dialect_of(manifest.metadata.adapter_type or "")
    return column_lineage(
        manifest,
        schemas=schemas,
        dialect=dialect,
        only=uids,
        store=project.target_path / "agentic" / "lineage.msgpack",
        expressions=expressions,
    )


def lines(found: Iterable[str]) -> None:
    """Lines of text at once: one write each would take longer than all else."""
    text = "\n".join(plain(line) for line in found)
    if text:
        emit_text(text)
