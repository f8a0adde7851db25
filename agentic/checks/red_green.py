"""AP011: what was red before the change is green after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentic.checks.change_policy import verdict_of
from agentic.checks.others import red_for_others
from agentic.checks.proof import baseline_for, change_built, red_before
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.records import CheckResult, CodePage, Outcome, publish
from agentic.workspace import GREEN, BuildOutcome

CODE, NAME = "AP011", "red before, green after"

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Every node and test that failed in the incident is built and green with the change.",
        why="A build can be green because it never touched what was broken.",
        fix="See the table: a node that is not in the build is not reached by the change.",
    )
)


@check(CODE, NAME, order=11, builds=True)
def red_then_green(subject: Subject) -> CheckResult:
    """Fails when a node of the incident is still red, or is not there any more."""
    incident = subject.incident
    if incident is None or incident.kind == "request":
        return _result("pass", "nothing was red before: this is a request, not a failure")
    built = change_built(subject)
    if incident.kind == "parse_error":
        parses = built.manifest is not None
        detail = "the project did not parse before, and does now"
        return _result("pass", detail) if parses else _result("fail", built.error)
    red = {uid: text for uid, text in red_before(incident).items() if not _is_source(uid)}
    if not red:
        return _result("not_compared", "the incident names no node that dbt builds")
    heirs = _heirs(subject, red, built)
    table = tuple(_row(uid, text, built, heirs) for uid, text in sorted(red.items()))
    lost = [row["node"] for row in table if row["after"] == "gone"]
    missed = [row["node"] for row in table if row["after"] == "not built"]
    others = red_for_others(subject, built)
    theirs = [row["node"] for row in table if row["result"] == "fail" and row["node"] in others]
    still = [row["node"] for row in table if row["result"] == "fail" and row["node"] not in theirs]
    if still or lost:
        names = ", ".join(str(one) for one in [*still, *lost][:3])
        return _result("fail", f"not green after the change: {names}", table)
    if missed:
        names = ", ".join(str(one) for one in missed[:3])
        return _result("not_compared", f"the change does not reach {names}", table)
    if theirs:
        names = ", ".join(f"{uid} ({others[str(uid)]})" for uid in theirs[:3])
        healed = len(table) - len(theirs)
        outcome: Outcome = "warn" if healed else "not_compared"
        said = f"{healed} of {len(table)} were red before and green after"
        return _result(outcome, f"{said}; still failing for another incident: {names}", table)
    what = "1 was" if len(table) == 1 else f"all {len(table)} were"
    return _result("pass", f"{what} red before and green after", table)


def _is_source(uid: str) -> bool:
    return uid.startswith(("source.", "exposure."))


def _heirs(subject: Subject, red: Iterable[str], built: BuildOutcome) -> dict[str, str]:
    """A test whose wrong column name the change corrects is, to dbt, another test: which one.

    Only where the change policy found that nothing but names of tests is corrected; each test of
    the change is one old test's heir at most.
    """
    corrected = [
        one
        for one in verdict_of(subject).findings
        if one.code == "TEST_WEAKENED" and one.verdict == "ask"
    ]
    if not corrected or built.manifest is None:
        return {}
    before = baseline_for(subject, built).all
    fresh = [n for uid, n in built.manifest.all.items() if uid not in before and _generic(n)]
    found: dict[str, str] = {}
    for uid in sorted(red):
        old = before.get(uid)
        if uid in built.manifest.all or old is None or not _generic(old):
            continue
        heir = next((one for one in fresh if heirs_alike(old, one)), None)
        if heir is not None:
            fresh.remove(heir)
            found[uid] = heir.unique_id
    return found


def _generic(node: Any) -> bool:
    return node.unique_id.startswith("test.") and node.test_metadata is not None


def heirs_alike(old: Any, new: Any) -> bool:
    """One test of one node under another column name: the same kind, and the rest of its arguments
    the same, or the same column and other names in them."""

    def said(node: Any) -> tuple[str, str, dict[str, Any]]:
        meta = node.test_metadata
        rest = {k: v for k, v in meta.kwargs.items() if k not in ("model", "column_name")}
        return f"{meta.namespace}.{meta.name} {node.attached_node}", str(node.column_name), rest

    (was, column, rest), (now, other, others) = said(old), said(new)
    return was == now and (rest == others) != (column == other)


def _row(
    uid: str, message: str, built: BuildOutcome, heirs: Mapping[str, str]
) -> dict[str, object]:
    heir = heirs.get(uid, uid)
    result = built.results.get(heir)
    # A thin build's manifest does not know the nodes that it did not need.
    known = built.manifest is not None and (built.thin or heir in built.manifest.all)
    after = result.status if result else ("not built" if known else "gone")
    outcome: Outcome = "not_compared" if result is None else "fail"
    if result is not None and result.status in GREEN:
        outcome = "pass"
    before = message or "red"
    row: dict[str, object] = {"node": uid, "before": before, "after": after, "result": outcome}
    return {**row, "now_called": heir} if heir != uid else row


def _result(result: Outcome, detail: str, table: tuple[dict[str, object], ...] = ()) -> CheckResult:
    return CheckResult(code=CODE, name=NAME, result=result, detail=detail, table=table)
