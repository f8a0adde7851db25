"""What the history offers for a repair: the text of one file before its latest change."""

from __future__ import annotations

from agentic.rules.asking import FileChange, recent_changes, text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.hunks import edit_change, mixed, places, undone
from agentic.rules.mends import Mend
from agentic.sql.fault import fault_at, kinds_of, listed_outputs, spelt_out


def latest_change(path: str) -> Steps[FileChange | None]:
    """The newest change of a file that is still as that change left it; None without one."""
    now = yield from text_of(path)
    for change in (yield from recent_changes()):
        if change.path == path and change.before is not None and change.before != change.after:
            same = (change.after or "").strip() == (now or "").strip()
            return change if same else None
    return None


def reversals(path: str, now: str) -> Steps[list[Mend]]:
    """The file with one place of its latest change taken back, then with all of them."""
    change = yield from latest_change(path)
    if change is None or change.before is None or change.after is None:
        return []
    why = f"take back the change of {change.origin}"
    parts = [text for text in undone(change.before, now) if text != change.before]
    return [Mend(text, "", f"{why} at this place", 1) for text in parts] + [
        Mend(change.before, "", why, 9)
    ]


def taken_back(before: str, after: str, dialect: str) -> str:
    """The text without what the change did to the query's meaning; layout, comments and columns
    that it only added stay."""
    wrong = {
        number
        for number, text in enumerate(undone(before, after))
        if not harmless(text, after, dialect)
    }
    if not wrong or len(wrong) == places(before, after):
        return before
    text = mixed(before, after, wrong)
    return text if fault_at(text, dialect) is None else before


def harmless(before: str, after: str, dialect: str) -> bool:
    """One query in both texts, or one that only gives more columns than the other."""
    if fault_at(before, dialect) is not None or fault_at(after, dialect) is not None:
        return False
    if spelt_out(before, dialect) == spelt_out(after, dialect):
        return True
    had, have = listed_outputs(before, dialect), listed_outputs(after, dialect)
    more = set(had) < set(have) and [one for one in have if one in had] == list(had)
    return more and kinds_of(before, dialect) == kinds_of(after, dialect)


def restored(case: Case, draft: Draft, summary: str, what: str) -> Steps[Diagnosis]:
    """A fix that takes back the latest change of the cause's own file, or a question without one.

    `what` names what comes back (`the join as it was`).
    """
    path, name = case.path(draft.node), case.node(draft.node).name
    change = None if case.vendored(draft.node) else (yield from latest_change(path))
    if change is None or change.before is None or change.after is None:
        owner = case.owner(draft.node) or f"the author of {name}"
        return draft.escalate(
            summary,
            # Code that did not change is hardly the cause: rows that it never met may be.
            confidence=0.5,
            next_step=(
                f"Nothing in the history changed {path}, so look at its newest rows first: ask "
                f"{owner} whether some have no match or no place there yet."
            ),
        )
    older = taken_back(change.before, change.after, case.dialect)
    back = edit_change(path, change.after, older, f"{name} gets {what} again")
    draft.fact(f"{path} was changed last here: {change.origin}.", path)
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.92),
        decision="fix" if back is not None else "escalate",
        title=f"fix({name}): {what}",
        rationale=f"{summary} The change that brought it is taken back in this file alone.",
        changes=(back,) if back is not None else (),
    )
