"""A run's result as a person reads it on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import click

from agentic.cli.graphs import plan_lines
from agentic.cli.output import plain
from agentic.cli.reported import report_text
from agentic.records import CheckReport, CompiledPlan, Finding, Proposal, RunResult, dump, load
from agentic.review import label, patch_of

_COLOUR = {"pass": "green", "warn": "yellow", "fail": "red", "not_compared": "yellow"}
SAMPLES = 5


def run_text(run: RunResult, *, applied: bool) -> str:
    """What broke, why, the change, the checks, and what to do next."""
    run = load(RunResult, _plain(dump(run)))
    blocks = [_head(run)]
    if run.finding is not None:
        blocks.append(_finding(run.finding))
    if reported := report_text(run):
        blocks.append(reported)
    if run.proposal is not None:
        blocks.append(_diff(run.proposal, run.proposal.rationale if run.finding is None else ""))
    if run.report is not None:
        blocks.append(_checks(run.report))
    if run.extra.get("written_plan"):
        blocks.append(_written(run))
    blocks.append(_next(run, applied=applied))
    return "\n\n".join(blocks) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _head(run: RunResult) -> str:
    incident = run.incident
    title = click.style(f"{incident.kind.replace('_', ' ')} in {label(incident.node)}", bold=True)
    if incident.kind == "request" and not incident.node:
        title = click.style("request", bold=True)
    first = (incident.request or incident.message).strip().splitlines()
    lines = [title, *(f"  {line}" for line in first[:4])]
    if incident.skipped:
        lines.append(f"  {len(incident.skipped)} nodes were skipped because of it")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    cause = finding.root_cause
    column = f".{cause.column}" if cause.column else ""
    lines = [
        click.style("Root cause  ", bold=True)
        + f"{label(cause.node)}{column}  {finding.cls} {finding.code}, "
        f"confidence {finding.confidence:.2f}",
        f"  {finding.summary}",
    ]
    if len(finding.lineage) > 1:
        lines.append("  " + " → ".join(label(node) for node in finding.lineage))
    for fact in finding.evidence:
        where = f"  ({fact.where})" if fact.where else ""
        lines.append(f"  · {fact.text}{where}")
        lines += [f"      {_row(row)}" for row in fact.rows[:SAMPLES]]
    if finding.owner:
        lines.append(f"  owner: {finding.owner}")
    return "\n".join(lines)


def _row(row: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _diff(proposal: Proposal, why: str = "") -> str:
    lines = [click.style("Change      ", bold=True) + proposal.title]
    lines += textwrap.wrap(why, 96, initial_indent="  ", subsequent_indent="  ")
    for line in patch_of(proposal).splitlines():
        if line.startswith("diff --git"):
            continue
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        lines.append("  " + (click.style(line, fg=colour) if colour else line))
    return "\n".join(lines)


def _checks(report: CheckReport) -> str:
    width = max(len(result.name) for result in report.results)
    lines = [click.style("Checks", bold=True)]
    for result in report.results:
        outcome = result.result.replace("_", " ")
        colour = _COLOUR[result.result]
        lines.append(
            f"  {result.code}  {result.name:<{width}}  "
            f"{click.style(f'{outcome:<12}', fg=colour)}  {result.detail}"
        )
    return "\n".join(lines)


def _written(run: RunResult) -> str:
    """A plan that the engine wrote: nothing of it is done."""
    drawn = "\n".join(plan_lines(load(CompiledPlan, run.extra["written_plan"])))
    return f"{drawn}\n  agentic run --plan {run.run_id}   asks a person, then runs it"


def _next(run: RunResult, *, applied: bool) -> str:
    bold = click.style("Next        ", bold=True)
    lines = []
    if run.branch:
        state = "draft" if run.draft else "ready for review"
        lines.append(f"{bold}review the branch {run.branch} ({state})")
        lines.append(f"            git show {run.branch}")
        if run.pull_request:
            lines.append(f"            pull request: {run.pull_request}")
    elif run.decision == "fix" and run.status in ("success", "awaiting_approval"):
        opened = "a draft" if run.draft else "the branch and the pull request"
        same = "the same with --apply" if run.incident.kind == "request" else "agentic run --apply"
        again = "" if applied else f"  {same}   opens {opened}"
        lines.append(f"{bold}nothing left this machine.{again}")
    elif run.finding is not None and run.finding.next_step:
        lines.append(f"{bold}{run.finding.next_step}")
    if run.reason and run.reason not in "".join(lines):
        lines.append(f"            {run.reason}")
    if told := run.extra.get("told"):
        names = f"told {', '.join(told)}" if isinstance(told, list) else told
        lines.append(f"            {names}")
    waiting = run.status == "awaiting_approval"
    for ask in run.extra.get("asks", ()) if waiting else ():
        lines.append(f"            needs approval: {ask}")
    if run.status == "awaiting_approval" and run.extra.get("approval"):
        lines.append(f"            agentic approve {run.run_id}   shows it and takes the answer")
    lines.append(f"            agentic show {run.run_id}")
    return "\n".join(lines)


def summary_line(runs: Sequence[RunResult]) -> str:
    """`Done. RUNS=2 FIX=1 ESCALATE=1`, in the form of dbt's last line."""
    counts: dict[str, int] = {}
    for run in runs:
        waiting = run.status == "awaiting_approval"
        name = "WAITING" if waiting else (run.decision or run.status).upper()
        counts[name] = counts.get(name, 0) + 1
    words = " ".join(f"{name}={count}" for name, count in sorted(counts.items()))
    return f"Done. RUNS={len(runs)} {words}".rstrip()
