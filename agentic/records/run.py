"""A run: what it may spend, what it spent, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from agentic.records.finding import Finding
from agentic.records.incident import Incident
from agentic.records.proposal import CheckReport, Proposal

RunStatus = Literal["success", "no_op", "escalated", "awaiting_approval", "error"]
DecisionKind = Literal["fix", "escalate", "wait", "no_change"]


class Limits(msgspec.Struct, frozen=True):
    """What a run may spend or touch; a missing value is the shipped guardrails.yml's."""

    tool_calls: int = 40
    tokens: int = 200_000
    cost_usd: float = 2.0
    cost_usd_per_day: float = 50.0
    duration_s: float = 1800.0
    nodes_changed: int = 5
    nodes_downstream: int = 50
    rows_deleted: int = 0
    backfill_days: int = 7
    backfill_ask_above_bytes: int = 10**12


class Usage(msgspec.Struct, frozen=True):
    """What was spent so far."""

    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    duration_s: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            tool_calls=self.tool_calls + other.tool_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            duration_s=self.duration_s + other.duration_s,
        )


class RunResult(msgspec.Struct, frozen=True):
    """The case file's head; `agentic run --output json` is made from it."""

    run_id: str
    agent: str
    engine: str
    incident: Incident
    status: RunStatus
    decision: DecisionKind | None = None
    finding: Finding | None = None
    proposal: Proposal | None = None
    report: CheckReport | None = None
    branch: str | None = None
    commit: str | None = None
    pull_request: str | None = None
    """URL on a git host, or the path of the rendered body where there is no host."""
    draft: bool = False
    reason: str = ""
    """Why the run ended as it did, one sentence."""
    usage: Usage = Usage()
    started_at: str = ""
    ended_at: str = ""
    extra: dict[str, Any] = {}
    output: str = ""
    """Name of the schema of `output_report`."""
    output_report: dict[str, Any] | None = None
    """What the agent reported, an object of its output schema; None where it reported nothing."""


def public_run(run: RunResult) -> dict[str, Any]:
    """The object that `agentic run --output json` prints: a public contract (docs/cli.md)."""
    finding, proposal = run.finding, run.proposal
    return {
        "run_id": run.run_id,
        "incident": {
            "kind": run.incident.kind,
            "node": run.incident.node,
            "fingerprint": run.incident.fingerprint,
        },
        "status": run.status,
        "finding": None if finding is None else _public_finding(finding),
        "decision": run.decision,
        "proposal": None
        if proposal is None
        else {
            "title": proposal.title,
            "files": [edit.path for edit in proposal.edits],
            "draft": run.draft,
        },
        "checks": [
            {"code": check.code, "result": check.result, "detail": check.detail}
            for check in (run.report.results if run.report else ())
        ],
        "branch": run.branch,
        "pull_request": run.pull_request,
        "usage": msgspec.to_builtins(run.usage),
        "agent": run.agent,
        "engine": run.engine,
        "reason": run.reason,
        "output": run.output,
        "report": run.output_report,
    }


def _public_finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "class": finding.cls,
        "root_cause": msgspec.to_builtins(finding.root_cause),
        "confidence": finding.confidence,
        "summary": finding.summary,
        "evidence": msgspec.to_builtins(finding.evidence),
        "lineage": list(finding.lineage),
        "owner": finding.owner,
        "affected": list(finding.affected),
        "next_step": finding.next_step,
    }


def exit_code(runs: Sequence[RunResult]) -> int:
    """0: nothing is left to do; 1: something is left for a person; 2: a run failed. The highest."""
    return max((_exit_code(run) for run in runs), default=0)


def _exit_code(run: RunResult) -> int:
    if run.status == "error":
        return 2
    return 0 if run.status == "no_op" or run.decision == "no_change" else 1
