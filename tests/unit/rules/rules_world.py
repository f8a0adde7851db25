"""A scripted world for rules: live shapes, files, history and answers to SQL, no tool bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, Node, NodeColumn, Source
from agentic.project.manifest import DependsOn, TestMetadata
from agentic.records import Incident, Signal, ToolCall, ToolResult
from agentic.rules import Case, diagnose_and_fix

OWNER = "vendor@example.com"


def source(name: str, columns: dict[str, str] | None = None, **more: Any) -> Source:
    declared = {n: NodeColumn(name=n, data_type=t or None) for n, t in (columns or {}).items()}
    return Source(
        unique_id=f"source.shop.raw.{name}",
        name=name,
        source_name="raw",
        resource_type="source",
        package_name="shop",
        database="db",
        schema="raw",
        identifier=name,
        relation_name=f'"db"."raw"."{name}"',
        columns=declared,
        original_file_path="models/_sources.yml",
        raw_meta={"owner": OWNER},
        **more,
    )


def model(name: str, code: str, parents: list[str], **more: Any) -> Node:
    return Node(
        **{
            "unique_id": f"model.shop.{name}",
            "name": name,
            "resource_type": "model",
            "package_name": "shop",
            "database": "db",
            "schema": "main",
            "alias": name,
            "relation_name": f'"db"."main"."{name}"',
            "original_file_path": f"models/{name}.sql",
            "raw_code": code,
            "depends_on": DependsOn(nodes=parents),
            "config": {"materialized": "view"},
            **more,
        }
    )


def check(kind: str, node: str, column: str, **arguments: Any) -> Node:
    """A generic test on a node's column."""
    name = f"{kind}_{node.rsplit('.', 1)[-1]}_{column}"
    parents = [node, *arguments.pop("parents", [])]
    return Node(
        unique_id=f"test.shop.{name}",
        name=name,
        resource_type="test",
        package_name="shop",
        attached_node=node,
        column_name=column,
        test_metadata=TestMetadata(name=kind, kwargs={"column_name": column, **arguments}),
        depends_on=DependsOn(nodes=parents),
        original_file_path="models/_models.yml",
    )


def case_of(nodes: list[Node], incident: Incident) -> Case:
    sources = {n.unique_id: n for n in nodes if isinstance(n, Source)}
    others = {n.unique_id: n for n in nodes if n.unique_id not in sources}
    parents = {uid: n.depends_on_nodes for uid, n in others.items()}
    children: dict[str, list[str]] = {}
    for uid, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(uid)
    manifest = Manifest(
        metadata=Metadata(),
        nodes=others,
        sources=sources,
        parent_map=parents,
        child_map=children,
    )
    return Case(incident, manifest, Graph(manifest), "duckdb", "shop")


def failed(node: str, message: str, kind: str = "run_error", **more: Any) -> Incident:
    signal = Signal(kind=kind, node=node, message=message, **more)  # type: ignore[arg-type]
    return Incident(
        id="i",
        kind=kind,  # type: ignore[arg-type]
        node=node,
        message=message,
        fingerprint="f",
        signals=(signal,),
    )


@dataclass
class World:
    """What the warehouse, the files and the history answer."""

    shapes: dict[str, dict[str, str]] = field(default_factory=dict)
    """unique_id -> column -> type; a missing id is a missing relation."""
    files: dict[str, str] = field(default_factory=dict)
    uncommitted: list[dict[str, Any]] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    """(regular expression over the SQL, rows), the first that matches."""
    matches: list[str] = field(default_factory=list)
    """Files that `search_code` finds."""
    refused: set[str] = field(default_factory=set)
    """Tools that give an error."""
    calls: list[ToolCall] = field(default_factory=list)

    def run(self, case: Case) -> dict[str, Any]:
        """Drive the rules to their end; the input of `submit_report`."""
        steps = diagnose_and_fix(case)
        call = next(steps)
        while True:
            self.calls.append(call)
            try:
                call = steps.send(self.answer(case, call))
            except StopIteration:
                break
        assert self.calls[-1].name == "submit_report"
        return self.calls[-1].input

    def answer(self, case: Case, call: ToolCall) -> ToolResult:
        if call.name in self.refused:
            return ToolResult(call.id, {"error": "no"}, is_error=True)
        content: dict[str, Any] = getattr(self, f"_{call.name}", lambda *_: {})(case, call.input)
        return ToolResult(call.id, content, is_error="error" in content)

    def _get_schema(self, case: Case, given: dict[str, Any]) -> dict[str, Any]:
        found = {uid: self._shape(case, uid) for uid in [given["node"], *given["also"]]}
        return {**found[given["node"]], "others": {u: found[u] for u in given["also"]}}

    def _shape(self, case: Case, uid: str) -> dict[str, Any]:
        columns = self.shapes.get(uid)
        relation = case.node(uid).relation_name
        return {"exists": columns is not None, "relation": relation, "columns": columns or {}}

    def _run_sql(self, _case: Case, given: dict[str, Any]) -> dict[str, Any]:
        for pattern, rows in self.answers:
            if re.search(pattern, given["sql"]):
                names = list(rows[0]) if rows else []
                return {"columns": names, "rows": [list(row.values()) for row in rows]}
        return {"error": "not allowed"}

    def _read_file(self, case: Case, given: dict[str, Any]) -> dict[str, Any]:
        code = {n.original_file_path: n.raw_code for n in case.manifest.nodes.values()}
        text = {**code, **self.files}.get(given["path"])
        return {"text": text} if text is not None else {"error": "no such file"}

    def _search_code(self, _case: Case, _given: dict[str, Any]) -> dict[str, Any]:
        return {"matches": [{"path": path, "line": 1, "text": ""} for path in self.matches]}

    def _recent_changes(self, _case: Case, _given: dict[str, Any]) -> dict[str, Any]:
        return {"uncommitted": self.uncommitted, "commits": self.commits}

    def names(self) -> list[str]:
        return [call.name for call in self.calls]
