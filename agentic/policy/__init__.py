"""Pure judgement: one SQL statement or one project change in, one verdict out."""

from agentic.policy import codes_changes as codes_changes
from agentic.policy import codes_sql as codes_sql
from agentic.policy.changes import (
    ChangeFinding,
    ChangeRule,
    ChangeRules,
    ChangeVerdict,
    ColumnsChanged,
    ProjectView,
    columns_changed,
    judge_change,
    stricter_arguments,
    weaker_config,
)
from agentic.policy.sql.judge import judge_sql
from agentic.policy.sql.verdict import SqlVerdict
from agentic.policy.world import World

__all__ = [
    "ChangeFinding",
    "ChangeRule",
    "ChangeRules",
    "ChangeVerdict",
    "ColumnsChanged",
    "ProjectView",
    "SqlVerdict",
    "World",
    "columns_changed",
    "judge_change",
    "judge_sql",
    "stricter_arguments",
    "weaker_config",
]
