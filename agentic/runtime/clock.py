"""The incident's clock: at `escalate.after` a run that is under way hands over to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from agentic.records import Finding, RunResult
from agentic.runtime.budget import Budget
from agentic.runtime.session import Session

if TYPE_CHECKING:
    from agentic.runtime.investigate import Investigation


def overdue_note(session: Session, budget: Budget) -> str:
    """What a run says that starts after the deadline."""
    return f"overdue since {budget.deadline[:19]} (escalate.after); {_told(session)}"


def stop_on_time(
    session: Session, found: Investigation, result: RunResult, ahead: str
) -> RunResult | None:
    """The run's end when the clock ran out, its finding kept; None while there is time.

    `ahead` is what the run would do next.
    """
    late = found.budget.overdue()
    if late is None:
        return None
    finding = result.finding or last_diagnosis(found)
    step = f"{late.reason} Next would be: {ahead}; `agentic run` goes on with it."
    if finding is not None:
        finding = replace(finding, next_step=step)
    session.stream.emit("run.overdue", step, level="warn", run_id=found.run_id)
    return replace(
        result,
        status="escalated",
        decision="escalate",
        finding=finding,
        reason=f"{step} ({_told(session)})",
    )


def last_diagnosis(found: Investigation) -> Finding | None:
    """What the rules found when the engine asked them, if it did."""
    for step in reversed(found.journal.steps()):
        if step.kind != "tool" or step.name != "diagnose" or not isinstance(step.output, dict):
            continue
        content = step.output.get("content")
        if isinstance(content, dict) and content.get("finding"):
            try:
                return msgspec.convert(content["finding"], Finding)
            except msgspec.ValidationError:
                return None
    return None


def _told(session: Session) -> str:
    names = ", ".join(session.compiled.guardrails.escalate_to)
    if not names:
        return "escalate.to names nobody"
    return f"escalate.to names {names}" + ("" if session.apply else ", told with --apply alone")
