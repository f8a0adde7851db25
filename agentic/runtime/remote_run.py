"""A run whose engine is a client outside: opened with its first call, ended by its report."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from agentic.exceptions import AgenticError
from agentic.records import Incident, RunResult, ToolCall, ToolResult
from agentic.runtime.conclude import conclude
from agentic.runtime.engines.remote import RemoteEngine
from agentic.runtime.investigate import Investigation, investigate
from agentic.runtime.session import Session

Opener = Callable[[], tuple[Session, tuple[Incident, ...]]]


class RemoteRun:
    """One run on a thread of its own, since a warehouse connection stays on its thread."""

    def __init__(self, opener: Opener, agent: str, incident: Incident, *, client: str) -> None:
        self.engine = RemoteEngine(client)
        self.result: RunResult | None = None
        """Set when a report was submitted and the run was concluded."""
        self.why = ""
        """Why the run ended without a report."""
        self._failure: AgenticError | None = None
        self._opener, self._agent, self._incident = opener, agent, incident
        self._thread = threading.Thread(target=self._run, name="agentic-remote-run", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def call(self, call: ToolCall) -> ToolResult | None:
        """Do one call through the boundary. None when the run ended: see `result` and `why`.

        Raises AgenticError when the run could not begin or broke.
        """
        answer = self.engine.ask(call)
        if answer is None:
            self._thread.join()
            if self._failure is not None:
                raise self._failure
        return answer

    def close(self) -> None:
        """Let the client go: nothing is proposed, the run is abandoned."""
        if not self.over:
            self.engine.leave()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except AgenticError as error:
            self._failure = error
        finally:
            self.engine.ended()

    def _work(self) -> None:
        session, _ = self._opener()
        agent = session.agent_for(self._incident, self._agent)
        if agent is None:
            raise AgenticError(f"there is no agent {self._agent!r}")
        found = investigate(session, agent, self._incident, engine=self.engine)
        if found.report is not None:
            self.result = conclude(session, found)
            return
        self._abandon(session, found)

    def _abandon(self, session: Session, found: Investigation) -> None:
        self.why = found.end.sentence or found.end.reason
        session.store.abandon_run(found.run_id)
        found.places.close()


def request(client: str, run_of: str) -> Incident:
    """The incident of a client that works without one. `run_of` makes it the client's own."""
    words = f"The MCP client {client} works on this project."
    return Incident(run_of, "request", "", "", fingerprint=run_of, request=words)


def public_incident(incident: Incident) -> dict[str, Any]:
    """What a client sees of an open incident, in a few words."""
    return {
        "fingerprint": incident.fingerprint,
        "kind": incident.kind,
        "node": incident.node,
        "message": incident.message[:400],
        "failed": len(incident.signals),
        "skipped": len(incident.skipped),
    }
