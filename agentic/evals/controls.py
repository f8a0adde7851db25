"""Agents that show what a score is worth: one that does nothing, one that reverts the last commit.

They are scored without being run. What they would do is known: nothing, or the files as they were
before the last commit, which for a fault that came with a commit is the project that was green.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.evals.grade import Built, Grade, grade
from agentic.evals.injection import Injected


class Control(msgspec.Struct, frozen=True):
    """A control's score on a case."""

    name: str
    grade: Grade


def controls_of(injected: Injected) -> tuple[Control, ...]:
    """Both controls on one fault.

    The reverting agent gets its best case: the fault is the last commit. It names the node whose
    file it brings back; where nothing was committed, it brings back the wrong thing.
    """
    return (
        Control("do_nothing", grade(injected, None, None)),
        Control("revert_last_commit", grade(injected, _reverting(injected), _reverted(injected))),
    )


def _reverting(injected: Injected) -> dict[str, Any]:
    node = injected.node if injected.paths else ""
    return {
        "decision": "fix",
        "status": "success",
        "checks": [],
        "finding": {"class": "last_commit", "root_cause": {"node": node, "column": None}},
    }


def _reverted(injected: Injected) -> Built:
    return Built(ok=bool(injected.paths), same_outputs=bool(injected.paths))
