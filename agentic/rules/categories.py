"""AR044 and AR045: a category outside the accepted list, new or only written in another case."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.masking import MASK
from agentic.rules.asking import rows_of, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import readers_of
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.markers import markers_of
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, failed_tests, is_raw, trail
from agentic.sql import quote, rewrite


class Strangers(msgspec.Struct, frozen=True):
    """Values outside an accepted list, at the place where they come from."""

    test: FailedTest
    step: Step
    accepted: tuple[str, ...]
    found: tuple[tuple[str, int], ...]
    """(value, rows)."""

    @property
    def only_case(self) -> bool:
        """True when every value is an accepted one in another case or with blanks around it."""
        known = {value.strip().lower() for value in self.accepted}
        return bool(self.found) and all(v.strip().lower() in known for v, _ in self.found)


@rule(code="AR045", cls="category_case_change", order=44)
def category_case_change(case: Case) -> Steps[Diagnosis | None]:
    """Known categories arrive in another case.

    What it does:
        Compares the values outside the accepted list with the list, case and outer blanks aside.

    Why:
        `Shipped` and `shipped` are one category to people and two to every `group by`.

    Example:
        `status` holds `COMPLETED` where the list says `completed`.

    Fix:
        The model that reads the source normalises the column once; nothing below changes.
    """
    for test in failed_tests(case, "accepted_values"):
        found = yield from _strangers(case, test)
        if found is not None and found.only_case:
            return (yield from _normalised(case, found))
    return None


@rule(code="AR044", cls="accepted_values_violation", order=45)
def accepted_values_violation(case: Case) -> Steps[Diagnosis | None]:
    """A category appears that nobody has listed.

    What it does:
        Follows the column of a failed `accepted_values` test back to the raw data and counts the
        values outside the list.

    Why:
        Only a person knows whether a new category is legitimate, and what every CASE below should
        do with it. Extending the list makes the test green and the reports wrong.

    Example:
        `status` holds `on_hold` in 17 rows.

    Fix:
        Answer "is it legitimate?"; with the answer, the list and the CASEs are extended together.
    """
    for test in failed_tests(case, "accepted_values"):
        found = yield from _strangers(case, test)
        if found is not None and found.found and not found.only_case:
            return _asked(case, found)
    return None


def _strangers(case: Case, test: FailedTest) -> Steps[Strangers | None]:
    accepted = tuple(str(value) for value in test.arguments.get("values") or ())
    if not accepted or not test.columns:
        return None
    steps = yield from trail(case, test.node, test.columns[0])
    for step in sorted(steps, key=lambda s: not is_raw(s.node)):
        rows = yield from rows_of(_values_sql(step, case.dialect), max_rows=100)
        found = tuple(
            (str(row["value"]), int(row["times"]))
            for row in rows or []
            if row["value"] not in (None, MASK) and str(row["value"]) not in accepted
        )
        if found:
            return Strangers(test, step, accepted, found)
    return None


def _values_sql(step: Step, dialect: str) -> str:
    name = quote(step.column, dialect)
    return (
        f"select {name} as value, count(*) as times from {step.shape.relation} "  # noqa: S608 -- quoted
        f"group by {name} order by count(*) desc, {name} limit 100"
    )


def _draft(case: Case, found: Strangers) -> Draft:
    values = ", ".join(value for value, _ in found.found[:5])
    draft = Draft(case, found.step.node, found.step.column, values)
    rows: list[dict[str, Any]] = [{"value": v, "rows": n} for v, n in found.found]
    listed = ", ".join(found.accepted)
    draft.fact(f"Values outside the list ({listed}).", found.step.shape.relation, rows)
    draft.fact(f"{found.test.test} fails.", case.path(found.test.test))
    return draft


def _asked(case: Case, found: Strangers) -> Diagnosis:
    draft, name = _draft(case, found), case.node(found.step.node).name
    owner = case.owner(found.step.node) or f"the owner of {name}"
    return draft.escalate(
        f"{name}.{found.step.column} holds {draft.observed}, which no list accepts.",
        confidence=0.94,
        next_step=(
            f"Ask {owner}: is {draft.observed} legitimate, and what should it count as? "
            "The list and every CASE over it are extended with the answer, not before."
        ),
    )


def _normalised(case: Case, found: Strangers) -> Steps[Diagnosis]:
    draft, step = _draft(case, found), found.step
    name = case.node(step.node).name
    template = _template(found)
    finding_text = (
        f"{name}.{step.column} writes known categories in another case: {draft.observed}."
    )
    readers = readers_of(case, step.node, step.column) if is_raw(step.node) else ()
    changes: list[Change] = []
    for uid in readers if template else ():
        path = case.path(uid)
        before = None if case.vendored(uid) else (yield from text_of(path))
        after = before and rewrite.replace_column_expression(
            before,
            column=step.column,
            template=template,
            dialect=case.dialect,
            relation_markers=markers_of(case, step.node),
            columns=[c.name for c in step.shape.columns.values()],
        )
        why = f"{step.column} arrives in another case"
        change = edit_change(path, before, after, why) if before and after else None
        if before and change is not None:
            draft.fact(f"{uid} reads it.", f"{path}:{line_of(before, step.column)}")
            changes.append(change)
    owner = case.owner(step.node) or f"the owner of {name}"
    if not changes:
        question = f"Normalise {step.column} once where {name} is read; tell {owner}."
        return draft.escalate(finding_text, confidence=0.9, next_step=question)
    first = case.node(readers[0]).name
    finding = draft.finding(
        finding_text, confidence=0.95, next_step=f"Tell {owner} that the case changed."
    )
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({first}): normalise {step.column}, which arrives in another case",
        rationale=f"{finding_text} They are brought back to the accepted spelling in staging.",
        changes=tuple(changes),
    )


def _template(found: Strangers) -> str:
    """How a value becomes the accepted one; empty when the list follows no one case."""
    blanks = any(value != value.strip() for value, _ in found.found)
    inner = "trim({col})" if blanks else "{col}"
    if all(value == value.lower() for value in found.accepted):
        return f"lower({inner})"
    if all(value == value.upper() for value in found.accepted):
        return f"upper({inner})"
    return ""
