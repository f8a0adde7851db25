"""Root cause and right decision for known failures, without a model: one rule a fault class."""

from agentic.rules import (
    binding,
    categories,
    contracts,
    cycles,
    duplicates,
    filled_columns,
    infrastructure,
    macros,
    missing_refs,
    null_keys,
    orphans,
    parent_columns,
    regressions,
    source_columns,
    source_dates,
    source_tables,
    source_types,
    stale_tests,
    syntax,
    yaml_faults,
)
from agentic.rules.case import Case, Change, Diagnosis
from agentic.rules.driver import diagnose, diagnose_and_fix
from agentic.rules.registry import Rule, rule, rules

BUILT_IN = (
    binding,
    categories,
    contracts,
    cycles,
    duplicates,
    filled_columns,
    infrastructure,
    macros,
    missing_refs,
    null_keys,
    orphans,
    parent_columns,
    regressions,
    source_columns,
    source_dates,
    source_tables,
    source_types,
    stale_tests,
    syntax,
    yaml_faults,
)
"""Modules whose import registers the rules."""

__all__ = [
    "BUILT_IN",
    "Case",
    "Change",
    "Diagnosis",
    "Rule",
    "diagnose",
    "diagnose_and_fix",
    "rule",
    "rules",
]
