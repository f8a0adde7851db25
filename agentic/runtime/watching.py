"""After a green build: did raw data or figures change without a test that sees it?"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agentic.exceptions import AgenticError
from agentic.history import RelationProfile, last_good_profile, node_runs, profiles
from agentic.project import Node, load_run_results
from agentic.records import Incident
from agentic.runtime.session import Session
from agentic.tools.shielded import hidden_columns
from agentic.triggers import Invocation, incident_of, silent_changes
from agentic.triggers.moved_code import Past, moved_by_code, moved_by_macro
from agentic.warehouse import open_connection

_SEEN_OFTEN = 3


def silent_incidents(session: Session) -> tuple[Incident, ...]:
    """Incidents of kind `anomaly`; none where no agent takes them, or nothing could be asked."""
    if not any("anomaly" in agent.when for agent in session.compiled.agents):
        return ()
    try:
        results = load_run_results(session.project.run_results_path)
        if not results.building:
            return ()
        invocation = Invocation(
            id=results.metadata.invocation_id or "",
            target=session.target.name,
            ended_at=results.metadata.generated_at,
        )

        def masked(node: Node, columns: Sequence[str]) -> Collection[str] | None:
            return hidden_columns(session.world, f"{node.schema}.{node.alias}", columns)

        with open_connection(session.target, project_root=session.project.root) as connection:
            raw = silent_changes(
                connection,
                session.manifest,
                invocation,
                masked=masked,
                before=lambda unique_id: _usual(session, unique_id, invocation.id),
            )
            # Raw data that changed moves every figure below: the code is asked about after that.
            past = _past(session, invocation.id)
            moved = () if raw else moved_by_code(connection, session.manifest, past, masked=masked)
            if raw or moved:
                return raw or tuple(incident_of([signal], invocation) for signal in moved)
            called = moved_by_macro(connection, session.manifest, past, masked=masked)
            return (incident_of(called, invocation),) if called else ()
    except AgenticError as error:
        session.stream.emit("anomalies.skipped", f"not looked at: {error.message}", level="debug")
        return ()


def _past(session: Session, now: str) -> Past:
    """The states of nodes after builds, and the code that made them."""

    known: dict[str, dict[str, str]] = {}

    def code_at(unique_id: str, invocation_id: str) -> str:
        if unique_id not in known:
            runs = node_runs(session.store, unique_id)
            known[unique_id] = {run.invocation_id: run.checksum for run in runs}
        return known[unique_id].get(invocation_id, "")

    return Past(
        now,
        good=lambda unique_id: last_good_profile(session.store, unique_id),
        states=lambda unique_id: profiles(session.store, unique_id),
        code_at=code_at,
    )


def _usual(session: Session, unique_id: str, now: str) -> tuple[RelationProfile, ...]:
    """What a source held before: after good builds, or what it held in the last builds that were
    told of and not mended: what stays so for three builds is the new usual."""
    known = [one for one in profiles(session.store, unique_id, 8) if one.invocation_id != now]
    good = last_good_profile(session.store, unique_id)
    later = [one for one in known if good is None or one.at > good.at]
    if len(later) >= _SEEN_OFTEN or good is None:
        return tuple(later)
    return tuple(one for one in known if one.at <= good.at)
