"""AR053 and AR054: code that changed computes something else; silent but for a test."""

from __future__ import annotations

import msgspec

from agentic.records import sentence_start
from agentic.rules.asking import FileChange, recent_changes, text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import harmless, latest_change, restored
from agentic.rules.hunks import edit_change
from agentic.rules.registry import rule
from agentic.rules.unit_rows import one_word_repair
from agentic.sql.fault import kinds_of


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
    found = yield from restored(case, draft, summary, "the logic that its unit test holds")
    change = yield from latest_change(case.path(head.attached))
    if change is None or found.decision != "fix":
        # The logic may lie above it: in a macro that its text calls.
        mended = yield from _by_its_rows(case, draft, head.node, summary)
        return mended or found
    return called(found, kind_of_change(change.before or "", change.after or "", case.dialect))


def _by_its_rows(case: Case, draft: Draft, unit: str, summary: str) -> Steps[Diagnosis | None]:
    """Without a history: the one word with which the query gives what the unit test expects."""
    test, path = (case.manifest.unit_tests or {}).get(unit), case.path(draft.node)
    code = None if case.vendored(draft.node) else (yield from text_of(path))
    best = (yield from one_word_repair(case, test, code)) if test is not None and code else None
    change = edit_change(path, code or "", best.text, best.why) if best is not None else None
    if best is None or change is None:
        return None
    name = case.node(draft.node).name
    draft.observed = best.wrong
    draft.fact(f"With one word changed ({best.why}) it gives the expected rows; no other does.")
    diagnosis = Diagnosis(
        draft.finding(summary, confidence=0.91),
        "fix",
        f"fix({name}): {best.why}, as its unit test holds"[:120],
        f"{summary} {sentence_start(best.why)}; the unit test stays as it is.",
        (change,),
    )
    return called(diagnosis, kind_of_change(best.text, code or "", case.dialect))


@rule(code="AR054", cls="logic_changed", order=80)
def logic_changed(case: Case) -> Steps[Diagnosis | None]:
    """A model or macro above the failure was changed, and nothing else explains the failure.

    What it does:
        When no rule finds a cause in the raw data, looks for files above the failure whose queries
        the uncommitted state or the last commits changed, and says what of them changed: a join's
        side (join_type), its condition or a `distinct` (join_fanout), a filter (wrong_filter), an
        aggregate (wrong_aggregation), a macro (macro_regression).

    Why:
        Logic that changed computes wrong rows without an error.

    Example:
        `where status <> 'returned'` was lost in the last commit; `daily_sales` doubles returns.

    Fix:
        When one such file changed, what changed of its query is taken back; else a person decides.
    """
    if case.incident.kind == "anomaly":
        return None  # nothing failed: a change alone is no fault, and AR074 asks about it
    paths = {case.path(uid): uid for uid in case.above("model", "snapshot")}
    below = {macro for uid in case.above("model") for macro in case.node(uid).depends_on_macros}
    for macro in below:
        if (one := case.manifest.macros.get(macro)) and one.package_name == case.project:
            paths[one.original_file_path] = macro
    changed = []
    for change in (yield from recent_changes()):
        if change.path not in paths or not change.before or not change.after:
            continue
        if change.before != change.after and not (
            case.node(paths[change.path]) is not None
            and harmless(change.before, change.after, case.dialect)
        ):
            changed.append(change)
    if not changed:
        return None
    newest = changed[0].origin
    same = _nearest(case, [change for change in changed if change.origin == newest], paths)
    if len(same) != 1:
        return None
    uid = paths[same[0].path]
    draft = Draft(case, uid)
    draft.fact(case.messages[0][:800] if case.messages else "", case.path(case.incident.node))
    if case.node(uid) is None:
        return _macro_regression(draft, same[0], uid)
    kind = kind_of_change(same[0].before or "", same[0].after or "", case.dialect)
    what = WORDS.get(kind, "logic")
    summary = (
        f"The {what} of {case.node(uid).name} changed ({newest}); what lies below fails since."
    )
    found = yield from restored(case, draft, summary, f"the {what} as it was")
    return called(found, kind)


WORDS = {
    "join_type": "join",
    "join_fanout": "join's condition",
    "wrong_filter": "filter",
    "wrong_aggregation": "aggregate",
}


def kind_of_change(before: str, after: str, dialect: str) -> str:
    """The fault class of a change of a query; empty where it is of none or of several kinds."""
    old, new = kinds_of(before, dialect), kinds_of(after, dialect)
    differ = {kind for kind in {*old, *new} if old.get(kind) != new.get(kind)}
    if "join" in differ and _sides(old) != _sides(new):
        return "join_type"
    if "on" in differ or "distinct" in differ:
        return "join_fanout"
    if "aggregate" in differ and "filter" not in differ:
        return "wrong_aggregation"
    if "filter" in differ:
        return "wrong_filter"
    return "wrong_aggregation" if "aggregate" in differ or "group" in differ else ""


def _sides(kinds: dict[str, tuple[str, ...]]) -> list[str]:
    return sorted(text.split(" ", 1)[0] for text in kinds.get("join", ()))


def called(found: Diagnosis, kind: str) -> Diagnosis:
    """The diagnosis under a narrower class than its rule's."""
    if not kind:
        return found
    return msgspec.structs.replace(found, finding=msgspec.structs.replace(found.finding, cls=kind))


def _nearest(case: Case, changed: list[FileChange], paths: dict[str, str]) -> list[FileChange]:
    """Of several changed files those that lie nearest to the failure."""

    def distance(change: FileChange) -> int:
        uid = paths[change.path]
        ways = [len(case.graph.path(uid, one)) for one in case.failing if case.node(uid)]
        return min((n for n in ways if n), default=99)

    nearest = min((distance(one) for one in changed), default=0)
    return [one for one in changed if distance(one) == nearest]


def _macro_regression(draft: Draft, change: FileChange, uid: str) -> Diagnosis | None:
    name = uid.rsplit(".", 1)[-1]
    back = edit_change(change.path, change.after or "", change.before or "", f"{name} as it was")
    if back is None:
        return None
    draft.fact(f"{change.path} was changed last here: {change.origin}.", change.path)
    finding = draft.finding(
        f"The macro {name} was changed, and its callers fail since.", confidence=0.75
    )
    diagnosis = Diagnosis(
        finding, "fix", f"fix({name}): the macro as it was", finding.summary, (back,)
    )
    return called(diagnosis, "macro_regression")
