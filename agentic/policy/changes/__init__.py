"""Project-change policy: pure judgement of file edits in a dbt project."""

from agentic.policy.changes.judge import judge_change
from agentic.policy.changes.shapes import (
    ChangeFinding,
    ChangeRule,
    ChangeRules,
    ChangeVerdict,
    ProjectView,
)

__all__ = [
    "ChangeFinding",
    "ChangeRule",
    "ChangeRules",
    "ChangeVerdict",
    "ProjectView",
    "judge_change",
]
