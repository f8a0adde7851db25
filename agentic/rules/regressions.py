"""AR053 and AR054: code that changed computes something else; silent but for a test."""

from __future__ import annotations

from agentic.rules.asking import FileChange, recent_changes
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import restored
from agentic.rules.hunks import edit_change
from agentic.rules.registry import rule


@rule(code="AR053", cls="unit_test_failure", order=47)
def unit_test_failure(case: Case) -> Steps[Diagnosis | None]:
    """A model's logic no longer does what its unit test says.

    What it does:
        Names the model that the unit test tests, and the latest change of its file.

    Why:
        A unit test holds its own rows: raw data cannot be the cause, only code can.

    Example:
        `test_refunds_are_negative` fails after a sign was dropped in `int_payments`.

    Fix:
        The logic is repaired; the expected rows of the unit test stay.
    """
    signals = [s for s in case.incident.signals if s.kind == "unit_test_failure"]
    if not signals:
        return None
    head = signals[0]
    node = case.node(head.attached)
    if node is None:
        return None
    draft = Draft(case, head.attached)
    draft.fact(head.message[:1500], case.path(head.node))
    name = head.node.rsplit(".", 1)[-1]
    summary = f"{node.name} no longer gives what its unit test {name} expects."
    return (yield from restored(case, draft, summary, "the logic that its unit test holds"))


@rule(code="AR054", cls="logic_changed", order=80)
def logic_changed(case: Case) -> Steps[Diagnosis | None]:
    """A model above the failure was changed, and nothing else explains the failure.

    What it does:
        When no rule finds a cause in the raw data, looks for files above the failure that the
        uncommitted state or the last commits changed: models and macros.

    Why:
        A filter, a join or an aggregation that changed computes wrong rows without an error.

    Example:
        `where status <> 'returned'` was lost in the last commit; `daily_sales` doubles returns.

    Fix:
        When exactly one such file changed, its change is taken back; else a person decides.
    """
    paths = {case.path(uid): uid for uid in case.above("model", "snapshot")}
    below = {macro for uid in case.above("model") for macro in case.node(uid).depends_on_macros}
    for macro in below:
        if (one := case.manifest.macros.get(macro)) and one.package_name == case.project:
            paths[one.original_file_path] = macro
    changed = []
    for change in (yield from recent_changes()):
        if change.path in paths and change.before and change.after:
            changed.append(change)
    if not changed:
        return None
    newest = changed[0].origin
    same = [change for change in changed if change.origin == newest]
    if len(same) != 1:
        return None
    uid = paths[same[0].path]
    draft = Draft(case, uid)
    draft.fact(case.messages[0][:800] if case.messages else "", case.path(case.incident.node))
    if case.node(uid) is None:
        return _macro_regression(draft, same[0], uid)
    summary = f"{case.node(uid).name} was changed ({newest}), and what lies below it fails since."
    found = yield from restored(case, draft, summary, "the logic as it was")
    return found


def _macro_regression(draft: Draft, change: FileChange, uid: str) -> Diagnosis | None:
    name = uid.rsplit(".", 1)[-1]
    back = edit_change(change.path, change.after or "", change.before or "", f"{name} as it was")
    if back is None:
        return None
    draft.fact(f"{change.path} was changed last here: {change.origin}.", change.path)
    finding = draft.finding(
        f"The macro {name} was changed, and its callers fail since.", confidence=0.75
    )
    return Diagnosis(finding, "fix", f"fix({name}): the macro as it was", finding.summary, (back,))
