"""AP002: what the project-change policy says of the proposal."""

from __future__ import annotations

from agentic.checks.change_policy import verdict_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.records import CheckResult, CodePage, Outcome, publish

CODE, NAME = "AP002", "change policy"
_OUTCOMES: dict[str, Outcome] = {"allow": "pass", "ask": "warn", "deny": "fail"}

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="The policy of guardrails.yml and the rules that are always on, on every edited file.",
        why="An edit can weaken a test, move a relation or hide a symptom and still build green.",
        fix="`agentic check changes` shows every finding; `agentic explain CODE` explains each.",
    )
)


@check(CODE, NAME, order=2)
def change_policy(subject: Subject) -> CheckResult:
    """Fails on `deny`, warns on `ask`."""
    verdict = verdict_of(subject)
    table = tuple(
        {
            "path": one.path,
            "line": one.line,
            "verdict": one.verdict,
            "code": one.code,
            "reason": one.reason,
        }
        for one in verdict.findings
    )
    detail = f"{verdict.verdict} {verdict.code}: {verdict.reason}"
    if any(one.code == "SYMPTOM_MASKING" for one in verdict.findings):
        detail += " AP012 shows the rows and values before and after."
    return CheckResult(CODE, NAME, _OUTCOMES[verdict.verdict], detail, table)
