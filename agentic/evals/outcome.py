"""Was it the right answer? Pure: what was injected against what `agentic run` printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.evals.injection import Injected

# Classes whose repair also gives up values that cannot be read, so that outputs may differ.
LOSSY = frozenset({"src_type_changed"})
# How a run ends whose change is ready for review, or is a draft that names what needs approval.
PROPOSED = ("success", "awaiting_approval")
# Classes without rows of raw data that could be shown.
ROWLESS = frozenset({"src_column_dropped", "source_table_missing", "stale_source"})


class Claim(msgspec.Struct, frozen=True):
    """One thing that must hold."""

    text: str
    holds: bool
    found: str = ""
    """What was found instead."""


def judge_run(injected: Injected, run: dict[str, Any]) -> list[Claim]:
    """The claims about one line of `agentic run --output json`."""
    finding = run.get("finding") or {}
    cause = finding.get("root_cause") or {}
    found_node, found_class = str(cause.get("node")), str(finding.get("class"))
    claims = [
        Claim(f"the class is {injected.cls}", found_class == injected.cls, found_class),
        Claim(f"the root cause is {injected.node}", found_node == injected.node, found_node),
    ]
    if injected.column and injected.expected_decision == "fix":
        column = str(cause.get("column"))
        same = column.lower() == injected.column.lower()
        claims.append(Claim(f"its column is {injected.column}", same, column))
    decision = str(run.get("decision"))
    wanted = injected.expected_decision
    claims.append(Claim(f"the decision is {wanted}", decision == wanted, decision))
    return claims + (_fix(run) if wanted == "fix" else _escalation(injected, run, finding))


def _fix(run: dict[str, Any]) -> list[Claim]:
    outcomes = [str(check.get("result")) for check in run.get("checks") or []]
    return [
        Claim("a change was proposed", run.get("status") in PROPOSED, str(run.get("status"))),
        Claim(
            "checks ran and none failed", bool(outcomes) and "fail" not in outcomes, str(outcomes)
        ),
        Claim("there is a branch", bool(run.get("branch")), "none"),
        Claim("there is a pull request", bool(run.get("pull_request")), "none"),
    ]


def _escalation(injected: Injected, run: dict[str, Any], finding: dict[str, Any]) -> list[Claim]:
    branch = run.get("branch")
    claims = [
        Claim("the run escalated", run.get("status") == "escalated", str(run.get("status"))),
        Claim("there is no branch", not branch, str(branch)),
        Claim("the owner is named", bool(finding.get("owner")), "nobody"),
    ]
    if injected.layer == "raw" and injected.cls not in ROWLESS:
        rows = sum(len(fact.get("rows") or []) for fact in finding.get("evidence") or [])
        claims.append(Claim("sample rows are shown", rows > 0, "none"))
    return claims


def best_match(injected: Injected, runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The run about the injected fault: the one that fulfils most claims, the first of equals."""
    return max(
        runs, key=lambda run: sum(claim.holds for claim in judge_run(injected, run)), default=None
    )
