"""Checks of a proposal, one file a check; each registers itself, and this list is the whole set.

A new check is a module with a function under `@check(...)` and one line here.
"""

from agentic.checks import (
    build,
    columns,
    data_diff,
    limits,
    policy,
    red_green,
    sql_parses,
    tests_kept,
)
from agentic.checks.registry import CheckSpec, check, registered_checks, run_checks
from agentic.checks.subject import Companion, Subject

__all__ = [
    "CheckSpec",
    "Companion",
    "Subject",
    "build",
    "check",
    "columns",
    "data_diff",
    "limits",
    "policy",
    "red_green",
    "registered_checks",
    "run_checks",
    "sql_parses",
    "tests_kept",
]
