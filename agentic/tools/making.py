"""The incident report of a finding: what the rules give instead of a model's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentic.outputs import (
    INCIDENT_REPORT,
    Citation,
    CitedFact,
    CitedKind,
    IncidentReport,
    SaidCause,
    Severity,
)
from agentic.records import DecisionKind, Evidence, Finding, dump
from agentic.tools.bench import Bench
from agentic.tools.citing import fault_of_citation, is_node

WIDE = 10
"""From so many nodes below the root cause on, the incident counts as a severe one."""
TEXT = 2_000
WHERE = 200
FACTS = 30
STEPS = 20
ASSETS = 500
_PREVENT: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("src_", "stale_source", "volume_drop", "late_arriving", "category_case", "source_"),
        "Agree with the owner of {node} that changes are announced, and test its columns and its "
        "freshness where it enters the project.",
    ),
    (
        ("duplicate_", "null_keys", "orphan_", "accepted_values", "unit_scale"),
        "Test {node} where its rows enter the project, so that the next such rows are stopped "
        "before anything reads them.",
    ),
    (
        ("permission_", "credentials_", "disk_", "resource_", "timeout", "transient"),
        "Run `agentic debug` on a schedule: it tells connections and permissions before a build.",
    ),
    (
        ("logic_", "join_", "value_shift", "division_", "unit_test_", "incremental_"),
        "Write a unit test for {node} with the rows that were wrong here.",
    ),
    (
        ("yaml_", "ref_", "macro_", "syntax_", "name_typo", "circular_", "model_", "package_"),
        "Run `dbt parse` and `dbt compile` in CI before a merge.",
    ),
)
_OTHERWISE = "Add a test at {node} that would have failed here first."


def may_be_made(bench: Bench) -> bool:
    """Whether a finding alone is enough: the standard incident report says nothing else."""
    output = bench.output
    standard = output is None or (output.name == INCIDENT_REPORT and output.source == "standard")
    return standard or bench.keyless


def made_report(
    bench: Bench, finding: Finding, *, decision: DecisionKind, title: str, next_step: str
) -> dict[str, Any]:
    """The finding as an `incident_report`; each fact cites where it can be seen again."""
    assets = [uid for uid in finding.affected if is_node(bench, uid)]
    report: dict[str, Any] = dump(
        IncidentReport(
            what_happened=_what(bench, finding),
            impacted_assets=assets[:ASSETS],
            severity=_severity(finding, decision),
            root_cause=_cause(finding),
            confidence=min(1.0, max(0.0, finding.confidence)),
            evidence=_evidence(bench, finding),
            steps_to_fix=_fix(bench, decision, title, next_step or finding.next_step),
            steps_to_prevent=_prevent(bench, finding, decision),
        )
    )
    return report


def evidence_of(report: object) -> tuple[Evidence, ...]:
    """A report's cited facts as a finding's evidence: a model says them once."""
    facts = report.get("evidence") if isinstance(report, Mapping) else None
    found = []
    for fact in facts[:FACTS] if isinstance(facts, list) else ():
        if isinstance(fact, Mapping) and isinstance(fact.get("text"), str):
            cited = fact.get("citations")
            first = cited[0] if isinstance(cited, list) and cited else None
            where = first.get("ref", "") if isinstance(first, Mapping) else ""
            found.append(Evidence(fact["text"][:TEXT], str(where)[:WHERE]))
    return tuple(found)


def _what(bench: Bench, finding: Finding) -> str:
    incident = bench.incident
    if incident.kind == "request":
        return (incident.request or finding.summary)[:TEXT]
    where = incident.node or "the project"
    first = " ".join((incident.message or finding.summary).split())
    return f"{incident.kind.replace('_', ' ')} in {where}: {first}"[:TEXT]


def _severity(finding: Finding, decision: DecisionKind) -> Severity:
    """By reach alone: an exposure or many nodes below are high, some nodes medium, none low."""
    if decision == "no_change":
        return "low"
    if len(finding.affected) >= WIDE or any(u.startswith("exposure.") for u in finding.affected):
        return "high"
    return "medium" if finding.affected else "low"


def _cause(finding: Finding) -> SaidCause | None:
    cause = finding.root_cause
    if not cause.node:
        return None
    return SaidCause(
        node=cause.node,
        column=cause.column,
        observed=cause.observed,
        explanation=finding.summary[:TEXT] or finding.cls or "unknown",
    )


def _evidence(bench: Bench, finding: Finding) -> list[CitedFact]:
    facts = [fact for fact in finding.evidence if fact.text.strip()]
    first = facts or [Evidence(bench.incident.message or finding.summary or finding.cls)]
    return [
        CitedFact(text=fact.text[:TEXT] or "seen", citations=_citations(bench, finding, fact))
        for fact in first[:FACTS]
    ]


def _citations(bench: Bench, finding: Finding, fact: Evidence) -> list[Citation]:
    """The file or node of a fact and the query that showed it, whichever there are; else the
    incident that the finding is about."""
    found: dict[tuple[str, str], Citation] = {}

    def cite(kind: CitedKind, ref: str) -> None:
        if ref and not fault_of_citation(bench, kind, ref):
            found[kind, ref] = Citation(kind=kind, ref=ref)

    where = fact.where.strip()
    if where and " " not in where:
        cite("file", where)
        if not found:
            cite("file", where.rpartition(":")[0])
        if not found:
            cite("node", _node_of(bench, where))
            cite(*_asked(bench, where, rows=bool(fact.rows)))
    if not found:
        cite("run", bench.incident.invocation_id or bench.incident.fingerprint)
    if not found:
        cite("node", finding.root_cause.node)
    if not found and bench.made:
        cite("call", bench.made[-1].id)
    return list(found.values()) or [Citation(kind="run", ref=bench.run_id or "unknown")]


def _node_of(bench: Bench, relation: str) -> str:
    """The node of a `schema.table`; empty when none or several have that name."""
    wanted = relation.replace('"', "").lower()
    named = [
        uid
        for uid, node in bench.manifest.all.items()
        if uid.lower() == wanted
        or (getattr(node, "relation_name", "") or "").replace('"', "").lower().endswith(wanted)
    ]
    return named[0] if len(named) == 1 else ""


def _asked(bench: Bench, relation: str, *, rows: bool) -> tuple[CitedKind, str]:
    """The call that showed a relation: the last query of its rows, or what told its columns."""
    table = relation.rpartition(".")[2].replace('"', "").lower()
    about = [call for call in bench.made if table in str(call.input).lower()]
    shapes = [call.id for call in about if call.name == "get_schema"]
    queries = [call.id for call in about if call.name == "run_sql"]
    if queries and (rows or not shapes):
        return "query", queries[-1]
    return "call", shapes[0] if shapes else ""


def _fix(bench: Bench, decision: DecisionKind, title: str, next_step: str) -> list[str]:
    if decision == "fix":
        edits = [f"{edit.path}: {edit.why}".rstrip(": ") for edit in bench.edits.values()]
        return [*(text[:TEXT] for text in edits[: STEPS - 1]), f"Review and merge: {title}"]
    return [next_step[:TEXT]] if next_step else []


def _prevent(bench: Bench, finding: Finding, decision: DecisionKind) -> list[str]:
    if decision == "no_change":
        return []
    node = finding.root_cause.node or bench.incident.node or "the node"
    for prefixes, text in _PREVENT:
        if finding.cls.startswith(prefixes):
            return [text.format(node=node)]
    return [_OTHERWISE.format(node=node)]
