"""The answer when no rule knows the failure: what was looked at, and a person's turn."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentic.records import CodePage, publish
from agentic.rules.case import Case, Diagnosis, Draft
from agentic.rules.registry import Rule

publish(
    CodePage(
        "AR000",
        "unknown",
        "No rule knows this failure, or an engine found it on its own; the finding lists what was "
        "looked at and ruled out.",
        why="A wrong repair costs more than a question.",
        fix="Read the error and the lineage path; the engine `anthropic` may know more.",
    )
)


def nothing_known(case: Case, tried: Sequence[Rule]) -> Diagnosis:
    """An escalation that names the failing node as the nearest known place."""
    incident = case.incident
    # A test only shows it: what it stands on is the nearest known place.
    tested = next((s.attached for s in incident.signals if s.node == incident.node), "")
    place = tested if tested in case.manifest.all else incident.node
    column = getattr(case.node(incident.node), "column_name", None)
    draft = Draft(case, place, column)
    for text in case.messages[:3]:
        draft.fact(text[:1500], where=case.path(incident.node))
    ruled_out = ", ".join(dict.fromkeys(one.cls for one in tried))
    draft.fact(f"Ruled out: {ruled_out}.")
    name = incident.node.rsplit(".", 1)[-1] or "the project"
    answer = draft.escalate(
        f"{name} failed with {incident.kind}, and no rule knows why.",
        confidence=0.1,
        next_step="Read the error at the failing node; nothing was changed.",
    )
    finding = msgspec.structs.replace(answer.finding, code="AR000", cls="unknown")
    return msgspec.structs.replace(answer, finding=finding)
