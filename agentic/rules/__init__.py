"""Root cause and right decision for known failures, without a model: one rule a fault class."""

from agentic.rules.case import Case, Change, Diagnosis
from agentic.rules.driver import diagnose, diagnose_and_fix
from agentic.rules.loading import BUILT_IN
from agentic.rules.registry import Rule, rule, rules
from agentic.rules.routines import roles_with_routines, routine, routine_for, standing_task

__all__ = [
    "BUILT_IN",
    "Case",
    "Change",
    "Diagnosis",
    "Rule",
    "diagnose",
    "diagnose_and_fix",
    "roles_with_routines",
    "routine",
    "routine_for",
    "rule",
    "rules",
    "standing_task",
]
