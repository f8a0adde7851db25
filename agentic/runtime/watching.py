"""After a green build: did raw data change without a test that sees it?"""

from __future__ import annotations

from agentic.exceptions import AgenticError
from agentic.history import RelationProfile, last_good_profile, profiles
from agentic.project import load_run_results
from agentic.records import Incident
from agentic.runtime.session import Session
from agentic.tools.shielded import hidden_columns
from agentic.triggers import Invocation, silent_changes
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

        with open_connection(session.target, project_root=session.project.root) as connection:
            return silent_changes(
                connection,
                session.manifest,
                invocation,
                masked=lambda node, columns: hidden_columns(
                    session.world, f"{node.schema}.{node.alias}", columns
                ),
                before=lambda unique_id: _usual(session, unique_id, invocation.id),
            )
    except AgenticError as error:
        session.stream.emit("anomalies.skipped", f"not looked at: {error.message}", level="debug")
        return ()


def _usual(session: Session, unique_id: str, now: str) -> tuple[RelationProfile, ...]:
    """What a source held before: after good builds, or what it held in the last builds that were
    told of and not mended: what stays so for three builds is the new usual."""
    known = [one for one in profiles(session.store, unique_id, 8) if one.invocation_id != now]
    good = last_good_profile(session.store, unique_id)
    later = [one for one in known if good is None or one.at > good.at]
    if len(later) >= _SEEN_OFTEN or good is None:
        return tuple(later)
    return tuple(one for one in known if one.at <= good.at)
