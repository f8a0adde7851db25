"""AR075: a column that divides is zero."""

from __future__ import annotations

import re

from agentic.records import Signal
from agentic.rules.asking import shapes_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.registry import rule
from agentic.rules.trail import Step, counted, failed_data_tests, is_raw, trail
from agentic.sql.divisors import bare_divisors

_TOLD = re.compile(r"division by zero|divide by zero|divisor is equal to zero", re.IGNORECASE)
_ASKED = 4
_UNTOLD = 1
"""Divisors that are looked at where no message speaks of a division."""


@rule(code="AR075", cls="division_by_zero", order=38)
def division_by_zero(case: Case) -> Steps[Diagnosis | None]:
    """A column that divides is zero in some rows.

    What it does:
        Takes the divisors of the failing node's SQL, follows each back to the raw data, and counts
        its zeros there. Warehouses that give null or infinity for it show a failed test instead, or
        nothing: then it takes the anomaly of a source's column that was never 0 and is, where a
        model divides by it.

    Why:
        A guard (`nullif`) ends the error and decides what the quotient of these rows is. Whether
        that is null, zero or a fault of the source is not the code's to say.

    Example:
        `int_margins` divides by `quantity`, which is 0 in 3 rows of `raw.order_items`.

    Fix:
        With the owner's answer the division is guarded where it stands; the rows are never dropped.
    """
    for signal in case.incident.signals:
        if signal.kind == "anomaly" and signal.figures.get("change") == "division_by_zero":
            return (yield from _silent(case, signal))
    told = next((text for text in case.messages if _TOLD.search(text)), "")
    tests = [] if told else [t for t in failed_data_tests(case) if t.kind in ("not_null", "")]
    if not told and not tests:
        return None
    places = [(node, name) for node in _nodes(case) for name in _divisors(case, node)]
    for node, name in places[: _ASKED if told else _UNTOLD]:
        found = yield from _zeros(case, node, name, told)
        if found is not None:
            return found
    return None


def _silent(case: Case, signal: Signal) -> Steps[Diagnosis | None]:
    """Every test is green: the warehouse made null or infinity of the quotients."""
    column, reader = str(signal.figures["column"]), str(signal.figures.get("reader") or "")
    shapes = yield from shapes_of([signal.node])
    shape = shapes.get(signal.node)
    live = shape.columns.get(column.lower()) if shape is not None else None
    if shape is None or live is None or case.node(reader) is None:
        return None
    step = Step(signal.node, live.name, shape)
    counts = ["count({col})", "count(case when {col} = 0 then 1 end)"]
    figures = yield from counted([step], counts, case.dialect)
    if not figures or not figures[0][1]:
        return None
    rows, zeros = figures[0]
    return _asked(case, reader, step, signal.message, (rows, zeros))


def _nodes(case: Case) -> list[str]:
    """The failing nodes, what their tests stand on, and for a test what lies just above."""
    near = [uid for uid in case.failing if uid.startswith(("model.", "snapshot."))]
    above = [p for uid in near for p in case.graph.parents(uid) if p.startswith("model.")]
    return list(dict.fromkeys([*near, *above]))


def _divisors(case: Case, node: str) -> tuple[str, ...]:
    return bare_divisors(case.node(node).compiled_code or "", case.dialect)


def _zeros(case: Case, node: str, name: str, told: str) -> Steps[Diagnosis | None]:
    for parent in case.graph.parents(node):
        steps = yield from trail(case, parent, name)
        if not steps:
            continue
        counts = ["count({col})", "count(case when {col} = 0 then 1 end)"]
        figures = yield from counted(steps, counts, case.dialect)
        hit = [(s, f) for s, f in zip(steps, figures, strict=False) if f[1]]
        if hit:
            raw = [pair for pair in hit if is_raw(pair[0].node)]
            step, (rows, zeros) = (raw or hit)[-1]
            return _asked(case, node, step, told, (rows, zeros))
    return None


def _asked(case: Case, node: str, step: Step, told: str, figures: tuple[int, int]) -> Diagnosis:
    rows, zeros = figures
    name, reader = case.node(step.node).name, case.node(node).name
    draft = Draft(case, step.node, step.column, f"0 in {zeros} of {rows} rows")
    draft.fact(f"{step.column} is 0 in {zeros} of {rows} rows.", step.shape.relation)
    draft.fact(f"{reader} divides by it.", case.path(node))
    if told:
        draft.fact(told[:400], case.path(case.incident.node))
    owner = case.owner(step.node) or f"the owner of {name}"
    return draft.escalate(
        f"{reader} divides by {name}.{step.column}, which is 0 in {zeros} of {rows} rows.",
        confidence=0.93 if told else 0.86,
        next_step=(
            f"Ask {owner} whether 0 is right there, and what the quotient should be: null "
            f"(`nullif({step.column}, 0)`) or a value. It is guarded with the answer."
        ),
    )
