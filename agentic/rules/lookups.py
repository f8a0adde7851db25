"""AR047: a key without a match in a lookup shows as a null or a wrong sum below the join."""

from __future__ import annotations

from agentic.lineage import ColumnLineage, column_lineage
from agentic.rules.case import TESTS, Case, Diagnosis, Steps
from agentic.rules.orphans import compared, origin
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, counted, failed_data_tests, known_shapes, trail
from agentic.sql import quote

Place = tuple[str, str]

_PAIRS = 2
_RARE = 0.25
"""Share of rows without a match up to which a join is a lookup that lost something."""


@rule(code="AR047", cls="orphan_keys", order=90)
def lookup_without_match(case: Case) -> Steps[Diagnosis | None]:
    """A key has no match in the lookup that a model joins.

    What it does:
        For a failed data test that is no `relationships` test, takes the joins of the failing node
        and of what lies above it, where many rows look one parent up, and counts the keys that the
        parent lacks, back to the raw data.

    Why:
        A left join keeps the row and loses what it looked up: nulls and short sums appear below a
        join that nobody touched. The cause is the key, or the row that the lookup lacks.

    Example:
        `not_null_int_items_cost` fails with 12 rows; `order_items` names a product 777, which
        `products` does not have.

    Fix:
        The owner of the key or of the lookup; a `relationships` test on the key would have said so.
    """
    for test in failed_data_tests(case):
        if test.kind in ("relationships", "unique", "accepted_values"):
            continue
        for child, up in (yield from _lookups(case, test)):
            found = yield from _orphans(case, test, child, up)
            if found is not None:
                return found
    return None


def _lookups(case: Case, test: FailedTest) -> Steps[list[tuple[Place, Place]]]:
    """(child key, parent key) of the joins at and above a node, nearest first."""
    above = [u for u in case.graph.ancestors(test.node) if not u.startswith(TESTS)]
    near = {test.node, *above}
    shapes = yield from known_shapes(case, [test.node, *above])
    schemas = {
        uid: {c.name: c.type for c in shape.columns.values()}
        for uid, shape in shapes.items()
        if uid.startswith(("source.", "seed."))
    }
    traced = column_lineage(case.manifest, schemas=schemas, dialect=case.dialect, only=near)
    found: list[tuple[Place, Place]] = []
    nodes = [u for u in (test.node, *above) if u.startswith(("model.", "snapshot."))]
    for uid in nodes:
        found += _pairs(traced, uid)
    return list(dict.fromkeys(found))[:_PAIRS]


def _pairs(traced: ColumnLineage, uid: str) -> list[tuple[Place, Place]]:
    joins = [(e.node, e.column) for e in traced.rows(uid) if e.kind == "join" and e.node]
    return [
        (left, right)
        for left in joins
        for right in joins
        if left[0] != right[0] and left[1].lower() == right[1].lower()
    ]


def _orphans(case: Case, test: FailedTest, child: Place, up: Place) -> Steps[Diagnosis | None]:
    below = yield from trail(case, *child)
    over = yield from trail(case, *up)
    if not below or not over or below[0].node != child[0] or over[0].node != up[0]:
        return None
    here, there = origin(below), origin(over)
    if here.node == there.node:
        return None
    figures = yield from counted(
        [here, there], ["count({col})", "count(distinct {col})"], case.dialect
    )
    if len(figures) != 2:
        return None
    (rows, keys), (parents, unique) = figures
    if not parents or parents != unique or keys >= rows:
        return None  # no lookup: many rows on both sides, or one to one
    lost = yield from counted([here], [_lost(there, case.dialect)], case.dialect)
    if not lost or not 0 < lost[0][0] <= _RARE * rows:
        return None
    return (yield from compared(case, test, here, there, confidence=0.85))


def _lost(up: Step, dialect: str) -> str:
    parent = quote(up.column, dialect)
    known = f"select {parent} from {up.shape.relation} where {parent} is not null"  # noqa: S608 -- quoted
    return f"sum(case when {{col}} not in ({known}) then 1 else 0 end)"
