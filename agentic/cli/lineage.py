"""`agentic lineage [SELECT]`: the graph, the columns, and what a column's change would break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.lineage import ColumnLineage, Edge, Graph, Impact
    from agentic.project import Manifest, Project


@click.command("lineage", short_help="Show node and column lineage, and impact.")
@click.argument("select", nargs=-1)
@click.option("--columns", is_flag=True, help="Columns and what each is made of.")
@click.option("--impact", "impact_of", metavar="NODE.COLUMN", help="What a change would break.")
@project_options("mermaid", "html")
def command(flags: Flags, select: tuple[str, ...], columns: bool, impact_of: str | None) -> None:
    """Show the lineage of the nodes that SELECT names (dbt's node selection; default: all)."""
    from agentic.lineage import Graph
    from agentic.project import find_project, load_manifest

    if impact_of and columns:
        raise click.UsageError("--columns and --impact exclude each other.")
    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    manifest = load_manifest(project.manifest_path)
    graph = Graph(manifest)
    if impact_of:
        _show_impact(flags, project, manifest, graph, impact_of)
        return
    uids = graph.order(_selected(" ".join(select), project, manifest, graph, flags))
    if not select:
        uids = [uid for uid in uids if not uid.startswith(("test.", "unit_test.", "operation."))]
    if columns:
        _show_columns(flags, project, manifest, graph, uids)
    else:
        _show_graph(flags, project, manifest, graph, uids)


def _selected(
    expression: str, project: Project, manifest: Manifest, graph: Graph, flags: Flags
) -> frozenset[str]:
    from agentic.cli.selection import ask_dbt
    from agentic.exceptions import SelectorError
    from agentic.lineage import UNSUPPORTED, resolve

    if not expression:
        return frozenset(graph)
    try:
        found = resolve(expression, manifest, graph)
    except SelectorError as error:
        if error.code != UNSUPPORTED:
            raise
        note(f"{error.message}; asking dbt")
        return ask_dbt(expression, project, flags)
    for part in found.unmatched:
        note(f"warning: {part!r} selects nothing")
    return found.uids


def _show_graph(
    flags: Flags, project: Project, manifest: Manifest, graph: Graph, uids: list[str]
) -> None:
    from agentic.lineage import drawing

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
    elif flags.output == "mermaid":
        _lines(drawing.mermaid(uids, graph))
    elif flags.output == "html":
        emit_text(drawing.html(uids, graph, title=f"Lineage of {project.name}"))
    else:
        _lines(drawing.tree(uids, graph))


def _show_columns(
    flags: Flags, project: Project, manifest: Manifest, graph: Graph, uids: list[str]
) -> None:
    from agentic.lineage import drawing

    lineage = _lineage(flags, project, manifest, uids, expressions=flags.as_json)
    rows = [(uid, column) for uid in uids for column in lineage.columns(uid)]
    if flags.output == "mermaid":
        edges = [
            (edge.node, edge.column, uid, column, edge.kind)
            for uid, column in rows
            for edge in lineage.upstream(uid, column)
            if edge.node and edge.kind not in ("filter", "join")
        ]
        _lines(drawing.column_mermaid(edges))
        return
    if flags.output == "html":
        details: dict[str, list[str]] = {}
        for uid, column in rows:
            details.setdefault(uid, []).append(_column_text(lineage, uid, column))
        emit_text(drawing.html(uids, graph, title=f"Columns of {project.name}", details=details))
        return
    shown = ""
    for uid, column in rows:
        if flags.as_json:
            edges_up = [_edge(edge) for edge in lineage.upstream(uid, column)]
            line: dict[str, Any] = {"node": uid, "column": column, "upstream": edges_up}
            emit_json({**line, "kind": lineage.kind(uid, column)})
            continue
        if uid != shown:
            emit_text(drawing.label(uid))
            shown = uid
        emit_text("  " + _column_text(lineage, uid, column))


def _column_text(lineage: ColumnLineage, uid: str, column: str) -> str:
    from agentic.lineage import drawing

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


def _lineage(
    flags: Flags,
    project: Project,
    manifest: Manifest,
    uids: list[str],
    *,
    expressions: bool = False,
) -> ColumnLineage:
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


def _show_impact(
    flags: Flags, project: Project, manifest: Manifest, graph: Graph, text: str
) -> None:
    from agentic.cli.selection import node_and_column
    from agentic.lineage import impact
    from agentic.records import dump

    uid, column = node_and_column(text, manifest)
    lineage = _lineage(flags, project, manifest, [uid, *graph.descendants(uid)])
    known = lineage.columns(uid)
    if column.lower() not in {one.lower() for one in known} and "*" not in known:
        from agentic.exceptions import SelectorError

        raise SelectorError(
            f"{uid} has no column {column!r}", hint=f"Its columns: {', '.join(known) or 'none'}."
        )
    found = impact(uid, column, manifest=manifest, graph=graph, lineage=lineage)
    if flags.as_json:
        line = dump(found)
        line["unknown"] = [{"node": node, "reason": reason} for node, reason in found.unknown]
        emit_json(line)
    elif flags.output == "mermaid":
        from agentic.lineage import drawing

        _lines(drawing.mermaid([uid, *found.nodes, *found.exposures], graph))
    else:
        _impact_text(found)


def _impact_text(found: Impact) -> None:
    from agentic.lineage import drawing

    emit_text(f"{drawing.label(found.node)}.{found.column}: {found.verdict}")
    for title, uids in (
        ("read by", found.readers),
        ("tests", found.tests),
        ("contracts", found.contracts),
        ("exposures", found.exposures),
        ("metrics", found.metrics),
    ):
        if uids:
            emit_text(f"{title}: {', '.join(drawing.label(uid) for uid in uids)}")
    if found.owners:
        emit_text(f"owners: {', '.join(found.owners)}")
    for one in found.columns:
        emit_text(f"  {drawing.label(one.node)}.{one.column} ({one.kind})")
    for uid in found.nodes:
        if uid not in {one.node for one in found.columns}:
            emit_text(f"  {drawing.label(uid)} (its rows)")
    for uid, reason in found.unknown:
        emit_text(f"  {drawing.label(uid)} (unknown: {reason})")


def _lines(lines: Any) -> None:
    for line in lines:
        emit_text(line)
