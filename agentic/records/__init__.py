"""Frozen shapes that cross rooms: no behaviour beyond rendering and hashing themselves."""

from agentic.exceptions import Issue
from agentic.records.codes import CodePage, all_pages, page, publish
from agentic.records.compiled import (
    Compiled,
    CompiledAgent,
    CompiledGuardrails,
    CompiledOutput,
    CompiledPlaybook,
    NodeNote,
    PlaybookEdit,
    PlaybookStep,
    Rule,
)
from agentic.records.decision import Decision, Verdict, strictest
from agentic.records.finding import Evidence, Finding, RootCause
from agentic.records.incident import Incident, IncidentKind, Signal
from agentic.records.own_tool import OwnKind, OwnTool
from agentic.records.plan import ESCALATE, CompiledPlan, PlanStep
from agentic.records.proposal import CheckReport, CheckResult, Edit, Outcome, Proposal
from agentic.records.run import (
    DecisionKind,
    Limits,
    RunResult,
    RunStatus,
    Usage,
    exit_code,
    public_run,
)
from agentic.records.serial import content_hash, dump, dumps, load, loads
from agentic.records.tool import Effect, ToolCall, ToolResult, ToolSpec
from agentic.records.turn import StopReason, Turn
from agentic.records.wording import sentence_start

__all__ = [
    "ESCALATE",
    "CheckReport",
    "CheckResult",
    "CodePage",
    "Compiled",
    "CompiledAgent",
    "CompiledGuardrails",
    "CompiledOutput",
    "CompiledPlan",
    "CompiledPlaybook",
    "Decision",
    "DecisionKind",
    "Edit",
    "Effect",
    "Evidence",
    "Finding",
    "Incident",
    "IncidentKind",
    "Issue",
    "Limits",
    "NodeNote",
    "Outcome",
    "OwnKind",
    "OwnTool",
    "PlanStep",
    "PlaybookEdit",
    "PlaybookStep",
    "Proposal",
    "RootCause",
    "Rule",
    "RunResult",
    "RunStatus",
    "Signal",
    "StopReason",
    "ToolCall",
    "ToolResult",
    "ToolSpec",
    "Turn",
    "Usage",
    "Verdict",
    "all_pages",
    "content_hash",
    "dump",
    "dumps",
    "exit_code",
    "load",
    "loads",
    "page",
    "public_run",
    "publish",
    "sentence_start",
    "strictest",
]
