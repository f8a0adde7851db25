"""AR040 and AR041: keys that should be unique are not, from the raw data or from a join."""

from __future__ import annotations

from agentic.rules.asking import Shape, rows_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import latest_change, restored
from agentic.rules.likeness import family
from agentic.rules.past import against_last_good, changed_since_green
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, counted, failed_tests, is_raw, trail
from agentic.sql import quote

_UNIQUE = ("unique", "unique_combination_of_columns")
_LOAD = ("_loaded_at", "_synced", "_batch", "_ingested", "_extracted", "_inserted", "_row_id")


@rule(code="AR040", cls="duplicate_rows", order=40)
def duplicate_rows(case: Case) -> Steps[Diagnosis | None]:
    """Rows were loaded more than once.

    What it does:
        Follows the key of a failed uniqueness test back to the raw relation it is copied from,
        counts keys and whole rows there, and shows which rows came twice, and since when.

    Why:
        Whether the second row is a reload, a correction or a real second event is known to the
        owner alone. A `distinct` on top hides it, and hides the next real error as well.

    Example:
        `unique_orders_order_id` fails with 40 rows; `raw.orders` holds 40 rows twice.

    Fix:
        The owner removes the second load. Rows are never dropped here unless it is declared.
    """
    for test in failed_tests(case, *_UNIQUE):
        steps, figures = yield from _keys(case, test)
        found = _lowest(steps, figures)
        if found is not None and is_raw(steps[found].node):
            return (yield from _reported(case, test, steps[found], figures[found]))
    return None


@rule(code="AR041", cls="join_fanout", order=41)
def join_fanout(case: Case) -> Steps[Diagnosis | None]:
    """A join or a dedupe got looser, so that rows multiply.

    What it does:
        Follows the key of a failed uniqueness test upwards: the first node whose relation repeats
        keys while what it reads does not is where rows multiply.

    Why:
        Totals double silently. A `distinct` on top of the join makes the test green and keeps
        wrong sums in every measure that was multiplied.

    Example:
        `int_orders` joins payments by order and no longer groups them first.

    Fix:
        The join is repaired where it was changed; when no change shows how it was, a person is
        asked with the multiplied keys.
    """
    for test in failed_tests(case, *_UNIQUE):
        steps, figures = yield from _keys(case, test)
        found = _lowest(steps, figures)
        if found is None or is_raw(steps[found].node):
            continue
        step = steps[found]
        rows, keys, _ = figures[found]
        draft = Draft(case, step.node, step.column, f"{rows} rows for {keys} keys")
        draft.fact(
            f"{rows} rows hold {keys} keys; what it reads repeats none.", step.shape.relation
        )
        name = case.node(step.node).name
        summary = f"{name} multiplies rows: {rows} rows for {keys} values of {step.column}."
        higher = yield from _changed_above(case, draft, summary)
        return higher or (yield from restored(case, draft, summary, "the join as it was"))
    return None


def _changed_above(case: Case, draft: Draft, summary: str) -> Steps[Diagnosis | None]:
    """Rows may multiply where parts of them meet, and the fault lie above: when the node's code is
    that of the last green build, and one node's above it is not, that one is the cause."""
    above = [u for u in case.graph.ancestors(draft.node) if u.startswith(("model.", "snapshot."))]
    if not above or (yield from latest_change(case.path(draft.node))) is not None:
        return None
    changed = yield from changed_since_green(case, [draft.node, *above])
    if draft.node in changed or not changed:
        return None
    cause = changed[0]
    if len(changed) > 1:
        grown = []
        for uid in changed:
            against = yield from against_last_good(uid)
            grown += [uid] if against is not None and against.rows > against.rows_before else []
        first = case.graph.earliest(grown)
        if len(first) != 1:
            return None
        cause = first[0]
    name, below = case.node(cause).name, case.node(draft.node).name
    own = Draft(case, cause, observed=draft.observed)
    own.evidence += draft.evidence
    own.fact(
        f"Of what {below} is made of, only the code of {name} changed since the last green build.",
        case.path(cause),
    )
    against = yield from against_last_good(cause)
    if against is not None and against.rows != against.rows_before:
        own.fact(
            f"{name} holds {against.rows} rows; after that build it held {against.rows_before}."
        )
    told = f"{name} changed, and {summary}"
    found = yield from restored(case, own, told, "the join as it was")
    if found.decision == "fix":
        return found
    owner = case.owner(cause) or f"the author of {name}"
    return own.escalate(
        told,
        confidence=0.9,
        next_step=f"Ask {owner} which condition {case.path(cause)} lost since that build.",
    )


def _keys(case: Case, test: FailedTest) -> Steps[tuple[list[Step], list[list[int]]]]:
    """The key's trail with rows, distinct keys and nulls at each place."""
    if not test.columns:
        return [], []
    steps = yield from trail(case, test.node, test.columns[0])
    if not steps:
        return [], []
    others = test.columns[1:]
    if others:  # a combined key keeps its names only on the node itself and on its raw copies
        steps = [s for s in steps if all(name.lower() in s.shape.columns for name in others)]
    key = _key_text([test.columns[0], *others], case.dialect) if others else "{col}"
    counts = ["count(*)", f"count(distinct {key})", "count(*) - count({col})"]
    figures = yield from counted(steps, counts, case.dialect) if steps else _nothing()
    return (steps, figures) if figures else ([], [])


def _key_text(columns: list[str], dialect: str) -> str:
    parts = ["{col}", *(quote(name, dialect) for name in columns[1:])]
    return " || '|' || ".join(f"cast({part} as varchar(200))" for part in parts)


def _nothing() -> Steps[list[list[int]]]:
    yield from ()
    return []


def _lowest(steps: list[Step], figures: list[list[int]]) -> int | None:
    """The last place of the trail, walking up, that still repeats keys."""
    found = None
    for number, (rows, keys, nulls) in enumerate(figures):
        if rows - nulls <= keys:
            continue
        found = number
    return found if steps else None


def _reported(case: Case, test: FailedTest, step: Step, figures: list[int]) -> Steps[Diagnosis]:
    rows, keys, nulls = figures
    whole = yield from _whole_rows(case, step)
    repeated = rows - nulls - keys
    draft = Draft(case, step.node, step.column, f"{repeated} keys' rows come again")
    relation = step.shape.relation
    draft.fact(f"{rows} rows hold {keys} values of {step.column}.", relation)
    name = case.node(step.node).name
    since = ""
    if whole is not None and whole["extra"]:
        since = f", loaded {whole['since']} to {whole['until']}" if whole.get("since") else ""
        draft.fact(f"{whole['extra']} rows repeat another row in every column{since}.", relation)
    else:
        draft.fact("The repeated rows differ in other columns: no whole row comes twice.", relation)
    samples = yield from rows_of(_sample_sql(step, case.dialect), max_rows=5)
    draft.fact("Keys that come more than once, with how often.", relation, samples or [])
    draft.fact(f"{test.test} found {test.failures} of them.", case.path(test.test))
    what = "whole rows" if whole is not None and whole["extra"] else "keys"
    owner = case.owner(step.node) or f"the owner of {name}"
    return draft.escalate(
        f"{name} holds {repeated} {what} twice{since}; {test.kind} on {step.column} fails below.",
        confidence=0.95,
        next_step=(
            f"Ask {owner}: was a load repeated? They remove the second copy, then run the build "
            "again. Nothing is deduplicated unless you declare it."
        ),
    )


def _whole_rows(case: Case, step: Step) -> Steps[dict[str, object] | None]:
    shape, dialect = step.shape, case.dialect
    columns = _comparable(shape)
    if not columns:
        return None
    field = getattr(case.node(step.node), "loaded_at_field", None) or ""
    live = shape.columns.get(field.lower())
    names = ", ".join(quote(name, dialect) for name in columns)
    loaded = quote(live.name, dialect) if live is not None else "null"
    when = f"min({loaded}) as first_at, max({loaded}) as last_at"
    inner = f"select count(*) as n, {when} from {shape.relation} group by {names}"  # noqa: S608 -- quoted
    sql = (
        "select sum(n) - count(*) as extra, min(case when n > 1 then first_at end) as since, "  # noqa: S608 -- quoted
        f"max(case when n > 1 then last_at end) as until from ({inner}) as g"
    )
    rows = yield from rows_of(sql, max_rows=1)
    return {**rows[0], "extra": int(rows[0]["extra"] or 0)} if rows else None


def _comparable(shape: Shape) -> list[str]:
    """Columns that make a row what it is: no load marks, nothing that cannot be grouped."""
    return [
        column.name
        for key, column in shape.columns.items()
        if family(column.type) != "tree" and not key.endswith(_LOAD) and not key.startswith("_dlt")
    ]


def _sample_sql(step: Step, dialect: str) -> str:
    name = quote(step.column, dialect)
    return (
        f"select {name}, count(*) as times from {step.shape.relation} where {name} is not null "  # noqa: S608 -- quoted
        f"group by {name} having count(*) > 1 order by count(*) desc, {name} limit 5"
    )
