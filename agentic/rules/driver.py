"""Runs the rules over a case, picks the best diagnosis, plays its repair, and reports it."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from agentic.records import ToolCall, ToolResult, content_hash, dump
from agentic.rules.case import Case, Diagnosis, Steps
from agentic.rules.earlier import with_earlier
from agentic.rules.playbooks import after_rules, before_rules
from agentic.rules.registry import Rule, rules
from agentic.rules.unknown import nothing_known

T = TypeVar("T")

CERTAIN = 0.9
"""From this confidence on no other rule is asked."""
KEPT_FOR_REPAIR = 10
"""Calls of a run's limit that questions leave for the edits and the report."""
FEWEST_QUESTIONS = 5
_PURE = frozenset({"get_schema", "run_sql", "read_file", "recent_changes", "profile_column"})


def diagnose(case: Case) -> Steps[Diagnosis]:
    """The best diagnosis of a case; asks only reading tools, changes nothing.

    Calls get ids `r1`, `r2`, ... in order; a question asked twice is answered from the first time.
    """
    return numbered(_diagnose(case))


def _diagnose(case: Case) -> Steps[Diagnosis]:
    said = yield from before_rules(case)
    if said is not None and said.finding.confidence >= CERTAIN:
        return said
    best = yield from _by_rules(case, [said] if said is not None else [])
    return (yield from after_rules(case, best))


def _by_rules(case: Case, found: list[Diagnosis]) -> Steps[Diagnosis]:
    tried: list[Rule] = []
    asked: set[str] = set()
    most = max(FEWEST_QUESTIONS, case.calls - KEPT_FOR_REPAIR)
    for one in rules(case.order):
        answer = yield from _within(one.function(case), asked, most)
        tried.append(one)
        if answer is None:
            continue
        finding = msgspec.structs.replace(
            answer.finding,
            code=answer.finding.code or one.code,
            cls=answer.finding.cls or one.cls,
        )
        found.append(msgspec.structs.replace(answer, finding=finding))
        if answer.finding.confidence >= CERTAIN:
            break
    if not found:
        return nothing_known(case, tried)
    best = max(found, key=lambda d: d.finding.confidence)
    return with_earlier(case, _with_rejected(best, [d for d in found if d is not best]))


def _within(steps: Steps[Diagnosis | None], asked: set[str], most: int) -> Steps[Diagnosis | None]:
    """A rule's answer, or None once the different questions of all rules together are `most`: a
    run's limit of calls has to leave room for the repair and the report."""
    try:
        call = next(steps)
        while True:
            asked.add(content_hash([call.name, call.input]))
            if len(asked) > most:
                steps.close()
                return None
            call = steps.send((yield call))
    except StopIteration as end:
        answer: Diagnosis | None = end.value
        return answer


def _with_rejected(best: Diagnosis, others: list[Diagnosis]) -> Diagnosis:
    if not others:
        return best
    text = "Weighed and not chosen: " + "; ".join(
        f"{d.finding.cls} at {d.finding.root_cause.node} ({d.finding.confidence:.0%})"
        for d in others
    )
    return msgspec.structs.replace(best, rationale=f"{best.rationale}\n\n{text}".strip())


def diagnose_and_fix(case: Case) -> Steps[None]:
    """Diagnose, propose the repair if there is one, and end with `submit_report`; ids as above."""
    return numbered(_diagnose_and_fix(case))


def _diagnose_and_fix(case: Case) -> Steps[None]:
    best = yield from _diagnose(case)
    best = yield from _play(best)
    finding = best.finding
    yield ToolCall(
        id="",
        name="submit_report",
        input={
            "finding": dump(finding),
            "decision": best.decision,
            "title": best.title[:120],
            "rationale": best.rationale[:4000],
            "next_step": finding.next_step,
            "rename_undone": [list(one) for one in best.rename_undone],
        },
    )


def _play(best: Diagnosis) -> Steps[Diagnosis]:
    """The repair's calls; a refused or failed one turns the decision into an escalation."""
    for change in best.changes if best.decision == "fix" else ():
        result = yield ToolCall(id="", name=change.name, input=change.input)
        if not result.is_error and result.decision is None:
            continue
        why = result.decision.reason if result.decision else str(result.content)
        step = f"The repair could not be proposed ({why}); make it by hand, or allow it."
        finding = msgspec.structs.replace(best.finding, next_step=step)
        return msgspec.structs.replace(
            best, decision="escalate", finding=finding, rationale=f"{best.rationale}\n\n{step}"
        )
    return best


def numbered(steps: Steps[T]) -> Steps[T]:
    """Give each call an id, and answer repeated reading calls from memory."""
    known: dict[str, ToolResult] = {}
    number = 0
    try:
        call = next(steps)
        while True:
            key = content_hash([call.name, call.input])
            if key not in known or call.name not in _PURE:
                number += 1
                known[key] = yield msgspec.structs.replace(call, id=f"r{number}")
            call = steps.send(known[key])
    except StopIteration as end:
        answer: T = end.value
        return answer
