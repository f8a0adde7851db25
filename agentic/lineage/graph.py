"""The project's graph: nodes, sources, exposures, metrics and tests, as dbt links them."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx

    from agentic.project import Manifest


class Graph:
    """Parents and children of every `unique_id` of a manifest. An unknown id has neither."""

    def __init__(self, manifest: Manifest) -> None:
        # Plain maps, since importing networkx costs more than any question here: `digraph` has it.
        above: dict[str, list[str]] = {uid: [] for uid in manifest.all}
        below: dict[str, list[str]] = {uid: [] for uid in above}
        for child, parents in (manifest.parent_map or {}).items():
            if child in above:
                above[child] = own = [one for one in dict.fromkeys(parents) if one in above]
                for parent in own:
                    below[parent].append(child)
        self.pred: Mapping[str, list[str]] = above
        """Direct parents by id, unsorted."""
        self.succ: Mapping[str, list[str]] = below
        """Direct children by id, unsorted."""

    @cached_property
    def digraph(self) -> nx.DiGraph[str]:
        """The same graph for networkx's algorithms."""
        found: nx.DiGraph[str] = importlib.import_module("networkx").DiGraph()
        found.add_nodes_from(self.pred)
        found.add_edges_from((up, uid) for uid, parents in self.pred.items() for up in parents)
        return found

    def __contains__(self, uid: object) -> bool:
        return uid in self.pred

    def __iter__(self) -> Iterator[str]:
        return iter(self.pred)

    def __len__(self) -> int:
        return len(self.pred)

    def parents(self, uid: str) -> list[str]:
        """What a node reads directly, sorted."""
        return sorted(self.pred.get(uid, ()))

    def children(self, uid: str) -> list[str]:
        """What reads a node directly, its tests and exposures included, sorted."""
        return sorted(self.succ.get(uid, ()))

    def ancestors(self, uid: str) -> list[str]:
        """Everything upstream of a node, sorted."""
        return sorted(self.reach([uid], self.pred) - {uid})

    def descendants(self, uid: str) -> list[str]:
        """Everything downstream of a node, tests and exposures included, sorted."""
        return sorted(self.reach([uid], self.succ) - {uid})

    def reach(
        self, start: Iterable[str], edges: Mapping[str, list[str]], *, most: int | None = None
    ) -> set[str]:
        """What lies along `edges` (`pred` or `succ`) from any of `start`, at most `most` steps on.

        A start is among the answers only where an edge leads to it.
        """
        seen: set[str] = set()
        layer = {uid for uid in start if uid in edges}
        left = len(edges) + 1 if most is None else most
        while layer and left:
            layer = {other for uid in layer for other in edges[uid]} - seen
            seen |= layer
            left -= 1
        return seen

    def path(self, start: str, end: str) -> tuple[str, ...]:
        """A shortest way down the lineage, both ends included; empty when there is none.

        Among ways of equal length it takes the alphabetically first, so that reports are stable.
        """
        if start not in self or end not in self:
            return ()
        hops = {end: 0}
        layer, depth = {end}, 0
        while layer and start not in hops:
            depth += 1
            layer = {up for uid in layer for up in self.pred[uid] if up not in hops}
            hops.update(dict.fromkeys(layer, depth))
        if start not in hops:
            return ()
        way = [start]
        while way[-1] != end:
            left = hops[way[-1]] - 1
            way.append(min(c for c in self.succ[way[-1]] if hops.get(c) == left))
        return tuple(way)

    def earliest(self, uids: Collection[str]) -> tuple[str, ...]:
        """Those of `uids` that have no ancestor among them, sorted: where a failure began.

        In a cycle, where every node has one, all of them are returned.
        """
        wanted = set(uids)
        found = tuple(sorted(uid for uid in wanted if not self._above(uid, wanted)))
        return found or tuple(sorted(wanted))

    def _above(self, uid: str, among: set[str]) -> bool:
        return not among.isdisjoint(self.reach([uid], self.pred) - {uid})

    def order(self, uids: Iterable[str] | None = None) -> list[str]:
        """Ids, every parent before its children; a cycle's members come last, sorted."""
        if uids is None:
            return list(self._ordered)
        wanted = set(uids)
        return [uid for uid in self._ordered if uid in wanted]

    @cached_property
    def _ordered(self) -> list[str]:
        waiting = {uid: len(parents) for uid, parents in self.pred.items()}
        ready = sorted((uid for uid, count in waiting.items() if not count), reverse=True)
        done: list[str] = []
        while ready:
            uid = ready.pop()
            done.append(uid)
            for child in sorted(self.succ[uid], reverse=True):
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        return done + sorted(self.pred.keys() - set(done))
