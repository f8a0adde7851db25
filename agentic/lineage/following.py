"""What changed nodes break below them: what can no longer be built, and what holds other values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from agentic.lineage.breaking import (
    Affected,
    Verdict,
    consumers,
    rows_below,
    spread,
    tests_on,
    unfollowed,
)
from agentic.lineage.expected import columns_expected_of, reading_of
from agentic.sql.reading import TARGET

if TYPE_CHECKING:
    from agentic.lineage.changes import NodeChange
    from agentic.lineage.columns import ColumnLineage
    from agentic.lineage.graph import Graph
    from agentic.project import Manifest
    from agentic.sql.origins import Shape

_GONE = ("removed", "renamed")


class Consequences(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a change of code reaches; lists are sorted."""

    verdict: Verdict
    """breaking: a column is gone or holds other values, or rows change; unknown: it cannot be told
    what some changed node now yields."""
    changes: tuple[NodeChange, ...]
    fails: tuple[str, ...]
    """Nodes that the next build cannot make: they read by its name what is gone, or break a
    contract. What lies below them is then skipped."""
    columns: tuple[Affected, ...]
    """Columns below that hold other values, or are gone themselves."""
    rows: tuple[str, ...]
    """Nodes whose rows change, or may."""
    nodes: tuple[str, ...]
    """Nodes below that are affected in any way."""
    tests: tuple[str, ...]
    contracts: tuple[str, ...]
    exposures: tuple[str, ...]
    metrics: tuple[str, ...]
    owners: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    """(node, reason) of what cannot be followed."""

    @property
    def complete(self) -> bool:
        """False when something could not be followed, so that more may be affected."""
        return not self.unknown


def consequences(
    changes: Iterable[NodeChange],
    *,
    manifest: Manifest,
    graph: Graph,
    lineage: ColumnLineage,
    dialect: str,
) -> Consequences:
    """Follow changed nodes downstream; `lineage` has to cover what lies below them."""
    found = _Found(manifest, graph, lineage, dialect)
    every = tuple(changes)
    for change in every:
        found.take(change)
    return found.told(every)


class _Found:
    def __init__(
        self, manifest: Manifest, graph: Graph, lineage: ColumnLineage, dialect: str
    ) -> None:
        self.manifest = manifest
        self.graph = graph
        self.lineage = lineage
        self.dialect = dialect
        self.breaking = False
        self.fails: set[str] = set()
        self.columns: dict[tuple[str, str], Affected] = {}
        self.own: set[tuple[str, str]] = set()
        """Changed columns of changed nodes."""
        self.rows: set[str] = set()
        self.unknown: dict[str, str] = {}
        self.changed: set[str] = set()

    def take(self, change: NodeChange) -> None:
        """Add one node's change."""
        if change.node not in self.manifest.all or change.change in ("added", "none"):
            return
        uid = change.node
        self.changed.add(uid)
        if change.change == "removed":
            self.breaking = True
            self.fails.update(_built(self.graph.children(uid)))
            self.rows.update(rows_below(_built(self.graph.children(uid)), self.lineage))
            return
        difference = change.difference
        if difference.unknown:
            self.unknown[uid] = difference.unknown
        if difference.rows:
            self.breaking = True
            self.rows.update(rows_below([uid], self.lineage))
        expected = columns_expected_of(uid, self.manifest, self.dialect)
        for one in difference.columns:
            if one.kind == "added":
                self._added(uid, one.column)
                continue
            self.breaking = True
            self.own.add((uid, one.column))
            columns, touched = spread(uid, one.column, self.lineage)
            self.columns.update({(col.node, col.column.lower()): col for col in columns})
            self.rows |= touched
            if one.kind in _GONE:
                readers = expected.get(one.column.lower())
                self.fails.update(readers.readers if readers else ())
                if self._is_contracted(uid, one.column):
                    self.fails.add(uid)

    def _is_contracted(self, uid: str, column: str) -> bool:
        node = self.manifest.all[uid]
        return node.contract_enforced and column.lower() in {name.lower() for name in node.columns}

    def _added(self, uid: str, column: str) -> None:
        """An added column breaks a contract, and children for which a name now means two things."""
        node = self.manifest.all[uid]
        if node.contract_enforced and not self._is_contracted(uid, column):
            self.fails.add(uid)
        for child in _built(self.graph.children(uid)):
            reader = self.manifest.all[child]
            if reader.language != "sql":
                continue
            for variant in reading_of(reader, node, self.dialect).variants:
                if any(
                    mention.node.name.lower() == column.lower()
                    and not mention.node.args.get("table")
                    and len(mention.scope.sources) > 1
                    and any(_is_target(shape) for shape in mention.scope.sources.values())
                    for mention in variant.columns
                ):
                    self.fails.add(child)
                if variant.shape.any is not None and "by position" in variant.shape.any.reason:
                    self.unknown[child] = variant.shape.any.reason
        self.breaking |= bool(self.fails)

    def told(self, changes: tuple[NodeChange, ...]) -> Consequences:
        """Everything, once all changes are in."""
        every = {*self.own, *((one.node, one.column) for one in self.columns.values())}
        every |= {(uid, name) for uid in self.rows for name in self.lineage.columns(uid)}
        nodes = {one.node for one in self.columns.values()} | self.rows | self.fails
        near = self.changed | nodes if self.breaking or self.unknown else set()
        for uid, why in unfollowed(near, self.graph, self.lineage):
            self.unknown.setdefault(uid, why)
        tests = tests_on(every, self.manifest)
        below = consumers(near, self.graph)
        exposures = {uid for uid in below if uid.startswith("exposure.")}
        owners = {self.manifest.owner_of(uid) for uid in {*nodes, *exposures, *tests}} - {""}
        verdict: Verdict = "breaking" if self.breaking else "non_breaking"
        if not self.breaking and self.unknown:
            verdict = "unknown"
        affected = {uid for uid, _ in every} | self.changed
        return Consequences(
            verdict=verdict,
            changes=changes,
            fails=tuple(sorted(self.fails)),
            columns=tuple(sorted(self.columns.values(), key=lambda one: (one.node, one.column))),
            rows=tuple(sorted(self.rows)),
            nodes=tuple(sorted(nodes)),
            tests=tuple(sorted(tests)),
            contracts=tuple(
                sorted(uid for uid in affected if self.manifest.all[uid].contract_enforced)
            ),
            exposures=tuple(sorted(exposures)),
            metrics=tuple(sorted(uid for uid in below if uid.startswith("metric."))),
            owners=tuple(sorted(owners)),
            unknown=tuple(sorted(self.unknown.items())),
        )


def _built(uids: Iterable[str]) -> list[str]:
    return [uid for uid in uids if uid.startswith(("model.", "snapshot."))]


def _is_target(shape: Shape) -> bool:
    """True for the changed node's relation, and for what hands on all its columns."""
    return any(base.key == TARGET for rest in shape.rests for base in rest.bases)
