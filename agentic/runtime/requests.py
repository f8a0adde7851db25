"""A task in words instead of an incident: the same loop, boundary, checks and proof."""

from __future__ import annotations

from agentic.masking import mask_text
from agentic.records import CompiledAgent, Incident, RunResult, content_hash
from agentic.runtime.conclude import conclude
from agentic.runtime.investigate import investigate
from agentic.runtime.session import Session


def handle_request(session: Session, agent: CompiledAgent, text: str) -> RunResult:
    """Have an agent do a task. Asked again in the same words, it goes on where it was cut off.

    Raises what `investigate` raises.
    """
    incident = session.store.see(incident_of_request(agent.name, text, session.target.name))
    found = investigate(session, agent, incident)
    try:
        found.places.release_connection()
        result = conclude(session, found)
    finally:
        found.places.close()
    if result.status != "awaiting_approval":
        session.store.close_incident(incident.fingerprint)
    return result


def incident_of_request(agent: str, text: str, target: str = "") -> Incident:
    """The incident of kind `request`; the same words to the same agent give one fingerprint."""
    words = " ".join(text.split())
    name = content_hash(["request", agent, words])[:16]
    return Incident(
        id=name,
        kind="request",
        node="",
        message="",
        fingerprint=name,
        target=target,
        request=mask_text(text.strip()),
    )
