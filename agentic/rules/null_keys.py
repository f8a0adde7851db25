"""AR042: keys are null in rows that were loaded lately."""

from __future__ import annotations

from agentic.rules.asking import rows_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import restored
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, counted, failed_tests, is_raw, trail
from agentic.rules.witness import traced_below
from agentic.sql import quote

_SHOWN = ("id", "_key", "_ref", "_at", "_on", "date")
_COUNTS = ("count(*)", "count(*) - count({col})")


@rule(code="AR042", cls="null_keys", order=42)
def null_keys(case: Case) -> Steps[Diagnosis | None]:
    """A column that must be filled is null in the raw data.

    What it does:
        Follows the column of a failed `not_null` test back to the raw relation it is copied or
        computed from and counts the nulls at each place. Of a masked column nothing is counted:
        there the code tells, where it copies the column row by row.

    Why:
        A null key has lost what it belonged to. A `coalesce` gives it a made-up parent; leaving
        the rows out makes totals wrong without a trace.

    Example:
        `not_null_stg_orders_customer_id` fails with 12 rows; the source holds the same 12.

    Fix:
        The owner fills the keys in, or says that the rows may be set aside.
    """
    for test in failed_tests(case, "not_null"):
        steps, figures = yield from _counted(case, test)
        raw = [(s, f) for s, f in zip(steps, figures, strict=False) if is_raw(s.node) and f[1]]
        if raw:
            step, (rows, nulls) = raw[-1]
            return (yield from _reported(case, test, step, rows, nulls))
        if steps and not figures and _copied_whole(case, steps):
            return _uncounted(case, test, steps[-1])
    return None


@rule(code="AR046", cls="join_type", order=46)
def join_type(case: Case) -> Steps[Diagnosis | None]:
    """A join or a filter changed, so that rows without a partner appear.

    What it does:
        Finds that a `not_null` test fails on a column whose raw copy holds no null: the nulls come
        in between, at the first node that has them.

    Why:
        The raw data is complete, so no owner of a source can mend it.

    Example:
        An `inner join` became a `left join`; orders without a payment have no amount.

    Fix:
        The join is repaired where it was changed; without a trace of the change a person decides.
    """
    for test in failed_tests(case, "not_null"):
        steps, figures = yield from _counted(case, test)
        holed = [s for s, f in zip(steps, figures, strict=False) if f[1]]
        if not holed or any(is_raw(step.node) for step in holed):
            continue
        step = holed[-1]
        draft = Draft(case, step.node, step.column, "null")
        draft.fact("Nulls appear here, and in nothing that it reads.", step.shape.relation)
        name = case.node(step.node).name
        summary = f"{name} makes {step.column} null; what it reads holds no null there."
        return (yield from restored(case, draft, summary, "the join as it was"))
    return None


def _counted(case: Case, test: FailedTest) -> Steps[tuple[list[Step], list[list[int]]]]:
    """The places of a trail with their rows and nulls. Plain copies first; where no raw copy holds
    a null, what the column is computed from, if every null there is one below it too."""
    steps = yield from trail(case, test.node, test.columns[0])
    figures = yield from counted(steps, _COUNTS, case.dialect) if steps else _nothing()
    if any(is_raw(s.node) for s in steps):
        return steps, figures
    wider = yield from trail(case, test.node, test.columns[0], computed=True)
    if len(wider) == len(steps):
        return steps, figures
    found = yield from counted(wider, _COUNTS, case.dialect)
    most = max((f[1] for s, f in zip(wider, found, strict=False) if not is_raw(s.node)), default=0)
    hit = [
        (s, f) for s, f in zip(wider, found, strict=False) if not is_raw(s.node) or 0 < f[1] <= most
    ]
    if not any(is_raw(s.node) for s, _ in hit):
        return steps, figures
    return [s for s, _ in hit], [f for _, f in hit]


def _nothing() -> Steps[list[list[int]]]:
    yield from ()
    return []


def _reported(case: Case, test: FailedTest, step: Step, rows: int, nulls: int) -> Steps[Diagnosis]:
    draft = Draft(case, step.node, step.column, f"null in {nulls} of {rows} rows")
    relation, name = step.shape.relation, case.node(step.node).name
    samples = yield from rows_of(_sample_sql(case, step), max_rows=5)
    draft.fact(f"{step.column} is null in {nulls} of {rows} rows.", relation, samples or [])
    draft.fact(f"{test.test} found {test.failures} rows.", case.path(test.test))
    owner = case.owner(step.node) or f"the owner of {name}"
    everything = " All of them: the column may have moved." if nulls == rows else ""
    return draft.escalate(
        f"{name}.{step.column} is null in {nulls} of {rows} rows of the raw data.",
        confidence=0.94,
        next_step=(
            f"Ask {owner} to fill {step.column} in, or to say that these rows may be set aside."
            f"{everything} No value is made up for them."
        ),
    )


def _copied_whole(case: Case, steps: list[Step]) -> bool:
    """The column comes from one raw relation, and nothing between joins: a null of it is raw."""
    last = steps[-1].node
    if [s.node for s in steps if is_raw(s.node)] != [last]:
        return False
    traced = traced_below(case, last)
    return not any(e.kind == "join" for s in steps[:-1] for e in traced.rows(s.node))


def _uncounted(case: Case, test: FailedTest, step: Step) -> Diagnosis:
    name = case.node(step.node).name
    draft = Draft(case, step.node, step.column, "null")
    draft.fact(f"{test.test} found {test.failures} rows.", case.path(test.test))
    draft.fact(
        f"{case.node(test.node).name}.{test.columns[0]} is a copy of {name}.{step.column}, row by "
        "row; its own nulls are not counted, since it is masked.",
        step.shape.relation,
    )
    owner = case.owner(step.node) or f"the owner of {name}"
    return draft.escalate(
        f"{name}.{step.column} is null in rows of the raw data: {test.failures} by the test.",
        confidence=0.9,
        next_step=(
            f"Ask {owner} to fill {step.column} in, or to say that these rows may be set aside. "
            "No value is made up for them."
        ),
    )


def _sample_sql(case: Case, step: Step) -> str:
    """Rows by their keys and dates alone: other columns may hold what is nobody's business."""
    name = quote(step.column, case.dialect)
    tagged = {c.name.lower() for c in case.node(step.node).columns.values() if "pii" in c.tags}
    named = [c.name for key, c in step.shape.columns.items() if key.endswith(_SHOWN)]
    shown = [n for n in named if n.lower() not in tagged][:6] or [step.column]
    listed = ", ".join(quote(one, case.dialect) for one in shown)
    return f"select {listed} from {step.shape.relation} where {name} is null limit 5"  # noqa: S608 -- quoted
