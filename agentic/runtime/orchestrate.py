"""All open incidents of a command: investigate each, then one run and one change a root cause."""

from __future__ import annotations

from collections.abc import Sequence

from agentic.checks import Companion
from agentic.exceptions import ConfigError, Issue
from agentic.guardrails import Desk
from agentic.records import CodePage, CompiledAgent, Incident, RunResult, publish
from agentic.runtime.conclude import companion_of, conclude, merged
from agentic.runtime.investigate import Investigation, investigate
from agentic.runtime.session import Session
from agentic.runtime.shielding import shielded
from agentic.store import new_run_id

publish(
    CodePage(
        "AC503",
        "no-such-agent",
        "`agentic run` was given the name of an agent that the files do not declare.",
        fix="`agentic ls` lists the agents; names are written as in agents.yml.",
    )
)

_UNBUILT = ("parse_error", "compile_error")


def handle(
    session: Session, incidents: Sequence[Incident], *, agent_name: str | None = None
) -> list[RunResult]:
    """Handle incidents. Raises ConfigError when an agent was named that does not exist."""
    if agent_name is not None:
        agent_named(session, agent_name)
    if not any(incident.kind in _UNBUILT for incident in incidents):
        # What does not parse was not built, so it says nothing of incidents that were open before.
        close_gone(session, {incident.fingerprint for incident in incidents})
    seen = [session.store.see(_shielded(session, incident)) for incident in incidents]
    results: list[RunResult] = []
    found: list[Investigation] = []
    try:
        for incident in seen:
            agent = session.agent_for(incident, agent_name)
            if agent is None:
                results.append(_nobody(session, incident))
                continue
            found.append(investigate(session, agent, incident))
            # Held open it would keep others out of a DuckDB file while the checks build.
            found[-1].places.release_connection()
        groups = _by_root_cause(session, found)
        explained = [_companion(group) for group in groups]
        for at, group in enumerate(groups):
            apart = [one for n, one in enumerate(explained) if one is not None and n != at]
            results.append(_conclude_group(session, group, apart))
    finally:
        for one in found:
            one.places.close()
    return results


def agent_named(session: Session, name: str) -> CompiledAgent:
    """The agent of this name. Raises ConfigError (AC503) when there is none."""
    for agent in session.compiled.agents:
        if agent.name == name:
            return agent
    standard = session.role(name)
    if standard is not None:
        return standard
    known = ", ".join(agent.name for agent in session.compiled.agents)
    message = f"there is no agent {name!r}"
    raise ConfigError([Issue("agents.yml", 1, 1, "AC503", message, f"agents: {known}")])


def close_gone(session: Session, present: set[str]) -> None:
    """Close incidents that are gone, and what was asked about them: a yes would come too late."""
    gone = session.store.close_absent(present)
    if gone:
        desk = Desk.of(session.store, session.audit)
        desk.close(
            session.store.runs_of(gone), "the incident is gone: the last build is without it"
        )


def _shielded(session: Session, incident: Incident) -> Incident:
    return shielded(incident, manifest=session.manifest, graph=session.graph, world=session.world)


def _by_root_cause(session: Session, found: Sequence[Investigation]) -> list[list[Investigation]]:
    """Groups in order of their first incident. What no engine could explain stands alone."""
    groups: dict[str, list[Investigation]] = {}
    for one in found:
        finding = one.report.finding if one.report else None
        key = one.run_id
        if finding is not None and finding.root_cause.node:
            key = finding.fingerprint(session.project.name)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _companion(group: Sequence[Investigation]) -> Companion | None:
    first, *rest = group
    return companion_of(first, merged(first.incident, [one.incident for one in rest]))


def _conclude_group(
    session: Session, group: Sequence[Investigation], apart: Sequence[Companion]
) -> RunResult:
    first, *rest = group
    result = conclude(session, first, [one.incident for one in rest], apart)
    for one in rest:
        session.store.end_run(
            RunResult(
                run_id=one.run_id,
                agent=one.agent.name,
                engine=one.engine,
                incident=one.incident,
                status="no_op",
                reason=f"same root cause as run {first.run_id}",
                started_at=one.started_at,
                ended_at=session.clock(),
                usage=one.usage,
            )
        )
        session.store.link(one.incident, run_id=first.run_id, root_cause=None)
    return result


def _nobody(session: Session, incident: Incident) -> RunResult:
    """No agent's `when` and `select` match: said, not passed over."""
    now = session.clock()
    return RunResult(
        run_id=new_run_id(now),
        agent="",
        engine="",
        incident=incident,
        status="escalated",
        decision="escalate",
        reason=f"no agent in agents.yml handles {incident.kind} of {incident.node}; "
        "add the kind to an agent's `when:` or widen its `select:`",
        started_at=now,
        ended_at=now,
    )
