"""One incident, one engine, one loop: from a signal to a finding and a proposal.

Nothing here leaves the process but reads, journal entries and the engine's own requests.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from agentic.config import project_variables
from agentic.exceptions import StoreError
from agentic.guardrails import EFFECT, Situation, decide, judge_proposal
from agentic.integrations import Notice
from agentic.records import (
    CompiledAgent,
    Decision,
    Edit,
    Incident,
    Proposal,
    ToolCall,
    ToolSpec,
    Usage,
    content_hash,
    dump,
)
from agentic.rules import Case, diagnose
from agentic.runtime.boundary import Boundary
from agentic.runtime.brief import brief, instructions
from agentic.runtime.budget import Budget, deadline_of, seconds_between
from agentic.runtime.clock import overdue_note
from agentic.runtime.effects import Effects, offered
from agentic.runtime.engines import Engine, Task, choose_engine, is_auto, open_engine
from agentic.runtime.loop import Loop, LoopEnd
from agentic.runtime.places import Places
from agentic.runtime.session import Session
from agentic.runtime.specialists import Team
from agentic.runtime.telling import tell_one
from agentic.runtime.written_plans import keep_plan
from agentic.store import Approvals, Ask, Journal, new_run_id
from agentic.tools import Bench, Report, offered_report, registry
from agentic.tools.own import Hands, bodies_of


@dataclass
class Investigation:
    """What a loop left behind, ready for the checks."""

    run_id: str
    agent: CompiledAgent
    engine: str
    incident: Incident
    started_at: str
    end: LoopEnd
    bench: Bench
    budget: Budget
    journal: Journal
    situation: Situation
    case: Case
    places: Places
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Tool calls with their verdicts, in order."""
    note: str = ""
    """That another engine took over, say."""
    led_by: str = ""
    """The orchestrator whose specialist this is."""

    @property
    def report(self) -> Report | None:
        return self.bench.report

    @property
    def proposal(self) -> Proposal | None:
        return self.bench.proposal()

    @property
    def usage(self) -> Usage:
        return self.budget.usage()


def investigate(
    session: Session, agent: CompiledAgent, incident: Incident, engine: Engine | None = None
) -> Investigation:
    """Start or resume the incident's run and loop until a finding lies on the bench.

    `engine` is one that is open already, in place of the agent's own.

    Raises EngineError when the agent names an engine that cannot be used, StoreError when another
    process is at this incident now, WarehouseLocked when another process holds the warehouse: the
    run is resumed then.
    """
    chosen = choose_engine(agent.engine) if engine is None else engine.name
    run_id, started_at = _start_or_resume(session, agent, incident, chosen)
    journal = Journal(session.store, run_id)
    places = Places(session, run_id)
    situation = Situation(
        session.project,
        session.manifest,
        session.graph,
        session.dialect,
        agent,
        session.compiled.guardrails,
        session.world,
    )
    case = Case(
        incident,
        session.manifest,
        session.graph,
        session.dialect,
        session.project.name,
        tuple(one for one in session.compiled.playbooks if one.agent in ("", agent.name)),
        session.compiled.rule_order,
        agent.limits.tool_calls,
        agent.role,
        agent.limits.nodes_changed,
    )
    bench = _bench(session, incident, places)
    budget = _budget(session, agent, incident, (run_id, started_at))
    budget.free = chosen == "rules"
    found = Investigation(
        run_id,
        agent,
        chosen,
        incident,
        started_at,
        LoopEnd("no_report"),
        bench,
        budget,
        journal,
        situation,
        case,
        places,
    )
    session.stream.emit(
        "run.started",
        f"{agent.name} takes {incident.kind} in {incident.node or 'the project'}",
        run_id=run_id,
        agent=agent.name,
        engine=chosen,
    )
    if budget.started_late:
        found.note = overdue_note(session, budget)
        session.stream.emit("incident.overdue", found.note, level="warn", run_id=run_id)
    own = engine or open_engine(
        chosen, case=case, model=agent.model, time_left_s=budget.time_left_s
    )
    found.end = _loop(session, found, own)
    failed = found.end.reason == "engine_failed" and own.name != "rules"
    if failed and is_auto(agent.engine) and engine is None:
        _fall_back(session, found)
    return found


def _budget(
    session: Session, agent: CompiledAgent, incident: Incident, run: tuple[str, str]
) -> Budget:
    """What the run may spend; `run` is its id and when it started."""
    run_id, started_at = run
    return Budget(
        agent.limits,
        started_at,
        session.clock,
        lambda: session.store.cost_usd_since(started_at[:10], but=run_id),
        lambda cost: session.store.spend(run_id, cost),
        deadline=deadline_of(incident.first_seen_at, session.compiled.guardrails.escalate_after_s),
        waited_s=_waited(session, run_id),
    )


def _fall_back(session: Session, found: Investigation) -> None:
    """`auto` promised a result: the rules take over from a clean bench, within the same budget."""
    fell = f"{found.engine} could not go on ({found.end.sentence}); the rules took over"
    found.note = "; ".join(filter(None, (found.note, fell)))
    session.stream.emit("engine.fallback", fell, level="warn", run_id=found.run_id)
    found.bench.edits.clear()
    found.bench.statements.clear()
    found.engine = "rules"
    found.budget.free = True
    found.end = _loop(session, found, open_engine("rules", case=found.case))


def _loop(session: Session, found: Investigation, engine: Engine, told: str = "") -> LoopEnd:
    """Run the loop; `told` is what a specialist is told in place of the incident's brief."""
    output = session.compiled.output_named(found.agent.output)
    asked = found.incident.kind == "request"
    specs = {
        name: offered_report(spec, output, request=asked)
        for name, spec in registry().items()
        if name in found.agent.tools
    }

    own = session.compiled.own_tools
    specs |= {one.name: one.spec for one in own if one.name in found.agent.tools}
    team = _team(session, found, registry() | {one.name: one.spec for one in own})
    specs |= team.specs() if team is not None else {}

    def judge(call: ToolCall, spec: ToolSpec) -> Decision:
        return decide(call, spec, found.situation)

    def judge_edits(edits: Iterable[Edit]) -> Decision:
        return judge_proposal(edits, found.situation).decision

    boundary = Boundary(
        bench=found.bench,
        specs=specs,
        judge=judge,
        judge_edits=judge_edits,
        journal=found.journal,
        stream=session.stream,
        audit=session.audit,
        actor=f"{_who(found)}/{engine.name}",
        effects=Effects(session, found.run_id, found.incident.fingerprint),
        team=team,
    )
    hands = _own_bodies(session, boundary)
    found.bench.notify = lambda to, title, text: tell_one(
        session, to, Notice(boundary.key, title, (text,), {"run_id": found.run_id})
    )
    found.bench.diagnose = lambda: _ask_the_rules(found.case, boundary)
    found.bench.keep_plan = lambda plan: keep_plan(session, found.run_id, plan)
    task = Task(
        found.agent.name,
        instructions(found.agent, found.incident, session.graph),
        told or brief(found.incident),
        tuple(offered(spec) for spec in specs.values()),
        found.agent.model,
        found.agent.effort,
    )
    found.bench.run_id = found.run_id
    found.bench.output, found.bench.keyless = output, engine.name == "rules"
    loop = Loop(engine, task, boundary, found.budget, found.journal, session.stream)
    try:
        return loop.run()
    finally:
        boundary.close()
        hands.close()
        found.calls = _calls(found.journal)


def _team(session: Session, found: Investigation, tools: dict[str, ToolSpec]) -> Team | None:
    """Who may be handed a task: a specialist itself has nobody."""
    if not found.agent.delegates or found.led_by:
        return None
    return Team(session, found, _loop, tools)


def _calls(journal: Journal) -> list[tuple[str, str]]:
    """Tool calls with their verdicts in order; a specialist's after the call that began it."""
    steps = [step for step in journal.all_steps() if step.kind == "tool"]
    who = {str(step.seq): step.name for step in steps if not step.scope}
    return [
        (f"{who[step.scope]}: {step.name}" if step.scope else step.name, _verdict(step.output))
        for step in steps
    ]


def _who(found: Investigation) -> str:
    return f"{found.led_by}>{found.agent.name}" if found.led_by else found.agent.name


def _own_bodies(session: Session, boundary: Boundary) -> Hands:
    """Gives the boundary the bodies of users' tools; what they opened is closed with the hands."""
    variables = project_variables(session.home.root)
    hands = Hands(variables, session.target.name, lambda: boundary.key, home=session.checkout)
    boundary.bodies = bodies_of(session.own_tools, hands)
    return hands


def _ask_the_rules(case: Case, boundary: Boundary) -> dict[str, Any]:
    """The body of the tool `diagnose`: the rules' questions go through the same boundary."""
    asking = diagnose(case)
    try:
        call = next(asking)
        while True:
            call = asking.send(boundary.nested(replace(call, id=call.id or "rules")))
    except StopIteration as end:
        answer: dict[str, Any] = dump(end.value)
        return answer


def _verdict(output: object) -> str:
    if not isinstance(output, dict):
        return "cut off"
    decision = output.get("decision")
    if isinstance(decision, dict):
        return f"{decision['verdict']} {decision['code']}"
    return "error" if output.get("is_error") else "allow"


def _bench(session: Session, incident: Incident, places: Places) -> Bench:
    return Bench(
        project=session.project,
        manifest=session.manifest,
        graph=session.graph,
        dialect=session.dialect,
        incident=incident,
        connection=places.connection,
        repo=session.repo,
        workspace=None if session.diagnose_only else places.workspace,
        world=session.world,
        guardrails=session.compiled.guardrails,
        history=session.store,
    )


def _start_or_resume(
    session: Session, agent: CompiledAgent, incident: Incident, engine: str
) -> tuple[str, str]:
    """The run's id and when it started; a run that was cut off is resumed if nothing changed."""
    inputs = content_hash(
        [
            session.repo.snapshot(),
            session.compiled.content_hash,
            incident.fingerprint,
            incident.invocation_id,
            agent.name,
            engine,
            session.apply,
            session.diagnose_only,
        ]
    )
    for row in session.store.unfinished(incident.fingerprint):
        if row["host"] == socket.gethostname() and alive(row["pid"]):
            raise StoreError(
                f"run {row['run_id']} (process {row['pid']}) is at this incident now",
                hint="Wait for it, or stop it; `agentic run` then goes on where it stood.",
            )
        if row["inputs_hash"] == inputs:
            session.store.adopt_run(row["run_id"])
            session.stream.emit("run.resumed", f"going on with {row['run_id']}")
            return row["run_id"], row["started_at"]
        session.store.abandon_run(row["run_id"])
    for row in session.store.parked(incident.fingerprint, inputs):
        if _parked_asks(session, row["run_id"]) and session.store.reopen_run(row["run_id"]):
            session.stream.emit("run.resumed", f"going on with {row['run_id']}, which waited")
            return row["run_id"], row["started_at"]
    run_id = new_run_id(session.clock())
    session.store.start_run(
        run_id, incident=incident.fingerprint, inputs_hash=inputs, agent=agent.name
    )
    row = session.store.unfinished(incident.fingerprint)[0]
    return run_id, row["started_at"]


def _parked_asks(session: Session, run_id: str) -> list[Ask]:
    """Asks about effects: only these leave a run half-way; a proposal's run has ended."""
    asks = Approvals(session.store).of_run(run_id)
    return [ask for ask in asks if ask.kind == EFFECT]


def _waited(session: Session, run_id: str) -> float:
    """Seconds for which the run was parked."""
    now = session.clock()
    return sum(
        seconds_between(ask.created_at, ask.used_at or now) for ask in _parked_asks(session, run_id)
    )


def alive(pid: int) -> bool:
    """Whether another process of this machine has this id now."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
