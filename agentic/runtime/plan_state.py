"""A run of a plan: what it holds as far as it came, and how an earlier one is found again."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from agentic.exceptions import StoreError
from agentic.guardrails import Desk
from agentic.masking import mask_text
from agentic.records import CompiledPlan, Edit, Incident, Usage, content_hash, dump
from agentic.runtime.investigate import alive
from agentic.runtime.plan_reviews import Answer
from agentic.runtime.plan_steps import Outcome
from agentic.runtime.session import Session
from agentic.store import Journal, new_run_id


@dataclass
class PlanRun:
    """One run of a plan, as far as it came."""

    session: Session
    plan: CompiledPlan
    request: str
    incident: Incident
    run_id: str
    started_at: str
    journal: Journal
    written: bool = False
    """Not from agents.yml: it acts only after a person approved the plan itself."""
    base: str = ""
    tip: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    """By number of the outcome they are about."""
    unseen: list[Edit] = field(default_factory=list)
    """Accepted, and looked at by nobody yet."""
    stacked: list[Edit] = field(default_factory=list)
    """Everything accepted, whole files, over the base."""

    @property
    def branch(self) -> str:
        """The run's own local branch."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.plan.name.lower()).strip("-")[:40]
        return f"agentic/plan-{slug}-{content_hash(self.run_id)[:10]}"

    @property
    def spent(self) -> Usage:
        total = Usage()
        for outcome in self.outcomes:
            total = total + outcome.usage
        return total


def merged(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits after one another as one edit a file: as it first was, as it is at last."""
    files: dict[str, Edit] = {}
    for edit in edits:
        first = files.get(edit.path, edit)
        files[edit.path] = replace(edit, before=first.before)
    return tuple(files.values())


def start_or_resume(
    session: Session, plan: CompiledPlan, request: str, *, written: bool = False
) -> PlanRun:
    """The run that goes on, or a new one. Raises StoreError when another process is at it."""
    words = " ".join(request.split())
    name = content_hash(["plan", plan.name, words, written])[:16]
    text = mask_text(request.strip() or plan.description)
    incident = Incident(
        name, "request", "", "", fingerprint=name, target=session.target.name, request=text
    )
    inputs = content_hash([dump(plan), words, session.compiled.content_hash, session.target.name])
    run_id, started_at = _row(session, plan, incident, inputs)
    journal = Journal(session.store, run_id)
    return PlanRun(session, plan, text, incident, run_id, started_at, journal, written)


def _row(session: Session, plan: CompiledPlan, incident: Incident, inputs: str) -> tuple[str, str]:
    store = session.store
    for row in store.unfinished(incident.fingerprint):
        if row["host"] == socket.gethostname() and row["pid"] != os.getpid() and alive(row["pid"]):
            raise StoreError(
                f"run {row['run_id']} (process {row['pid']}) is at this plan now",
                hint="Wait for it, or stop it; `agentic run` then goes on where it stood.",
            )
        if row["inputs_hash"] == inputs:
            store.adopt_run(row["run_id"])
            session.stream.emit("run.resumed", f"going on with {row['run_id']}")
            return row["run_id"], row["started_at"]
        store.abandon_run(row["run_id"])
    for row in store.parked(incident.fingerprint, inputs):
        if store.reopen_run(row["run_id"]):
            session.stream.emit("run.resumed", f"going on with {row['run_id']}, which waited")
            return row["run_id"], row["started_at"]
    # None of the earlier runs goes on: what they asked would be answered for nothing.
    desk = Desk.of(store, session.audit)
    desk.close(store.runs_of([incident.fingerprint]), "the plan was begun anew")
    run_id = new_run_id(session.clock())
    store.start_run(run_id, incident=incident.fingerprint, inputs_hash=inputs, agent=plan.name)
    return run_id, store.unfinished(incident.fingerprint)[0]["started_at"]


def public_steps(run: PlanRun, *, waits: bool = False) -> list[dict[str, Any]]:
    """The plan's steps as `--output json` prints them, in the order they were done."""
    shown = []
    last = len(run.outcomes) - 1
    for number, one in enumerate(run.outcomes):
        answer = run.answers.get(number)
        shown.append(
            {
                "step": one.step,
                "attempt": one.attempt,
                "run_id": one.run_id,
                "status": "waits" if waits and number == last else one.ended,
                "title": one.title,
                "files": [edit.path for edit in one.edits],
                "checks": {check.code: check.result for check in one.checks},
                "review": None if answer is None else dump(answer),
                "reason": one.reason,
            }
        )
    return shown
