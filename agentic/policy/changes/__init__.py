"""Project-change policy: pure judgement of file edits in a dbt project."""

from agentic.policy.changes.facts import ColumnsChanged, columns_changed
from agentic.policy.changes.judge import judge_change
from agentic.policy.changes.kept_tests import stricter_arguments, weaker_config
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
    "ColumnsChanged",
    "ProjectView",
    "columns_changed",
    "judge_change",
    "stricter_arguments",
    "weaker_config",
]
