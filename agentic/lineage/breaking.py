"""What a changed, renamed or dropped column breaks downstream, and whom to tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
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
    """(node, reason) of nodes below that cannot be followed: they may be affected too."""

    @property
    def complete(self) -> bool:
        """False when some node below could not be followed, so that more may be affected."""
        return not self.unknown


def impact(
    node: str, column: str, *, manifest: Manifest, graph: Graph, lineage: ColumnLineage
) -> Impact:
    """Follow a column downstream; `lineage` has to cover what lies below the node."""
    columns, touched = spread(node, column, lineage)
    readers = {edge.node for edge in lineage.downstream(node, column)}
    nodes = {one.node for one in columns} | touched
    unknown = unfollowed({node, *nodes}, graph, lineage)
    tests = tests_on({(node, column), *((one.node, one.column) for one in columns)}, manifest)
    below = consumers({node, *nodes}, graph)
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


def spread(node: str, column: str, lineage: ColumnLineage) -> tuple[list[Affected], set[str]]:
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
    return columns, rows_below(touched, lineage)


def rows_below(touched: Iterable[str], lineage: ColumnLineage) -> set[str]:
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


def consumers(nodes: Iterable[str], graph: Graph) -> set[str]:
    """What uses nodes without being one: exposures and metrics, also through semantic models."""
    found = {child for uid in nodes for child in graph.children(uid)}
    inner = ("semantic_model.", "metric.", "saved_query.")
    semantic = [uid for uid in found if uid.startswith(inner)]
    return found | graph.reach(semantic, graph.succ)


def unfollowed(
    nodes: Iterable[str], graph: Graph, lineage: ColumnLineage
) -> tuple[tuple[str, str], ...]:
    """(node, reason) of the children of these nodes that hide what they do with a column."""
    found = {}
    for uid in sorted({child for node in nodes for child in graph.children(node)}):
        reason = lineage.opaque_reason(uid) or lineage.unknown_reason(uid)
        if reason:
            found[uid] = reason
    return tuple(found.items())


def tests_on(columns: Iterable[tuple[str, str]], manifest: Manifest) -> set[str]:
    """Tests that read any of these columns, each given as (node, column)."""
    names: dict[str, set[str]] = {}
    for uid, column in columns:
        names.setdefault(uid, set()).add(column.lower())
    return {
        test
        for uid, own in names.items()
        for test in manifest.tests_of(uid)
        if _reads(test, uid, own, manifest)
    }


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
