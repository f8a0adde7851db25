"""A plan's run as a person and as a program reads it."""

from __future__ import annotations

from typing import Any

import click

from agentic.cli.output import plain
from agentic.records import RunResult, public_run

_MARKS = {
    "done": ("done", "green"),
    "failed": ("failed", "red"),
    "waits": ("waits for a person", "yellow"),
}


def public_plan_run(result: RunResult) -> dict[str, Any]:
    """The object of any run, and besides it the plan, its steps and what waits."""
    more = {name: result.extra.get(name) for name in ("plan", "steps", "approval")}
    return {**public_run(result), "commit": result.commit, **more}


def plan_text(result: RunResult) -> str:
    """The steps with what they changed, how it ended, and what to do next."""
    lines = [click.style(f"plan {result.agent}", bold=True)]
    if result.incident.request:
        lines.append(f"  {plain(result.incident.request)}")
    for step in result.extra.get("steps", ()):
        lines += _step(step)
    lines += ["", *_next(result), "", f"Done. PLAN={result.status.upper()}"]
    return "\n".join(lines)


def _step(step: dict[str, Any]) -> list[str]:
    word, colour = _MARKS[step["status"]]
    review = step["review"]
    if review is not None:
        answer = "approved" if review["said"] == "yes" else "sent back"
        word = f"{word}, {answer} by {review['by']}"
    again = f" (start {step['attempt']})" if step["attempt"] > 1 else ""
    title = plain(step["title"])
    lines = [f"  {step['step']}{again}  {click.style(word, fg=colour)}  {title}".rstrip()]
    lines += [f"      {plain(file)}" for file in step["files"]]
    if step["checks"]:
        shown = (f"{code} {result.replace('_', ' ')}" for code, result in step["checks"].items())
        lines.append(f"      {', '.join(shown)}")
    if step["status"] == "failed":
        lines.append(f"      {plain(step['reason'])}")
    return lines


def _next(result: RunResult) -> list[str]:
    bold = click.style("Next        ", bold=True)
    lines = []
    if result.status == "awaiting_approval":
        lines.append(f"{bold}{plain(result.reason)}")
        lines.append("            then the same `agentic run` goes on")
    elif result.branch:
        lines.append(f"{bold}review the branch {result.branch}")
        lines.append(f"            git log -p {result.branch}")
        if result.pull_request:
            lines.append(f"            pull request: {result.pull_request}")
    if result.status != "awaiting_approval":
        lines.append(f"            {plain(result.reason)}")
    elif result.branch:
        lines.append(f"            accepted so far: {result.branch}")
    lines.append(f"            agentic show {result.run_id}")
    return lines
