"""A rename that is not committed yet is finished, not undone: its consumers follow the new name.

docs/decisions/0007 says why.
"""

from __future__ import annotations

import re

from agentic.rules.asking import recent_changes, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import Drift
from agentic.rules.hunks import edit_change
from agentic.rules.likeness import mentions
from agentic.rules.markers import markers_of
from agentic.rules.yaml_columns import columns_renamed
from agentic.sql import rewrite

MOVED = 4
"""Consumers that are moved at once; a wider rename is a person's work."""


def finish(
    case: Case, drift: Drift, draft: Draft, names: tuple[str, str]
) -> Steps[Diagnosis | None]:
    """The fix that lets every consumer read the new name and keep its own outputs.

    None: the rename is committed, or a consumer cannot follow (a contract, a unit test's rows, an
    installed package, text that no edit keeps the meaning of).
    """
    missing, observed = names
    node = case.node(drift.node)
    readers = drift.readers[missing]
    path = case.path(drift.node)
    changes = yield from recent_changes()
    open_edit = any(c.path == path and c.origin == "uncommitted" for c in changes)
    fixed = node.contract_enforced or _in_unit_tests(case, drift.node, missing)
    if not open_edit or fixed or len(readers) > MOVED or any(case.vendored(u) for u in readers):
        return None
    edits: list[Change] = []
    for uid in readers:
        edit = yield from _follows(case, drift, uid, names)
        if edit is None:
            return None
        edits.append(edit)
    described = str(node.patch_path or "").partition("://")[2]
    text = yield from text_of(described)
    moved = columns_renamed(text or "", node.name, {missing: observed})
    entry = edit_change(described, text, moved, f"{missing} is {observed} now") if text else None
    edits += [entry] if entry is not None else []
    if not edits:
        return None
    draft.fact("The rename is not committed yet: it is finished, not undone.", path)
    summary = f"{node.name} calls {missing} {observed} now; its consumers do not follow yet."
    tests = " Its tests in YAML move with the column; none is dropped." if entry else ""
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.95),
        decision="fix",
        title=f"fix({node.name}): its consumers read {observed}, the new name of {missing}"[:120],
        rationale=(
            f"{summary} The rename is uncommitted work, so that every consumer follows it and keeps"
            f" its own outputs.{tests} To undo the rename instead, call {observed} {missing} again"
            f" in {path}."
        ),
        changes=tuple(edits),
    )


def _follows(case: Case, drift: Drift, uid: str, names: tuple[str, str]) -> Steps[Change | None]:
    missing, observed = names
    text = yield from text_of(case.path(uid))
    after = text and rewrite.rename_source_column(
        text,
        old=missing,
        new=observed,
        relation_markers=markers_of(case, drift.node),
        dialect=case.dialect,
        columns=[c.name for c in drift.shape.columns.values()],
    )
    if not text or not after:
        return None
    return edit_change(case.path(uid), text, after, f"{missing} is {observed} now")


def _in_unit_tests(case: Case, uid: str, column: str) -> bool:
    """Rows of unit tests that name the column are expected values: nothing edits them."""
    name = re.escape(case.node(uid).name)
    for unit in (case.manifest.unit_tests or {}).values():
        text = str(unit)
        ours = uid in text or re.search(rf"ref\\?\(\W*{name}\W", text)
        if ours and mentions(text, column):
            return True
    return False
