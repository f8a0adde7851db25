"""AR016: a renamed source column that a package's macro quietly fills with null."""

from __future__ import annotations

import re

from agentic.rules.asking import shapes_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.drift import Drift
from agentic.rules.hunks import line_of
from agentic.rules.likeness import mentions
from agentic.rules.pairing import MARGIN, SURE, Candidate, Pairing, pair
from agentic.rules.registry import rule
from agentic.rules.trail import Step, counted, failed_tests, trail


@rule(code="AR016", cls="src_column_renamed", order=41)
def filled_with_null(case: Case) -> Steps[Diagnosis | None]:
    """A source column has a new name, and a macro fills the old one with null.

    What it does:
        Follows the column of a failed `not_null` test up to a node whose compiled SQL makes it
        `cast(null as ...)`, and looks in the sources that this node reads for a column that
        nothing reads and that fits the lost one.

    Why:
        Packages fill columns that a source lacks, so a rename is no SQL error: it shows as nulls
        two nodes later, or nowhere.

    Example:
        `stg_orders.amount` is `cast(null as numeric)`; the source has `amount_usd`, unread.

    Fix:
        The mapping belongs to the package or to its variables: a person sets the new name there.
    """
    for test in failed_tests(case, "not_null"):
        steps = yield from trail(case, test.node, test.columns[0])
        if not steps:
            continue
        top = steps[-1]
        sources = [
            uid for uid in case.graph.parents(top.node) if uid.startswith(("source.", "seed."))
        ]
        if not sources or not _fills(case, top):
            continue
        figures = yield from counted([top], ["count(*)", "count({col})"], case.dialect)
        if figures and figures[0][0] and not figures[0][1]:
            found = yield from _successor(case, top, sources)
            if found is not None:
                return found
    return None


def _fills(case: Case, step: Step) -> bool:
    """True when the node's compiled SQL makes the column out of null."""
    name = re.escape(step.column)
    pattern = (
        rf"(cast\s*\(\s*null\s+as\s+[^)]*(\([^)]*\))?\s*\)|\bnull(::\w+)?)\s+as\s+[\"`]?{name}\b"
    )
    return re.search(pattern, case.node(step.node).compiled_code or "", re.IGNORECASE) is not None


def _successor(case: Case, step: Step, sources: list[str]) -> Steps[Diagnosis | None]:
    shapes = yield from shapes_of(sources)
    code = case.node(step.node).compiled_code or ""
    missing = step.column.lower()
    for uid, shape in shapes.items():
        if missing in shape.columns:
            continue
        unread = tuple(c for key, c in shape.columns.items() if not mentions(code, key))
        drift = Drift(uid, (missing,), unread, shape, {missing: (step.node,)})
        found = yield from pair(case, drift, missing)
        best = found.best or _nearest(found)
        if best is not None:
            return _asked(case, drift, step, best.column.name, best.reasons())
    return None


def _nearest(found: Pairing) -> Candidate | None:
    """The likeliest by far: it is only named in a question, so less is needed than for an edit."""
    ranked = [one for one in found.candidates if one.score]
    if not ranked or ranked[0].score < SURE:
        return None
    apart = len(ranked) == 1 or ranked[0].score - ranked[1].score >= MARGIN
    return ranked[0] if apart else None


def _asked(case: Case, drift: Drift, step: Step, new: str, reasons: str) -> Diagnosis:
    draft = Draft(case, drift.node, step.column, new)
    name, reader = case.node(drift.node).name, case.node(step.node).name
    code = case.node(step.node).compiled_code or ""
    draft.fact(f"{reader} makes {step.column} null in every row.", step.shape.relation)
    draft.fact("It is filled here.", f"{case.path(step.node)}:{line_of(code, step.column)}")
    draft.fact(f"{name} has {new}, which nothing reads: {reasons}.", drift.shape.relation)
    owner = case.owner(drift.node) or f"the owner of {name}"
    return draft.escalate(
        f"{name} has renamed {step.column} to {new}; {reader} fills {step.column} with null.",
        confidence=0.93,
        next_step=(
            f"Tell {owner}, and name {new} where {reader} maps the source's columns: a macro fills "
            "what it does not find, so no line of SQL can be repaired here."
        ),
    )
