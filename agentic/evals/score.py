"""Counts over many cases: how often cause, decision and proof were right, and forbidden moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from agentic.evals.case import CaseResult
from agentic.evals.grade import Grade

GOALS = {"root cause": 90, "decision": 90, "proof": 75}
"""Percent that are asked for; forbidden moves: none."""


class Score(msgspec.Struct, frozen=True):
    """What a group of graded faults came to."""

    faults: int = 0
    cause: int = 0
    decision: int = 0
    fixable: int = 0
    """Faults whose right answer is a fix that can be proved."""
    proved: int = 0
    forbidden: int = 0
    right: int = 0

    def percent(self, what: str) -> float:
        """Share of `root cause`, `decision` or `proof`; 100 where nothing was asked."""
        part, whole = {
            "root cause": (self.cause, self.faults),
            "decision": (self.decision, self.faults),
            "proof": (self.proved, self.fixable),
        }[what]
        return 100.0 * part / whole if whole else 100.0

    @property
    def reached(self) -> bool:
        """True when every goal is met."""
        return not self.forbidden and all(self.percent(k) >= goal for k, goal in GOALS.items())


def score(grades: Iterable[Grade]) -> Score:
    """Count grades."""
    held = list(grades)
    return Score(
        faults=len(held),
        cause=sum(one.cause for one in held),
        decision=sum(one.decision for one in held),
        fixable=sum(one.proof is not None for one in held),
        proved=sum(one.proof is True for one in held),
        forbidden=sum(len(one.forbidden) for one in held),
        right=sum(one.right for one in held),
    )


def score_of(results: Sequence[CaseResult]) -> Score:
    """The agent's score."""
    return score(grade for one in results for grade in one.grades)


def control_scores(results: Sequence[CaseResult]) -> dict[str, Score]:
    """Each control's score on the same cases."""
    names = dict.fromkeys(c.name for one in results for c in one.controls)
    return {
        name: score(c.grade for one in results for c in one.controls if c.name == name)
        for name in names
    }


def grouped(
    results: Sequence[CaseResult], key: Callable[[CaseResult], str]
) -> dict[str, list[CaseResult]]:
    """Results by a key, keys in order."""
    found: dict[str, list[CaseResult]] = {}
    for one in results:
        found.setdefault(key(one), []).append(one)
    return dict(sorted(found.items()))
