"""AP005: how far the change reaches, against the limits of guardrails.yml."""

from __future__ import annotations

from agentic.checks.reach import NOT_COUNTED, nodes_of_edits
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.records import CheckResult, CodePage, Limits, publish

CODE, NAME = "AP005", "blast radius"

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Nodes whose file, or entry in a properties file, the change edits, and nodes "
        "downstream of them, against `limits.nodes_changed` and `limits.nodes_downstream`.",
        why="A small change is one that a person can review in a minute.",
        fix="Split the change, raise the limit in guardrails.yml, or make the change by hand.",
    )
)


@check(CODE, NAME, order=5)
def blast_radius(subject: Subject) -> CheckResult:
    """Fails when a limit is exceeded."""
    limits: Limits = subject.guardrails.limits if subject.guardrails is not None else Limits()
    changed = changed_nodes(subject)
    below = sorted(
        {
            uid
            for node in changed
            for uid in subject.graph.descendants(node)
            if not uid.startswith(NOT_COUNTED)
        }
        - set(changed)
    )
    reached = [(uid, "changed") for uid in changed] + [(uid, "downstream") for uid in below]
    table: tuple[dict[str, object], ...] = tuple({"node": uid, "is": what} for uid, what in reached)
    counts = f"{len(changed)} changed, {len(below)} downstream"
    if len(changed) > limits.nodes_changed:
        detail = f"{counts}; {limits.nodes_changed} may be changed"
        return CheckResult(CODE, NAME, "fail", detail, table)
    if len(below) > limits.nodes_downstream:
        detail = f"{counts}; {limits.nodes_downstream} may be downstream"
        return CheckResult(CODE, NAME, "fail", detail, table)
    return CheckResult(CODE, NAME, "pass", counts, table)


def changed_nodes(subject: Subject) -> tuple[str, ...]:
    """Nodes that the edits change: by their file or entry, or through a macro that they call."""
    paths = {edit.path for edit in subject.proposal.edits if edit.before != edit.after}
    own = subject.project.name
    macros = {
        uid
        for uid, macro in subject.manifest.macros.items()
        if macro.package_name == own and macro.original_file_path in paths
    }
    callers = {
        uid
        for uid, node in subject.manifest.all.items()
        if not uid.startswith(NOT_COUNTED) and macros & set(node.depends_on_macros)
    }
    return tuple(sorted(callers | {*nodes_of_edits(subject.proposal.edits, subject.manifest, own)}))
