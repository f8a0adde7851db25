"""AR047: a key without a match in a lookup shows as a null or a wrong sum below the join."""

from __future__ import annotations

from agentic.lineage import ColumnLineage, column_lineage
from agentic.rules.asking import rows_of
from agentic.rules.case import TESTS, Case, Diagnosis, Steps
from agentic.rules.needs import tests_on
from agentic.rules.orphans import compared, origin
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, failed_data_tests, known_shapes, trail
from agentic.sql import quote

Place = tuple[str, str]

_JOINS = 12
_PAIRS = 4
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
        pairs: list[tuple[Step, Step]] = []
        for child, up in (yield from _lookups(case, test)):
            ends = yield from _origins(case, child, up)
            pairs += [ends] if ends is not None and ends not in pairs else []
        for here, there in (yield from _losing(case, pairs[:_PAIRS])):
            found = yield from compared(case, test, here, there, confidence=0.85)
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
    return [
        (child, up)
        for child, up in dict.fromkeys(found)
        if not is_unique(case, *child) and (is_unique(case, *up) or not _tested(case, *up))
    ][:_JOINS]


def _pairs(traced: ColumnLineage, uid: str) -> list[tuple[Place, Place]]:
    joins = [(e.node, e.column) for e in traced.rows(uid) if e.kind == "join" and e.node]
    return [
        (left, right)
        for left in joins
        for right in joins
        if left[0] != right[0] and left[1].lower() == right[1].lower()
    ]


def _tested(case: Case, node: str, column: str) -> bool:
    return any(kind == "not_null" for kind, _ in tests_on(case, node, column))


def is_unique(case: Case, node: str, column: str) -> bool:
    """True where a test says that a column repeats no value."""
    return any(kind == "unique" for kind, _ in tests_on(case, node, column))


def _origins(case: Case, child: Place, up: Place) -> Steps[tuple[Step, Step] | None]:
    """Both ends of a join where they came in; None where one of them is computed."""
    below = yield from trail(case, *child)
    over = yield from trail(case, *up)
    if not below or not over or below[0].node != child[0] or over[0].node != up[0]:
        return None
    here, there = origin(below), origin(over)
    return (here, there) if here.node != there.node else None


def _losing(case: Case, pairs: list[tuple[Step, Step]]) -> Steps[list[tuple[Step, Step]]]:
    """The pairs that are lookups with few rows that find nothing; one statement for all."""
    if not pairs:
        return []
    counts = ["count({col})", "count(distinct {col})"]
    parts = []
    for number, (here, there) in enumerate(pairs):
        key, parent = quote(here.column, case.dialect), quote(there.column, case.dialect)
        sides = [*counts, _lost(there, case.dialect)]
        child = ", ".join(f"{c.format(col=key)} as h{number}_{n}" for n, c in enumerate(sides))
        over = ", ".join(f"{c.format(col=parent)} as u{number}_{n}" for n, c in enumerate(counts))
        parts.append(f"(select {child} from {here.shape.relation}) as h{number}")  # noqa: S608 -- quoted
        parts.append(f"(select {over} from {there.shape.relation}) as u{number}")  # noqa: S608 -- quoted
    rows = yield from rows_of(f"select * from {' cross join '.join(parts)}", max_rows=1)  # noqa: S608 -- quoted above
    if not rows or len(rows[0]) != 5 * len(pairs):
        return []
    figures = [int(value or 0) for value in rows[0].values()]
    found = []
    for number, pair in enumerate(pairs):
        filled, keys, lost, parents, unique = figures[5 * number : 5 * number + 5]
        # Many rows look one parent up, and nearly all of them find it.
        if parents and parents == unique and keys < filled and 0 < lost <= _RARE * filled:
            found.append(pair)
    return found


def _lost(up: Step, dialect: str) -> str:
    parent = quote(up.column, dialect)
    known = f"select {parent} from {up.shape.relation} where {parent} is not null"  # noqa: S608 -- quoted
    return f"sum(case when {{col}} not in ({known}) then 1 else 0 end)"
