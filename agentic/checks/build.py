"""AP010: a real `dbt build` of the change and everything downstream of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from agentic.checks.others import red_for_others
from agentic.checks.proof import change_built, red_before, workspace_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.exceptions import ArtifactError
from agentic.project import NodeResult, load_run_results
from agentic.records import CheckResult, CodePage, Outcome, publish
from agentic.workspace import GREEN, BuildOutcome

CODE, NAME = "AP010", "dbt build"
_FAILING = frozenset({"error", "fail", "runtime error", "partial success"})
_MESSAGE = 300

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="dbt builds the changed nodes, everything downstream of them, and all their tests, in "
        "a schema and a worktree of their own. A node that stays red and is green once the repair "
        "of another open incident is laid on top is told as that incident's, with its run.",
        why="A change that compiles can still fail on real rows, or break a test three nodes on.",
        fix="See the failed nodes in the table; the full log is in the run's folder.",
    )
)


@check(CODE, NAME, order=10, builds=True)
def dbt_build(subject: Subject) -> CheckResult:
    """Fails when a node or test is red that the change is to blame for."""
    built = change_built(subject)
    if built.manifest is None:
        return _result("fail", built.error)
    if not built.results:
        outcome: Outcome = "not_compared" if built.exit_code == 0 else "fail"
        return _result(outcome, built.error or "the edits change no node that dbt builds")
    known = _red_for_another_reason(subject)
    red = {uid: one for uid, one in built.results.items() if one.status not in GREEN}
    own = {uid: one for uid, one in red.items() if _to_blame(uid, one, red, known, built)}
    others = red_for_others(subject, built) if own else {}
    own = {uid: one for uid, one in own.items() if uid not in others}
    table = tuple(_row(uid, one, known, others) for uid, one in sorted(red.items()))
    if own:
        names = ", ".join(sorted(own)[:3])
        return _result("fail", f"{len(own)} of {len(built.results)} are red: {names}", table)
    where = f"in schema {workspace_of(subject).schema}"
    if red:
        return _result("warn", f"{_counted(built)} {where}; {_left_red(red, others)}", table)
    added = f"; {len(built.added)} ancestors built besides" if built.added else ""
    return _result("pass", f"{_counted(built)} {where}{added}")


def _result(result: Outcome, detail: str, table: tuple[dict[str, object], ...] = ()) -> CheckResult:
    return CheckResult(code=CODE, name=NAME, result=result, detail=detail, table=table)


def _left_red(red: Collection[str], others: Mapping[str, str]) -> str:
    apart = len(red) - len(others)
    said = [f"{apart} stay red, as they were before, for a reason of their own"] if apart else []
    for run in sorted(set(others.values())):
        here = sorted(uid for uid, one in others.items() if one == run)
        more = f" and {len(here) - 3} more" if len(here) > 3 else ""
        said.append(f"still failing for another incident {run}: {', '.join(here[:3])}{more}")
    return "; ".join(said)


def _counted(built: BuildOutcome) -> str:
    kinds = Counter(
        "tests" if uid.startswith(("test.", "unit_test.")) else "nodes"
        for uid, one in built.results.items()
        if one.status in GREEN
    )
    return f"{kinds['nodes']} nodes and {kinds['tests']} tests green"


def _red_for_another_reason(subject: Subject) -> dict[str, str]:
    """Nodes of the failing invocation that were red and are no part of this incident."""
    try:
        before = load_run_results(subject.project.run_results_path)
    except ArtifactError:
        return {}
    if not before.building:
        return {}
    own = {*red_before(subject.incident), *(subject.incident.skipped if subject.incident else ())}
    return {
        one.unique_id: one.status
        for one in before.results
        if one.status in _FAILING and one.unique_id not in own
    }


def _to_blame(
    uid: str,
    result: NodeResult,
    red: dict[str, NodeResult],
    known: dict[str, str],
    built: BuildOutcome,
) -> bool:
    """A node that was red before is not the change's doing, nor is what dbt skipped after it."""
    if uid in known:
        return False
    if result.status != "skipped":
        return True
    above = _red_above(uid, red, built)
    return not above or any(one not in known for one in above)


def _red_above(uid: str, red: dict[str, NodeResult], built: BuildOutcome) -> set[str]:
    """What failed upstream of a skipped node; a test counts for the node that it tests."""
    parents = (built.manifest.parent_map or {}) if built.manifest else {}
    children = (built.manifest.child_map or {}) if built.manifest else {}
    seen: set[str] = set()
    failed: set[str] = set()
    waiting = [uid]
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent in seen:
                continue
            seen.add(parent)
            waiting.append(parent)
            near = [parent, *(c for c in children.get(parent, []) if c.startswith("test."))]
            failed.update(one for one in near if one in red and red[one].status != "skipped")
    return failed


def _row(
    uid: str, one: NodeResult, known: Mapping[str, str], others: Mapping[str, str]
) -> dict[str, object]:
    row: dict[str, object] = {
        "node": uid,
        "status": one.status,
        "message": (one.message or "").strip()[:_MESSAGE],
        "before": known.get(uid, ""),
    }
    return {**row, "for": others[uid]} if uid in others else row
