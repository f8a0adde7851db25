"""dbt's node selection, evaluated on the manifest exactly as `dbt ls` does, or refused.

`select` never approximates: what depends on an earlier state, on results or on files that the
manifest does not show raises SelectorError, and the caller asks `dbt ls`.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import msgspec

from agentic.lineage.criteria import Criterion, Group, Indirect, Spec, from_text, from_yaml
from agentic.lineage.methods import METHODS

if TYPE_CHECKING:
    from agentic.lineage.graph import Graph
    from agentic.project import Manifest

# `dbt ls` lists neither; both are members of the graph.
_UNLISTED = ("analysis", "operation")


class Selection(msgspec.Struct, frozen=True):
    """What an expression selects, and which of its parts select nothing."""

    uids: frozenset[str]
    unmatched: tuple[str, ...]
    """Parts as written (`tag:gold`), and whole intersections whose parts only match apart."""


def select(expression: str, manifest: Manifest, graph: Graph) -> frozenset[str]:
    """The `unique_id`s that `dbt ls --select EXPRESSION` lists, tests of selected nodes included.

    Union by space, intersection by comma. Raises SelectorError, with code AC431 where only dbt can
    tell.
    """
    return resolve(expression, manifest, graph).uids if expression.strip() else frozenset()


def matches_nothing(expression: str, manifest: Manifest, graph: Graph) -> tuple[str, ...]:
    """The parts of an expression that select nothing today, as written. Raises SelectorError."""
    return resolve(expression, manifest, graph).unmatched if expression.strip() else ()


def resolve(
    expression: str,
    manifest: Manifest,
    graph: Graph,
    *,
    exclude: str = "",
    indirect: Indirect = "eager",
) -> Selection:
    """`select` and `matches_nothing` in one go; an empty expression is everything.

    `exclude` and `indirect` are dbt's `--exclude` and `--indirect-selection`. Raises SelectorError.
    """
    return evaluate(from_text(expression, exclude, indirect), manifest, graph)


def resolve_selector(
    name: str, manifest: Manifest, graph: Graph, *, indirect: Indirect = "eager"
) -> Selection:
    """What `dbt ls --selector NAME` lists, from the project's selectors.yml. Raises SelectorError,
    with code AC431 where only dbt can tell."""
    return evaluate(from_yaml(name, manifest.selectors, indirect), manifest, graph)


def evaluate(spec: Spec, manifest: Manifest, graph: Graph) -> Selection:
    """What a selection selects."""
    working = _Working(manifest, graph)
    chosen, _ = working.both(spec)
    listed = (uid for uid in chosen if manifest.all[uid].resource_type not in _UNLISTED)
    return Selection(uids=frozenset(listed), unmatched=tuple(dict.fromkeys(working.unmatched)))


class _Working:
    """One evaluation; notes what selects nothing on the way."""

    def __init__(self, manifest: Manifest, graph: Graph) -> None:
        self.manifest = manifest
        self.graph = graph
        self.unmatched: list[str] = []

    def both(self, spec: Spec) -> tuple[set[str], set[str]]:
        """What is selected, and tests whose other parents would have to be selected too."""
        if isinstance(spec, Criterion):
            return self._criterion(spec)
        found = [self.both(part) for part in spec.parts]
        chosen = _combine(spec, [direct for direct, _ in found])
        waiting = _combine(spec, [direct | more for direct, more in found])
        chosen = self._joined(chosen, waiting, spec.indirect)
        if spec.raw:
            parts = zip(spec.parts, found, strict=True)
            empty = [
                part.raw
                for part, (direct, _) in parts
                if isinstance(part, Criterion) and not direct
            ]
            self.unmatched += empty or ([] if chosen else [spec.raw])
        return chosen, waiting

    def _criterion(self, spec: Criterion) -> tuple[set[str], set[str]]:
        graph = self.graph
        found = METHODS[spec.method](self.manifest, spec.value, spec.arguments)
        chosen = {uid for uid in found if uid in graph}
        reached = set(chosen)
        if spec.at:
            below = chosen | graph.reach(chosen, graph.succ)
            reached |= below | graph.reach(below, graph.pred)
        if spec.up is not None:
            reached |= graph.reach(chosen, graph.pred, most=_depth(spec.up))
        if spec.down is not None:
            reached |= graph.reach(chosen, graph.succ, most=_depth(spec.down))
        return self._with_tests(reached, spec.indirect)

    def _with_tests(self, chosen: set[str], indirect: Indirect) -> tuple[set[str], set[str]]:
        if indirect == "empty":
            return chosen, set()
        tests = {
            child
            for uid in chosen
            for child in self.graph.succ[uid]
            if child.startswith(("test.", "unit_test."))
        }
        if indirect == "eager":
            return chosen | tests, set()
        near = chosen
        if indirect == "buildable":
            near = chosen | self.graph.reach(chosen, self.graph.pred) | set(self.manifest.sources)
        ready = {uid for uid in tests if near.issuperset(self._parents(uid))}
        return chosen | ready, tests - ready

    def _joined(self, chosen: set[str], waiting: set[str], indirect: Indirect) -> set[str]:
        """Tests that waited for a parent that another part of the selection brought."""
        if indirect in ("eager", "empty") or chosen == waiting:
            return chosen
        near = chosen
        if indirect == "buildable":
            near = chosen | self.graph.reach(chosen, self.graph.pred)
        ready = (
            uid
            for uid in waiting
            if uid in self.manifest.nodes and near.issuperset(self._parents(uid))
        )
        return chosen.union(ready)

    def _parents(self, uid: str) -> list[str]:
        return self.manifest.all[uid].depends_on_nodes


def _combine(spec: Group, found: list[set[str]]) -> set[str]:
    if not found:
        return set()
    if spec.operation == "union":
        return set().union(*found)
    if spec.operation == "intersection":
        return set.intersection(*found)
    return reduce(set.difference, found)


def _depth(text: str) -> int | None:
    return int(text) if text else None
