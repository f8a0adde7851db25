"""Tools that end a run: what was found, and what should be done about it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agentic.masking import mask_json
from agentic.outputs import INCIDENT_REPORT
from agentic.records import DecisionKind, Evidence, Finding, RootCause, dump
from agentic.tools.bench import Bench, Report
from agentic.tools.making import evidence_of, made_report, may_be_made
from agentic.tools.nodes import find_node
from agentic.tools.registry import ToolError, tool
from agentic.tools.reporting import check_report, output_of


class FindingInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an engine says of the cause; lineage, owner and impact are filled in if left out."""

    cls: Annotated[str, Meta(description="fault class, such as src_column_renamed")]
    root_cause: RootCause
    confidence: Annotated[float, Meta(ge=0, le=1)]
    summary: Annotated[str, Meta(description="one sentence", min_length=1, max_length=600)]
    code: str = "AR000"
    evidence: Annotated[list[Evidence], Meta(max_length=30)] = []
    lineage: list[str] = []
    owner: str = ""
    affected: list[str] = []
    next_step: str = ""


@tool(toolset="report", effect="read", timeout_s=300.0)
def diagnose(bench: Bench) -> dict[str, Any]:
    """Run the deterministic rules over the incident: the root cause they find, with evidence.

    Nothing is changed; a fix that the rules know is described, not applied.
    """
    if bench.diagnose is None:
        raise ToolError("the rules are not offered in this run")
    return bench.diagnose()


@tool(toolset="report", effect="read")
def submit_report(  # noqa: PLR0913 -- a tool's parameters are its public schema
    bench: Bench,
    *,
    decision: DecisionKind,
    title: Annotated[str, Meta(description="of the pull request: fix(node): what", max_length=120)],
    finding: FindingInput | None = None,
    report: Annotated[
        dict[str, Any] | None, Meta(description="an object of the agent's output schema")
    ] = None,
    rationale: Annotated[str, Meta(description="why this decision", max_length=4000)] = "",
    next_step: Annotated[str, Meta(description="what a person does next, unless fixed")] = "",
    rename_undone: Annotated[
        tuple[tuple[str, str, str], ...],
        Meta(description="(source unique_id, expected column, observed column) of a rename"),
    ] = (),
) -> dict[str, Any]:
    """Say what was found and decided; this ends the run. `fix` needs edits made before.

    Only a request may end without a finding: nothing broke, so there is no root cause.
    """
    if decision == "fix" and not any(e.before != e.after for e in bench.edits.values()):
        raise ToolError("the decision is fix, but nothing was edited")
    if finding is None and bench.incident.kind != "request":
        raise ToolError("a finding is missing: only a request ends without one", code="AC590")
    stored = None if finding is None else _complete(bench, finding, next_step)
    if stored is not None and not stored.evidence:
        stored = msgspec.structs.replace(stored, evidence=evidence_of(report))
    made = report is None and stored is not None and may_be_made(bench)
    if made and stored is not None:
        step = next_step or stored.next_step
        report = made_report(bench, stored, decision=decision, title=title, next_step=step)
    else:
        check_report(bench, report)
        report = mask_json(report)
    bench.rename_undone = tuple((one[0], one[1], one[2]) for one in rename_undone)
    bench.report = Report(
        finding=stored,
        decision=decision,
        title=title,
        rationale=rationale,
        next_step=next_step or (stored.next_step if stored else ""),
        report=report,
        output=INCIDENT_REPORT if made else output_of(bench).name if report else "",
    )
    return {"stored": True, "decision": decision, "finding": dump(stored), "report": report}


def _owner(bench: Bench, uid: str) -> str:
    """The owner of the cause, else of the nearest node below that has one."""
    below = bench.graph.descendants(uid) if uid in bench.manifest.all else []
    return next((name for one in (uid, *below) if (name := bench.manifest.owner_of(one))), "")


def _complete(bench: Bench, said: FindingInput, next_step: str) -> Finding:
    named = said.root_cause.node
    # A macro, or what is switched off, is no node of the graph and may be the cause all the same.
    known = named and named not in {**bench.manifest.macros, **(bench.manifest.disabled or {})}
    node = find_node(bench, named) if known else None
    uid = node.unique_id if node else said.root_cause.node
    affected, path = tuple(said.affected), tuple(said.lineage)
    if node and not affected:
        below = bench.graph.descendants(uid)
        affected = tuple(u for u in below if not u.startswith(("test.", "unit_test.")))
    if node and not path and bench.incident.node:
        path = tuple(bench.graph.path(uid, bench.incident.node))
    return Finding(
        code=said.code,
        cls=said.cls,
        root_cause=msgspec.structs.replace(said.root_cause, node=uid),
        confidence=said.confidence,
        summary=said.summary,
        evidence=tuple(said.evidence),
        lineage=path,
        # Whom to tell is the project's word: an engine names nobody.
        owner=_owner(bench, uid),
        affected=affected,
        next_step=said.next_step or next_step,
    )
