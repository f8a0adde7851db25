"""The project's graph: nodes, sources, exposures, metrics and tests, as dbt links them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from agentic.project import Manifest


class Graph:
    """Parents and children of every `unique_id` of a manifest. An unknown id has neither."""

    def __init__(self, manifest: Manifest) -> None:
        self.digraph: nx.DiGraph[str] = nx.DiGraph()
        # dbt writes both maps; reading one and adding every id keeps lone nodes.
        self.digraph.add_nodes_from(manifest.all)
        known = self.digraph
        self.digraph.add_edges_from(
            (parent, child)
            for child, parents in (manifest.parent_map or {}).items()
            if child in known
            for parent in parents
            if parent in known
        )

    def __contains__(self, uid: object) -> bool:
        return uid in self.digraph

    def __iter__(self) -> Iterator[str]:
        return iter(self.digraph)

    def __len__(self) -> int:
        return len(self.digraph)

    def parents(self, uid: str) -> list[str]:
        """What a node reads directly, sorted."""
        return sorted(self.digraph.pred[uid]) if uid in self.digraph else []

    def children(self, uid: str) -> list[str]:
        """What reads a node directly, its tests and exposures included, sorted."""
        return sorted(self.digraph.succ[uid]) if uid in self.digraph else []

    def ancestors(self, uid: str) -> list[str]:
        """Everything upstream of a node, sorted."""
        return sorted(nx.ancestors(self.digraph, uid)) if uid in self.digraph else []

    def descendants(self, uid: str) -> list[str]:
        """Everything downstream of a node, tests and exposures included, sorted."""
        return sorted(nx.descendants(self.digraph, uid)) if uid in self.digraph else []

    def path(self, start: str, end: str) -> tuple[str, ...]:
        """A shortest way down the lineage, both ends included; empty when there is none.

        Among ways of equal length it takes the alphabetically first, so that reports are stable.
        """
        if start not in self.digraph or end not in self.digraph:
            return ()
        hops = {end: 0}
        layer = {end}
        while layer and start not in hops:
            layer = {up for uid in layer for up in self.digraph.pred[uid]} - hops.keys()
            hops.update(dict.fromkeys(layer, max(hops.values()) + 1))
        if start not in hops:
            return ()
        way = [start]
        while way[-1] != end:
            left = hops[way[-1]] - 1
            way.append(min(c for c in self.digraph.succ[way[-1]] if hops.get(c) == left))
        return tuple(way)

    def earliest(self, uids: Collection[str]) -> tuple[str, ...]:
        """Those of `uids` that have no ancestor among them, sorted: where a failure began.

        In a cycle, where every node has one, all of them are returned.
        """
        wanted = set(uids)
        found = tuple(sorted(uid for uid in wanted if not self._above(uid, wanted)))
        return found or tuple(sorted(wanted))

    def _above(self, uid: str, among: set[str]) -> bool:
        if uid not in self.digraph:
            return False
        return not among.isdisjoint(nx.ancestors(self.digraph, uid))

    def order(self, uids: Iterable[str] | None = None) -> list[str]:
        """Ids, every parent before its children; a cycle's members come last, sorted."""
        graph = self.digraph
        wanted = set(graph if uids is None else uids)
        waiting = {uid: len(graph.pred[uid]) for uid in graph}
        ready = sorted((uid for uid, count in waiting.items() if not count), reverse=True)
        done: list[str] = []
        while ready:
            uid = ready.pop()
            done.append(uid)
            for child in sorted(graph.succ[uid], reverse=True):
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        done += sorted(set(graph).difference(done))
        return [uid for uid in done if uid in wanted]
