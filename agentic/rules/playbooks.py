"""A project's own rules, from `playbooks/*.yml` as compiled: asked beside the built-in ones.

A playbook that speaks of the incident answers before the rules; one that speaks of a finding may
change what is decided about it. Every call goes the way of any other call: through the boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import TemplateError

from agentic.config import is_template, new_environment
from agentic.records import CodePage, CompiledPlaybook, ToolCall, dump, publish
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps

CODE = "AR002"
publish(
    CodePage(
        CODE,
        "playbook",
        "A playbook of the project decided: its file and line stand in the evidence.",
        why="People who know the project say what to do, without Python.",
        fix="Read the playbook that the evidence names; change it there.",
    )
)
_ENVIRONMENT = new_environment()
_FAILURES = (TemplateError, TypeError, ValueError, KeyError, ArithmeticError, AttributeError)
_NAMES = {"cls": "class"}


class Unfit(Exception):
    """A playbook that cannot be followed here; the message says why."""


def before_rules(case: Case) -> Steps[Diagnosis | None]:
    """The answer of the first playbook about the incident that holds."""
    for playbook in case.playbooks:
        if not playbook.after_rules:
            found = yield from _followed(case, playbook, None)
            if found is not None:
                return found
    return None


def after_rules(case: Case, best: Diagnosis) -> Steps[Diagnosis]:
    """What the rules found, or what the first playbook about a finding makes of it."""
    for playbook in case.playbooks:
        if playbook.after_rules:
            found = yield from _followed(case, playbook, best)
            if found is not None:
                return found
    return best


def _followed(
    case: Case, playbook: CompiledPlaybook, best: Diagnosis | None
) -> Steps[Diagnosis | None]:
    known: dict[str, Any] = {"incident": dump(case.incident)}
    if best is not None:
        known["finding"] = told(best)
    try:
        if not _true(playbook.when, known):
            return None
        known["steps"] = yield from _asked(playbook, known)
        if playbook.holds and not _true(playbook.holds, known):
            return None
        return _diagnosis(case, playbook, best, known)
    except Unfit:
        return None


def told(best: Diagnosis) -> dict[str, Any]:
    """A diagnosis as an expression asks it: `finding.class`, `finding.node`, `finding.decision`."""
    finding = best.finding
    cause = finding.root_cause
    plain: dict[str, Any] = dump(finding)
    return {
        **{_NAMES.get(key, key): value for key, value in plain.items()},
        "node": cause.node,
        "column": cause.column,
        "observed": cause.observed,
        "decision": best.decision,
    }


def _asked(playbook: CompiledPlaybook, known: Mapping[str, Any]) -> Steps[dict[str, Any]]:
    answers: dict[str, Any] = {}
    for step in playbook.steps:
        here = {**known, "steps": answers}
        if step.when and not _true(step.when, here):
            continue
        result = yield ToolCall(id="", name=step.tool, input=_filled(step.input, here))
        if result.is_error or result.decision is not None:
            raise Unfit(f"{step.tool} did not answer")
        answers[step.id] = result.content
    return answers


def _diagnosis(
    case: Case, playbook: CompiledPlaybook, best: Diagnosis | None, known: Mapping[str, Any]
) -> Diagnosis:
    node = _text(playbook.node, known) or _cause(best) or case.incident.node
    column = _text(playbook.column, known) or (best.finding.root_cause.column if best else None)
    draft = Draft(case, node, column, best.finding.root_cause.observed if best else None)
    draft.evidence += best.finding.evidence if best else ()
    draft.fact(f"Playbook {playbook.name} decided: {playbook.decision}.", playbook.where)
    for step in playbook.steps:
        if step.id in known["steps"]:
            draft.fact(f"{step.id}: {str(known['steps'][step.id])[:400]}")
    question = _text(playbook.question, known)
    finding = draft.finding(
        _text(playbook.summary, known)[:600], confidence=playbook.confidence, next_step=question
    )
    owner = _text(playbook.owner, known)
    finding = msgspec.structs.replace(
        finding,
        code=CODE,
        cls=best.finding.cls if best and playbook.cls == playbook.name else playbook.cls,
        owner=owner or finding.owner,
    )
    changes = tuple(
        Change(
            "edit_file",
            {
                "path": _text(one.path, known),
                "edits": [{"old": _text(one.old, known), "new": _text(one.new, known)}],
                "why": one.why or f"playbook {playbook.name}",
            },
        )
        for one in playbook.edits
    )
    return Diagnosis(
        finding=finding,
        decision=playbook.decision,  # type: ignore[arg-type]  # checked when it was compiled
        title=finding.summary,
        rationale=f"{finding.summary} (playbook {playbook.name}, {playbook.where})",
        changes=changes,
    )


def _cause(best: Diagnosis | None) -> str:
    return best.finding.root_cause.node if best is not None else ""


def _true(expression: str, known: Mapping[str, Any]) -> bool:
    """Raises Unfit for an expression that this incident cannot answer."""
    try:
        value = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)(**known)
        return bool(value)
    except _FAILURES as error:
        raise Unfit(str(error)) from error


def _text(template: str, known: Mapping[str, Any]) -> str:
    if not is_template(template):
        return template
    try:
        return _ENVIRONMENT.from_string(template).render(**known)
    except _FAILURES as error:
        raise Unfit(str(error)) from error


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _text(value, known)
    if isinstance(value, dict):
        return {key: _filled(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    return value
