"""What a changed, renamed or dropped column breaks downstream, and whom to tell."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

import msgspec

from agentic.project import UnitTest
from agentic.sql import dialect_of
from agentic.sql.rewrite import columns_read

if TYPE_CHECKING:
    from agentic.lineage.columns import ColumnLineage
    from agentic.lineage.graph import Graph
    from agentic.project import Manifest

Verdict = Literal["breaking", "non_breaking", "unknown"]


class Affected(msgspec.Struct, frozen=True):
    """A column whose values come from the changed one, at any distance."""

    node: str
    column: str
    kind: str
    """How its node made it: unchanged, renamed, transformed or aggregated."""


class Impact(msgspec.Struct, frozen=True):
    """Everything that a change of one column reaches; lists are sorted."""

    node: str
    column: str
    verdict: Verdict
    """breaking: something reads the column by its name; unknown: some reader cannot be followed."""
    readers: tuple[str, ...]
    """Nodes that read the column itself, and so break when it is renamed or dropped."""
    nodes: tuple[str, ...]
    """Nodes whose columns or rows depend on it, at any distance."""
    columns: tuple[Affected, ...]
    tests: tuple[str, ...]
    """Tests on the column, on columns made of it, and tests whose SQL reads one of these."""
    contracts: tuple[str, ...]
    """Nodes with an enforced contract that holds an affected column."""
    exposures: tuple[str, ...]
    metrics: tuple[str, ...]
    owners: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    """(node, reason) of children that cannot be followed: they may be affected too."""


def impact(
    node: str, column: str, *, manifest: Manifest, graph: Graph, lineage: ColumnLineage
) -> Impact:
    """Follow a column downstream; `lineage` has to cover what lies below the node."""
    columns, touched = _spread(node, column, lineage)
    readers = {edge.node for edge in lineage.downstream(node, column)}
    nodes = {one.node for one in columns} | touched
    unknown = _unfollowed(node, graph, lineage) if node not in readers else ()
    tests = _tests(node, column, columns, nodes, manifest)
    below = {child for uid in nodes | {node} for child in graph.children(uid)}
    contracts = {one.node for one in columns if manifest.all[one.node].contract_enforced}
    if node in manifest.all and manifest.all[node].contract_enforced:
        contracts.add(node)
    exposures = {uid for uid in below if uid.startswith("exposure.")}
    found = {*nodes, *exposures, *tests}
    owners = {manifest.owner_of(uid) for uid in found} - {""}
    verdict: Verdict = "breaking" if readers or tests or contracts else "non_breaking"
    return Impact(
        node=node,
        column=column,
        verdict="unknown" if verdict == "non_breaking" and unknown else verdict,
        readers=tuple(sorted(readers)),
        nodes=tuple(sorted(nodes)),
        columns=tuple(sorted(columns, key=lambda one: (one.node, one.column))),
        tests=tuple(sorted(tests)),
        contracts=tuple(sorted(contracts)),
        exposures=tuple(sorted(exposures)),
        metrics=tuple(sorted(uid for uid in below if uid.startswith("metric."))),
        owners=tuple(sorted(owners)),
        unknown=unknown,
    )


def _spread(node: str, column: str, lineage: ColumnLineage) -> tuple[list[Affected], set[str]]:
    """Columns made of the column, and nodes whose rows it decides with all that is below them."""
    seen = {(node, column.lower())}
    columns: list[Affected] = []
    touched: set[str] = set()
    queue = deque([(node, column)])
    while queue:
        for edge in lineage.downstream(*queue.popleft()):
            if edge.kind in ("filter", "join"):
                touched.add(edge.node)
            elif (edge.node, edge.column.lower()) not in seen:
                seen.add((edge.node, edge.column.lower()))
                columns.append(Affected(edge.node, edge.column, edge.kind))
                queue.append((edge.node, edge.column))
    return columns, _rows_below(touched, lineage)


def _rows_below(touched: set[str], lineage: ColumnLineage) -> set[str]:
    """Where rows change, every column does, and so does what is made of them."""
    reached: set[str] = set()
    waiting = list(touched)
    while waiting:
        uid = waiting.pop()
        if uid in reached:
            continue
        reached.add(uid)
        waiting += lineage.children(uid)
    return reached


def _unfollowed(node: str, graph: Graph, lineage: ColumnLineage) -> tuple[tuple[str, str], ...]:
    found = []
    for uid in graph.children(node):
        reason = lineage.opaque_reason(uid)
        if reason:
            found.append((uid, reason))
    return tuple(found)


def _tests(
    node: str, column: str, columns: list[Affected], nodes: set[str], manifest: Manifest
) -> set[str]:
    affected = {(one.node, one.column.lower()) for one in columns} | {(node, column.lower())}
    found: set[str] = set()
    for uid in {node, *nodes}:
        names = {name for owner, name in affected if owner == uid}
        for test in manifest.tests_of(uid):
            if _reads(test, uid, names, manifest):
                found.add(test)
    return found


def _reads(test: str, uid: str, names: set[str], manifest: Manifest) -> bool:
    entry = manifest.all.get(test)
    if entry is None:
        return False
    if isinstance(entry, UnitTest):
        # Its rows name the columns of what it mocks and of what it expects.
        rows = f"{entry.given} {entry.expect}".lower()
        return any(name in rows for name in names)
    if entry.column_name:
        attached = entry.attached_node or next(iter(entry.depends_on_nodes), "")
        return attached == uid and entry.column_name.strip('"`').lower() in names
    text = entry.compiled_code or ("" if entry.test_metadata else entry.raw_code)
    if not text:
        arguments = str(entry.test_metadata.kwargs if entry.test_metadata else "").lower()
        return any(name in arguments for name in names)
    read = columns_read(text, dialect_of(manifest.metadata.adapter_type or ""))
    return any(name in columns for columns in read.values() for name in names)
