"""One client's desk: which tools it has, and a run at a time behind them.

Protocol-free, so that the same desk serves stdio, HTTP and the tests.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from agentic.exceptions import AgenticError
from agentic.masking import mask_json, mask_text
from agentic.records import Incident, RunResult, ToolCall, ToolSpec, public_run
from agentic.runtime.effects import offered
from agentic.runtime.remote_run import Opener, RemoteRun, public_incident, request
from agentic.tools import offered_report, registry

_NO_INPUT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
INCIDENTS = ToolSpec(
    "list_incidents",
    "What the last dbt build left open: failed nodes and tests grouped by where they began.",
    _NO_INPUT,
    "read",
    "desk",
)
TAKE = ToolSpec(
    "take_incident",
    "Begin a run on one open incident; edits and notes of the run before it are dropped.",
    {
        "type": "object",
        "properties": {"fingerprint": {"type": "string", "description": "of list_incidents"}},
        "required": ["fingerprint"],
        "additionalProperties": False,
    },
    "read",
    "desk",
)


class Answer(msgspec.Struct, frozen=True):
    """What a client gets for one call; masked and capped by the boundary."""

    content: Any
    is_error: bool = False


class Desk:
    """Calls of one client, one after another. `opener` opens a session as `agentic run` does."""

    def __init__(self, opener: Opener, *, agent: str = "", client: str = "mcp") -> None:
        self.client = client
        self._opener = opener
        self._agent = agent
        self._run: RemoteRun | None = None
        self._calls = 0
        self._one_at_a_time = threading.Lock()

    def tools(self) -> list[ToolSpec]:
        """The agent's tools and the desk's own two.

        Raises AgenticError when the project cannot be opened or there is no such agent.
        """
        session, _ = self._opener()
        names = [agent.name for agent in session.compiled.agents]
        self._agent = self._agent or names[0]
        for agent in session.compiled.agents:
            if agent.name == self._agent:
                known = registry() | {one.name: one.spec for one in session.compiled.own_tools}
                output = session.compiled.output_named(agent.output)
                listed = [
                    offered(offered_report(known[name], output, request=True, client=True))
                    for name in agent.tools
                    if name in known
                ]
                return [INCIDENTS, TAKE, *listed]
        raise AgenticError(f"there is no agent {self._agent!r}", hint=f"Agents: {names}.")

    def call(self, name: str, given: Mapping[str, Any]) -> Answer:
        """Do one call. A user's or a client's mistake is an answer, never an exception."""
        with self._one_at_a_time:
            try:
                return self._call(name, dict(given))
            except AgenticError as error:
                said = {"error": error.message, "hint": error.hint, "code": error.code}
                return Answer(mask_json(said), is_error=True)

    def close(self) -> None:
        """The client is gone."""
        if self._run is not None:
            self._run.close()

    def _call(self, name: str, given: dict[str, Any]) -> Answer:
        if name == INCIDENTS.name:
            return Answer({"incidents": [public_incident(one) for one in self._incidents()]})
        if name == TAKE.name:
            return self._take(str(given.get("fingerprint", "")))
        run = self._running()
        self._calls += 1
        answer = run.call(ToolCall(f"{self.client}-{self._calls}", name, given))
        if answer is not None:
            return Answer(answer.content, answer.is_error)
        self._run = None
        if run.result is not None:
            return Answer(_public(run.result), is_error=run.result.status == "error")
        why = f"The run ended: {mask_text(run.why)}. Your next call begins a new one."
        return Answer({"run_ended": why}, is_error=True)

    def _take(self, fingerprint: str) -> Answer:
        for incident in self._incidents():
            if incident.fingerprint == fingerprint:
                self._begin(incident)
                return Answer({"taken": public_incident(incident)})
        return Answer({"error": f"no open incident has the fingerprint {fingerprint!r}"}, True)

    def _incidents(self) -> tuple[Incident, ...]:
        _, incidents = self._opener()
        return incidents

    def _running(self) -> RemoteRun:
        if self._run is None or self._run.over:
            self._begin(request(self.client, f"request-{uuid.uuid4().hex[:12]}"))
        assert self._run is not None
        return self._run

    def _begin(self, incident: Incident) -> None:
        self.close()
        self._run = RemoteRun(self._opener, self._agent, incident, client=self.client)


def _public(result: RunResult) -> dict[str, Any]:
    """The run as `agentic run --output json` prints it."""
    public: dict[str, Any] = public_run(result)
    return public
