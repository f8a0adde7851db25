"""Builds that several checks look at: each is made once a subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from agentic.checks.subject import Subject
from agentic.exceptions import WorkspaceError
from agentic.project import Manifest
from agentic.records import Incident
from agentic.workspace import BuildOutcome, Workspace

_DATA_KINDS = frozenset(
    {"test_failure", "unit_test_failure", "source_stale", "anomaly", "quality_gate_failure"}
)
"""Incidents whose node was built: its rows are wrong, or are thought to be."""


def workspace_of(subject: Subject) -> Workspace:
    """The open workspace. Raises WorkspaceError when nothing may be built."""
    if subject.workspace is None:
        raise WorkspaceError("nothing may be built here, so nothing was proved")
    return subject.workspace()


def change_built(subject: Subject) -> BuildOutcome:
    """The build of the changed nodes, everything downstream of them, and their tests."""

    def build() -> BuildOutcome:
        workspace = workspace_of(subject)
        edits = subject.proposal.edits
        workspace.write_files({edit.path: edit.after for edit in edits})
        return workspace.build_changed({edit.path for edit in edits})

    return _once(subject, "change", build)


def base_built(subject: Subject, ids: Sequence[str]) -> BuildOutcome:
    """The same nodes built from the code before the change, on the same raw data, untested."""

    def build() -> BuildOutcome:
        renames = subject.proposal.rename_undone
        return workspace_of(subject).build(ids, variant="base", rename_undone=renames)

    return _once(subject, "base", build)


def _once(subject: Subject, key: str, build: Callable[[], BuildOutcome]) -> BuildOutcome:
    outcome = subject.memo.get(key)
    if not isinstance(outcome, BuildOutcome):
        outcome = build()
        subject.memo[key] = outcome
    return outcome


def baseline_for(subject: Subject, built: BuildOutcome) -> Manifest:
    """The baseline's manifest, as far as the build's manifest can be set against it.

    A build that looked at some nodes alone says nothing of the tests on others, and the edits that
    allow such a build cannot reach them.
    """
    manifest = subject.manifest
    if built.whole is None:
        return manifest
    tests = {test for uid in built.whole for test in manifest.tests_of(uid)}
    kept = {*built.whole, *tests}
    return msgspec.structs.replace(
        manifest,
        nodes={uid: node for uid, node in manifest.nodes.items() if uid in kept},
        unit_tests={uid: test for uid, test in manifest.unit_tests.items() if uid in kept},
    )


def red_before(incident: Incident | None) -> dict[str, str]:
    """`unique_id` -> first line of its message, for every node and test that the incident names."""
    if incident is None:
        return {}
    red = {one.node: _first_line(one.message) for one in incident.signals if one.node}
    if incident.node and incident.kind not in ("request", "parse_error"):
        red.setdefault(incident.node, _first_line(incident.message))
    return red


def built_before(incident: Incident | None) -> bool:
    """True when the incident's node could be built by the code before the change."""
    return incident is None or incident.kind in _DATA_KINDS or incident.kind == "request"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
