"""AP001: every changed SQL file is one query of the dialect, without side effects."""

from __future__ import annotations

from agentic.checks.change_policy import files_of, verdict_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.records import CheckResult, CodePage, publish

CODE, NAME = "AP001", "SQL parses"
SQL_CODES = frozenset(
    [
        "SQL_POLICY",
        "EXTERNAL_IO",
        "CODE_DEFINITION",
        "RESOURCE_ABUSE",
        "READ_DENIED",
        "JINJA_SIDE_EFFECT",
        "SANDBOX_ESCAPE",
        "SECRET_ACCESS",
    ]
)

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Each changed SQL file, with its Jinja read, is one query of the warehouse's dialect, "
        "over relations of the project, without writes, files or statements at compile time.",
        why="dbt pastes a model's text into a statement of its own: a second statement in it runs.",
        fix="Write one SELECT over ref() and source(); the table names the file and the fault.",
    )
)


@check(CODE, NAME, order=1)
def sql_parses(subject: Subject) -> CheckResult:
    """Fails when the change adds SQL that is not one plain query."""
    files, _ = files_of(subject)
    changed = sorted(path for path, text in files.items() if path.endswith(".sql") and text)
    faults = [one for one in verdict_of(subject).findings if one.code in SQL_CODES]
    table = tuple(
        {"path": one.path, "line": one.line, "code": one.code, "reason": one.reason}
        for one in faults
    )
    denied = [one for one in faults if one.verdict == "deny"]
    if denied:
        return CheckResult(CODE, NAME, "fail", f"{denied[0].path}: {denied[0].reason}", table)
    if faults:
        return CheckResult(CODE, NAME, "warn", f"{faults[0].path}: {faults[0].reason}", table)
    if not changed:
        return CheckResult(CODE, NAME, "pass", "The change holds no SQL.")
    what = "1 file is" if len(changed) == 1 else f"{len(changed)} files are"
    return CheckResult(CODE, NAME, "pass", f"{what} one {subject.dialect} query each.")
