"""AP012: what the change does to the rows, by key."""

from __future__ import annotations

from agentic.checks.comparing import Comparison
from agentic.checks.proof import base_built, built_before, change_built, red_before, workspace_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.records import CheckResult, CodePage, Outcome, publish
from agentic.workspace import BuildOutcome

CODE, NAME = "AP012", "data diff"
SAME = "the code before the change"
_ORDER: tuple[Outcome, ...] = ("fail", "not_compared", "warn", "pass")
_RAW = ("source.", "seed.")

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Rows, keys and values of every built relation, before and after the change. Before "
        "is what stands in the baseline's warehouse; where that differs, the code before the "
        "change, built on the same raw data; and where that does not build because the fault is in "
        "the code, the code before the last commits to the changed files.",
        why="Tests hold what somebody thought of; the difference shows everything else.",
        fix="`fail`: keys were lost, or values changed that should not have. `not_compared`: no "
        "code before the change can be built on today's raw data, so that a difference may come "
        "from the data; compare the counts in the table by eye.",
    )
)


@check(CODE, NAME, order=12, builds=True)
def data_diff(subject: Subject) -> CheckResult:
    """Equal passes; lost keys fail; what cannot be compared says so."""
    comparison = Comparison(subject, change_built(subject))
    if not comparison.after:
        return _result("not_compared", "no relation was built, so that there is none to compare")
    comparison.with_baseline()
    if comparison.open:
        _with_base(subject, comparison)
    if comparison.open and _in_code(subject):
        _with_older(subject, comparison)
    return _concluded(comparison)


def _with_base(subject: Subject, comparison: Comparison) -> None:
    """Against the code before the change on the same raw data, as far as that can be built."""
    left = comparison.open
    why = _why_no_base(subject, left)
    if not why:
        base = base_built(subject, comparison.built.selected)
        comparison.with_build(base, left, label=SAME, certain=True)
        why = f"{SAME} does not build it on today's raw data"
        if not base.relations:
            why = f"{SAME} builds nothing on today's raw data: {_first(base)}"
    comparison.explain([uid for uid in left if comparison.lines[uid].against != SAME], why)


def _with_older(subject: Subject, comparison: Comparison) -> None:
    """Against the code before a fault that was committed."""
    workspace = workspace_of(subject)
    paths = [edit.path for edit in subject.proposal.edits if edit.before is not None]
    for revision in workspace.revisions_before(paths):
        left = comparison.open
        if not left:
            return
        base = workspace.build(comparison.built.selected, variant="base", revision=revision)
        comparison.with_build(base, left, label=f"commit {revision[:10]}", certain=False)


def _in_code(subject: Subject) -> bool:
    """Where raw data is at fault, older code fails on it just the same."""
    finding = subject.finding
    return finding is not None and not finding.root_cause.node.startswith(_RAW)


def _why_no_base(subject: Subject, left: list[str]) -> str:
    """A build that is known to fail is not tried: it costs as much as one that works."""
    incident = subject.incident
    if incident is None or built_before(incident) or subject.proposal.rename_undone:
        return ""
    red = {*red_before(incident), *incident.skipped}
    below = {one for uid in red for one in subject.graph.descendants(uid)}
    if incident.kind == "parse_error" or not set(left) <= red | below:
        return ""
    return f"{SAME} does not build on today's raw data: that is the incident"


def _concluded(comparison: Comparison) -> CheckResult:
    after, lines = comparison.after, comparison.lines
    table = tuple(line.row(after[uid]) for uid, line in sorted(lines.items()))
    worst = min((line.result for line in lines.values()), key=_ORDER.index)
    if worst == "pass":
        new = len(comparison.new)
        said = [_counted(len(table) - new, "equal before and after")] if len(table) > new else []
        said += [_counted(new, "new, with nothing to compare with")] if new else []
        return _result("pass", "; ".join(said), table)
    worse = [line for line in lines.values() if line.result == worst]
    equal = sum(line.result == "pass" for line in lines.values())
    first = f"{after[worse[0].uid].identifier}: {worse[0].why}"
    rest = f" (and {len(worse) - 1} more)" if len(worse) > 1 else ""
    return _result(worst, f"{equal} of {len(table)} relations are equal; {first}{rest}", table)


def _counted(count: int, what: str) -> str:
    return f"{count} relation{' is' if count == 1 else 's are'} {what}"


def _first(base: BuildOutcome) -> str:
    messages = [base.error, *(one.message or "" for one in base.results.values())]
    text = next((message for message in messages if message.strip()), "nothing was selected")
    return text.strip().splitlines()[0]


def _result(result: Outcome, detail: str, table: tuple[dict[str, object], ...] = ()) -> CheckResult:
    return CheckResult(code=CODE, name=NAME, result=result, detail=detail, table=table)
