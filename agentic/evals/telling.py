"""A dbt build and an agentic run, told to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentic.evals.screen import Screen
from agentic.evals.stage import Stage
from agentic.project import DbtOutcome

SHOWN_ERRORS = 4
SHOWN_ROWS = 5
_FAILED = ("error", "fail", "runtime error")


def tell_build(screen: Screen, outcome: DbtOutcome) -> None:
    """dbt's last line, and what failed."""
    messages = [str(event["info"].get("msg") or "").strip() for event in outcome.events]
    done = [text for text in messages if text.startswith("Done.")]
    if not outcome.ok:
        for text in list(dict.fromkeys(map(str.strip, outcome.errors)))[:SHOWN_ERRORS]:
            screen.quoted("\n".join(text.splitlines()[:6]))
    if done:
        screen.said(done[-1], "green" if outcome.ok else "red")


def tell_run(screen: Screen, stage: Stage, run: dict[str, Any]) -> None:
    """Finding, change, checks, branch and pull request of one run."""
    finding = run.get("finding") or {}
    if finding:
        _finding(screen, finding)
    body = _body(stage, run)
    if run.get("branch"):
        screen.heading("The change")
        # Against its parent: below the fix lies the user's uncommitted state, fault included.
        screen.quoted(stage.git("diff", "--no-color", f"{run['branch']}^..{run['branch']}"))
    if run.get("checks"):
        screen.heading("The checks")
        screen.table(
            (str(check["code"]), str(check["result"]).replace("_", " "), str(check["detail"]))
            for check in run["checks"]
        )
    if run.get("branch"):
        screen.heading("The branch and the pull request")
        screen.said(
            f"{run['branch']}  {stage.git('log', '-1', '--format=%h %s', run['branch']).strip()}"
        )
        screen.quoted(body)
    elif run.get("decision") != "fix":
        screen.heading("The escalation: no branch, a person decides")
        screen.said(f"owner: {finding.get('owner') or 'nobody is named'}", "bold")
        for text in dict.fromkeys([finding.get("next_step"), run.get("reason")]):
            if text:
                screen.said(str(text))
    else:
        screen.said(f"{run.get('status')}: {run.get('reason')}", "yellow")


def _finding(screen: Screen, finding: dict[str, Any]) -> None:
    cause = finding.get("root_cause") or {}
    screen.heading("What broke, and why")
    screen.said(
        f"{finding.get('class')} ({finding.get('code')}), confidence {finding.get('confidence')}",
        "bold",
    )
    screen.said(str(finding.get("summary")))
    screen.line("   " + screen.paint(lineage_path(finding), "cyan"))
    if cause.get("observed"):
        expected = f"expected {cause['column']!r}, " if cause.get("column") else ""
        screen.said(f"{expected}found {cause['observed']!r}")
    affected = [str(node) for node in finding.get("affected") or []]
    if affected:
        screen.said(reach(affected))
    for fact in finding.get("evidence") or []:
        where = f"  ({fact['where']})" if fact.get("where") else ""
        screen.said(f"· {fact.get('text')}{where}")
        for row in (fact.get("rows") or [])[:SHOWN_ROWS]:
            screen.said("    " + ", ".join(f"{name}={value}" for name, value in row.items()))


def lineage_path(finding: dict[str, Any]) -> str:
    """The way from the root cause, with its column, to the node that failed."""
    cause = finding.get("root_cause") or {}
    nodes = [short(node) for node in finding.get("lineage") or [str(cause.get("node"))]]
    if cause.get("column"):
        nodes[0] += f".{cause['column']}"
    return " → ".join(nodes)


def reach(affected: list[str]) -> str:
    """How far a root cause reaches: nodes downstream, and the exposures among them."""
    exposures = [short(uid) for uid in affected if uid.startswith("exposure.")]
    nodes = [uid for uid in affected if not uid.startswith(("test.", "unit_test.", "exposure."))]
    seen = f", seen in {', '.join(exposures)}" if exposures else ""
    return f"{len(nodes)} nodes downstream of it{seen}"


def short(unique_id: str) -> str:
    """`source.shop.raw.orders` as `raw.orders`, `model.shop.orders` as `orders`."""
    parts = unique_id.split(".")
    return ".".join(parts[2:4]) if parts[0] in ("source", "test", "unit_test") else parts[-1]


def _body(stage: Stage, run: dict[str, Any]) -> str:
    """The rendered pull request body without its folded parts."""
    named = Path(str(run.get("pull_request") or ""))
    file = named if named.is_absolute() else stage.root / named
    if not file.is_file():
        file = stage.root / "target" / "agentic" / "runs" / str(run["run_id"]) / "pr_body.md"
    if not file.is_file():
        return str(run.get("pull_request") or "")
    text = file.read_text(encoding="utf-8")
    shown, folded, _ = text.partition("<details>")
    return shown.rstrip() + ("\n\n… details folded" if folded else "")
