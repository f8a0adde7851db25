"""Nodes that a change leaves red since another incident's fault reaches them as well.

A node below two faults is red until both are mended, so that neither proof could ever be green. It
is the other's only if the same build with the other's repair on top makes it green, or if it lies
below the other's fault and not below this repair at all. Whatever was green before the change, or
is red with both repairs, is never excused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentic.checks.proof import red_before
from agentic.checks.registry import registered_checks
from agentic.checks.subject import Companion, Subject
from agentic.exceptions import AgenticError, ArtifactError
from agentic.project import load_run_results
from agentic.records import Finding, Incident, Proposal
from agentic.workspace import GREEN, BuildOutcome, Workspace

_KEY = "others"


def red_for_others(subject: Subject, built: BuildOutcome) -> dict[str, str]:
    """`unique_id` -> run of the incident that it is still red for; worked out once a subject."""
    found = subject.memo.get(_KEY)
    if not isinstance(found, dict):
        found = _worked_out(subject, built) if subject.companions else {}
        subject.memo[_KEY] = found
    return found


def _worked_out(subject: Subject, built: BuildOutcome) -> dict[str, str]:
    red = set(built.red) & _not_green_before(subject)
    found: dict[str, str] = {}
    own = _causes(subject.finding, subject.incident, subject.proposal, subject)
    # A macro or a setting is no node: what it changes is what the build chose.
    own = _reach(subject, own | {uid for uid in built.selected if uid in subject.manifest.all})
    reached = {
        one.run_id: _reach(subject, _causes(one.finding, one.incident, one.proposal, subject))
        for one in subject.companions
    }
    for run, below in reached.items():
        found |= dict.fromkeys(red & (below - own), run)
    repairs = [one for one in subject.companions if red - set(found) and _usable(subject, one)]
    reached = {one.run_id: reached[one.run_id] for one in repairs}
    both = (red - set(found)) & set().union(*reached.values())
    if both and repairs:
        together = _built_together(subject, repairs, both, built)
        for uid in both:
            result = together.results.get(uid) if together is not None else None
            if result is not None and result.status in GREEN:
                found[uid] = ", ".join(run for run, below in reached.items() if uid in below)
    return found


def _not_green_before(subject: Subject) -> set[str]:
    """What the failing invocation left red, or skipped because of something red."""
    try:
        results = load_run_results(subject.project.run_results_path)
    except ArtifactError:
        return set()
    if not results.building:
        return set()
    return {one.unique_id for one in results.results if one.status not in GREEN}


def _causes(
    finding: Finding | None, incident: Incident | None, proposal: Proposal | None, subject: Subject
) -> set[str]:
    """Where a fault lies: its root cause, what failed first, what its repair edits."""
    paths = {edit.path for edit in proposal.edits} if proposal is not None else set()
    found = {uid for uid, node in subject.manifest.all.items() if _path(node) in paths}
    found = {uid for uid in found if not uid.startswith(("source.", "test.", "unit_test."))}
    if finding is not None:
        found.add(finding.root_cause.node)
    failed = red_before(incident)
    tested = {getattr(subject.manifest.all.get(uid), "tested", "") for uid in failed}
    return {uid for uid in found | set(failed) | tested if uid in subject.manifest.all}


def _path(node: Any) -> str:
    return str(getattr(node, "original_file_path", ""))


def _reach(subject: Subject, causes: set[str]) -> set[str]:
    """Causes and everything below them; a test belongs to what it tests."""
    return causes.union(*(subject.graph.descendants(uid) for uid in causes))


def _usable(subject: Subject, one: Companion) -> bool:
    """A repair that no static check objects to, and that edits other files than this one does."""
    if one.proposal is None or {edit.path for edit in one.proposal.edits} & {
        edit.path for edit in subject.proposal.edits
    }:
        return False
    alone = _with(subject, one)
    static = [spec for spec in registered_checks() if not spec.builds]
    try:
        return all(spec.run(alone).result != "fail" for spec in static)
    except AgenticError:
        return False


def _with(subject: Subject, one: Companion) -> Subject:
    assert one.proposal is not None
    return Subject(
        proposal=one.proposal,
        project=subject.project,
        manifest=subject.manifest,
        graph=subject.graph,
        dialect=subject.dialect,
        incident=one.incident,
        finding=one.finding,
        guardrails=subject.guardrails,
        world=subject.world,
    )


def _built_together(
    subject: Subject, repairs: list[Companion], uids: set[str], built: BuildOutcome
) -> BuildOutcome | None:
    """The red nodes with every repair in place, in a workspace that no other check looks at."""
    if subject.second_workspace is None:
        return None
    files: dict[str, str | None] = {}
    for proposal in [*(one.proposal for one in repairs), subject.proposal]:
        if proposal is not None:
            files |= {edit.path: edit.after for edit in proposal.edits}
    try:
        with subject.second_workspace() as workspace:
            return _build(workspace, files, _nodes_of(uids, built))
    except AgenticError:
        return None


def _build(workspace: Workspace, files: Mapping[str, str | None], nodes: list[str]) -> BuildOutcome:
    workspace.write_files(files)
    return workspace.build(nodes)


def _nodes_of(uids: set[str], built: BuildOutcome) -> list[str]:
    """The nodes to build: a test is built with what it reads."""
    found: set[str] = set()
    for uid in uids:
        node = built.manifest.all.get(uid) if built.manifest else None
        if uid.startswith(("test.", "unit_test.")):
            parents = getattr(node, "depends_on_nodes", ())
            found.update(one for one in parents if one in built.results)
        else:
            found.add(uid)
    return sorted(found)
