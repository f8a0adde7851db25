"""The last good build as a witness: a stored column that once was a plain copy of a source's."""

from __future__ import annotations

import msgspec

from agentic.lineage import ColumnLineage, column_lineage
from agentic.rules.asking import shapes_of
from agentic.rules.case import TESTS, Case, Steps
from agentic.rules.drift import expected_columns

STORED = frozenset({"table", "incremental", "snapshot", "seed"})
COPIES = frozenset({"unchanged", "renamed"})
_FOLLOWED = 60
_ASKED = 25


class Witness(msgspec.Struct, frozen=True):
    """A column of a relation that the failing build did not touch."""

    node: str
    relation: str
    column: str
    type: str


def find_witness(case: Case, uid: str, column: str) -> Steps[Witness | None]:
    """The nearest stored descendant that copied a column unchanged; None when there is none."""
    copies = [c for c in copies_of(case, uid, column) if stored(case, c[0])]
    if not copies:
        return None
    # All of them at once, so that the next column's question is the same question.
    below = [u for u in case.graph.descendants(uid) if not u.startswith(TESTS)]
    shapes = yield from shapes_of([u for u in below if stored(case, u)][:_ASKED])
    for node, name in copies:
        shape = shapes.get(node)
        live = shape.columns.get(name.lower()) if shape is not None and shape.exists else None
        if shape is not None and live is not None:
            return Witness(node, shape.relation, live.name, live.type)
    return None


def stored(case: Case, uid: str) -> bool:
    """True for a node whose rows outlive a failed build, and which was not built in it."""
    node = case.node(uid)
    kept = uid.startswith(("snapshot.", "seed.")) or node.config.get("materialized") in STORED
    return bool(kept) and uid not in case.failing


def _traced(case: Case, uid: str) -> ColumnLineage:
    below = [u for u in case.graph.descendants(uid) if u.startswith(("model.", "snapshot."))]
    schemas = {uid: dict.fromkeys(sorted(expected_columns(case, uid)), "")}
    near = {uid, *below[:_FOLLOWED]}
    return column_lineage(case.manifest, schemas=schemas, dialect=case.dialect, only=near)


def traced_below(case: Case, uid: str) -> ColumnLineage:
    """Column lineage of a node and what lies below it, made once a case."""
    return case.once(("below", uid), lambda: _traced(case, uid))


def copies_of(case: Case, uid: str, column: str) -> list[tuple[str, str]]:
    """(node, column) of every descendant that passes a column on unchanged, nearest first."""
    traced = traced_below(case, uid)
    found: list[tuple[str, str]] = []
    frontier = [(uid, column)]
    while frontier:
        edges = [edge for here in frontier for edge in traced.downstream(*here)]
        following = [(e.node, e.column) for e in edges if e.kind in COPIES]
        frontier = [one for one in dict.fromkeys(following) if one not in found]
        found += frontier
    return found
