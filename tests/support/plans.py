"""Runs plans in this process, as `agentic run` does, and answers what they ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentic.cli.asking import compiled_now
from agentic.guardrails import Desk, Person
from agentic.records import RunResult
from agentic.runtime import Session, open_session, plan_named, read_plan, run_plan
from agentic.store import Ask

TESS = Person("local:tess", "unsigned")


def call(tool: str, /, **given: Any) -> dict[str, Any]:
    """One tool call of a script."""
    return {"name": tool, "input": given}


def turn(*calls: dict[str, Any]) -> dict[str, Any]:
    """One turn of a script."""
    return {"calls": list(calls)}


def report(title: str, decision: str = "fix", **more: Any) -> dict[str, Any]:
    """The last turn of a script."""
    return turn(call("submit_report", decision=decision, title=title, **more))


@dataclass
class Desktop:
    """One project, and the person in front of it."""

    root: Path
    profiles: Path
    script: Path
    opened: Session | None = None

    def plays(
        self,
        monkeypatch: pytest.MonkeyPatch,
        turns: Mapping[str, Sequence[dict[str, Any]]],
        *,
        dbt: Path | None = None,
    ) -> None:
        """The scripted engine plays these turns, by words of the task."""
        self.script.write_text(json.dumps(turns), encoding="utf-8")
        monkeypatch.setenv("AGENTIC_ENGINE", "scripted")
        monkeypatch.setenv("AGENTIC_SCRIPT", str(self.script))
        if dbt is not None:
            monkeypatch.setenv("AGENTIC_DBT", str(dbt))

    def session(self) -> Session:
        """One session for all commands: what it holds of the checkout does not change here."""
        if self.opened is None:
            self.opened, _ = open_session(
                self.root,
                profiles_dir=self.profiles,
                target=None,
                apply=False,
                diagnose_only=False,
                asked=True,
            )
        return self.opened

    def run(self, name: str, request: str = "") -> RunResult:
        """`agentic run NAME`."""
        session = self.session()
        plan = plan_named(session, name)
        assert plan is not None
        return run_plan(session, plan, request)

    def run_written(self, name: str) -> RunResult:
        """`agentic run --plan NAME`."""
        session = self.session()
        return run_plan(session, read_plan(session, name), written=True)

    def desk(self) -> Desk:
        session = self.session()
        return Desk.of(session.store, session.audit)

    def approve(self, result: RunResult) -> Ask:
        """What `agentic approve` does with a person's yes."""
        desk = self.desk()
        ask = desk.approvals.find(str(result.extra["approval"]))
        project = self.session().project
        desk.examine(ask, lambda: compiled_now(project, ask))
        return desk.approve(ask, token=desk.approvals.issue_token(ask), person=TESS)

    def reject(self, result: RunResult, reason: str) -> Ask:
        desk = self.desk()
        ask = desk.approvals.find(str(result.extra["approval"]))
        return desk.reject(ask, person=TESS, reason=reason)


def steps(result: RunResult) -> list[tuple[str, str]]:
    """Each start of a step and how it ended."""
    return [(one["step"], one["status"]) for one in result.extra["steps"]]
