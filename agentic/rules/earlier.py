"""The test that would have caught a fault where it came in, as one sentence of the next step."""

from __future__ import annotations

import msgspec

from agentic.rules.case import Case, Diagnosis
from agentic.rules.trail import is_raw

_TESTS = {
    "null_keys": "not_null",
    "duplicate_rows": "unique",
    "orphan_keys": "relationships",
    "accepted_values_violation": "accepted_values",
    "category_case_change": "accepted_values",
}
_OTHERWISE = {
    "src_column_renamed": "a contract on the columns of {name}",
    "src_column_dropped": "a contract on the columns of {name}",
    "src_type_changed": "a contract on the types of {name}",
    "src_date_format": "a contract on the types of {name}",
    "unit_scale_change": "a test on the range of {name}.{column}",
    "division_by_zero": "a test that {name}.{column} is never 0",
    "volume_drop": "a test on the rows of a day of {name}",
    "source_table_missing": "`dbt source freshness` on {name}, run before the build",
}


def with_earlier(case: Case, best: Diagnosis) -> Diagnosis:
    """The diagnosis, saying which test at the source would have seen it before the build did.

    Only for raw relations, and only where there is no such test: tests on a source are the
    project's to add, so none is written unasked.
    """
    cause = best.finding.root_cause
    node = case.node(cause.node)
    if node is None or not is_raw(cause.node) or best.finding.cls not in _TESTS | _OTHERWISE:
        return best
    kind = _TESTS.get(best.finding.cls)
    if kind and (not cause.column or _tested(case, cause.node, cause.column, kind)):
        return best
    words = f"a {kind} test on {{name}}.{{column}}" if kind else _OTHERWISE[best.finding.cls]
    said = words.format(name=node.name, column=cause.column or "")
    step = f"{best.finding.next_step} Earlier: {said} would have caught this at the source."
    return msgspec.structs.replace(
        best, finding=msgspec.structs.replace(best.finding, next_step=step.strip())
    )


def _tested(case: Case, node: str, column: str, kind: str) -> bool:
    for uid in case.graph.children(node):
        test = case.node(uid)
        if uid.startswith("test.") and test.attached_node == node and test.test_metadata:
            same = (test.column_name or "").strip('"`[]').lower() == column.lower()
            if same and test.test_metadata.name == kind:
                return True
    return False
