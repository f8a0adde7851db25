"""Pure judgement: one SQL statement or one project change in, one verdict out."""

from agentic.policy import codes_sql as codes_sql
from agentic.policy.changes import (
    ChangeFinding,
    ChangeRule,
    ChangeRules,
    ChangeVerdict,
    ProjectView,
    judge_change,
)
from agentic.policy.sql.judge import judge_sql
from agentic.policy.sql.verdict import SqlVerdict
from agentic.policy.world import World

__all__ = [
    "ChangeFinding",
    "ChangeRule",
    "ChangeRules",
    "ChangeVerdict",
    "ProjectView",
    "SqlVerdict",
    "World",
    "judge_change",
    "judge_sql",
]
