"""An orchestrator with specialists on a bench without a project: real loops, journals and budgets.

Engines are scripted by agent, or the real one against a server; tools are functions of the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from agentic.events import Stream
from agentic.guardrails import Situation
from agentic.records import (
    CompiledAgent,
    CompiledGuardrails,
    Decision,
    Incident,
    Limits,
    ToolCall,
    ToolSpec,
    Turn,
    Usage,
)
from agentic.rules import Case
from agentic.runtime.boundary import Boundary
from agentic.runtime.budget import Budget
from agentic.runtime.engines import Engine, ScriptedEngine, Task
from agentic.runtime.engines.scripted import Step
from agentic.runtime.investigate import Investigation
from agentic.runtime.loop import Loop, LoopEnd
from agentic.runtime.session import Session
from agentic.runtime.specialists import Team
from agentic.store import AuditTrail, Journal, Store
from agentic.tools import Bench, registry

NOTHING = cast(Any, None)
FINE = Decision("allow", "AG000", "fine")
INPUT = {
    "type": "object",
    "properties": {"of": {"type": "string"}},
    "required": ["of"],
    "additionalProperties": False,
}
_LOOK = ToolSpec("look", "Look.", INPUT, "read", "context")
Body = Callable[..., dict[str, Any]]


def clock() -> str:
    return "2026-01-01T00:00:00+00:00"


def uses(*calls: tuple[str, dict[str, Any]], number: int = 0, **usage: int) -> Turn:
    """A turn of calls; ids are made of the number."""
    made = tuple(ToolCall(f"c{number}-{n}", name, given) for n, (name, given) in enumerate(calls))
    return Turn("tool_use", made, usage=Usage(**usage))


def reports(decision: str = "no_change", number: int = 99) -> Turn:
    """The turn that ends a request."""
    return uses(("submit_report", report_input(decision)), number=number)


def report_input(decision: str = "no_change", **cause: Any) -> dict[str, Any]:
    report = {
        "what_happened": "it broke",
        "impacted_assets": [],
        "severity": "low",
        "root_cause": None,
        "confidence": 0.5,
        "evidence": [{"text": "seen", "citations": [{"kind": "run", "ref": "f"}]}],
        "steps_to_fix": [],
        "steps_to_prevent": [],
    }
    return {"decision": decision, "title": "done", "report": report, **cause}


class Crew:
    """`crew.run()` runs the orchestrator `lead`; made anew on the same store it is a restart."""

    def __init__(
        self,
        store: Store,
        *,
        engines: Mapping[str, Sequence[Step] | Engine] | None = None,
        specialists: Sequence[str] = ("data", "code"),
        bodies: Mapping[str, Body] | None = None,
        limits: Limits | None = None,
        tools: Sequence[str] = ("submit_report",),
        effects: Mapping[str, Any] | None = None,
        judge_edits: Callable[[Any], Decision] = lambda _: FINE,
    ) -> None:
        self.engines = engines or {}
        self.bodies = dict(bodies or {})
        self.judge_edits = judge_edits
        own = {
            name: ToolSpec(name, name, INPUT, (effects or {}).get(name, "read"), "context")
            for name in self.bodies
        }
        names = (*tools, *own)
        self.specs = {**{name: registry()[name] for name in tools}, **own}
        incident = Incident("f", "request", "", "", "f", request="do it")
        agents = tuple(
            CompiledAgent(
                name, engine="rules" if name in self.engines else "anthropic", tools=names
            )
            for name in specialists
        )
        lead = CompiledAgent("lead", tools=names, delegates=tuple(specialists))
        self.session = cast(
            Session,
            SimpleNamespace(
                compiled=SimpleNamespace(agents=(lead, *agents)),
                stream=Stream(clock),
                clock=clock,
                store=store,
                role=lambda _name: None,
            ),
        )
        self.audit = AuditTrail(store, Path(str(store.engine.url.database)).with_name("a.head"))
        self.found = Investigation(
            run_id="r1",
            agent=lead,
            engine="scripted",
            incident=incident,
            started_at=clock(),
            end=LoopEnd("no_report"),
            bench=_bench(incident),
            budget=Budget(limits or Limits(), clock(), clock),
            journal=Journal(store, "r1"),
            situation=Situation(
                NOTHING, NOTHING, NOTHING, "duckdb", lead, CompiledGuardrails(), NOTHING
            ),
            case=Case(incident, NOTHING, NOTHING, "duckdb", "shop"),
            places=NOTHING,
        )
        self.loops: dict[str, list[Loop]] = {}

    @staticmethod
    def task(name: str) -> Task:
        """What an agent is told that has one tool."""
        return Task(name, f"You are {name}.", "<incident>it</incident>", (_LOOK,))

    def run(self) -> LoopEnd:
        return self._run(self.session, self.found, NOTHING, "")

    @property
    def lead(self) -> Loop:
        return self.loops["lead"][0]

    def _run(self, session: Session, found: Investigation, engine: Engine, told: str) -> LoopEnd:
        name = found.agent.name
        team = None if found.led_by else Team(session, found, self._run, self.specs)
        specs = self.specs | (team.specs() if team else {})
        boundary = Boundary(
            bench=found.bench,
            specs=specs,
            judge=lambda _call, _spec: FINE,
            judge_edits=self.judge_edits,
            journal=found.journal,
            stream=session.stream,
            audit=self.audit,
            actor=name,
            team=team,
        )
        boundary.bodies = self.bodies
        played = self.engines.get(name, engine)
        if isinstance(played, Sequence):
            played = ScriptedEngine(played)
        task = Task(name, f"You are {name}.", told or "<incident>it</incident>", (*specs.values(),))
        loop = Loop(played, task, boundary, found.budget, found.journal, session.stream)
        self.loops.setdefault(name, []).append(loop)
        try:
            return loop.run()
        finally:
            boundary.close()


def _bench(incident: Incident) -> Bench:
    empty = SimpleNamespace(all={}, macros={}, disabled={}, nodes={}, owner_of=lambda uid: "")
    return Bench(NOTHING, cast(Any, empty), NOTHING, "duckdb", incident, NOTHING)
