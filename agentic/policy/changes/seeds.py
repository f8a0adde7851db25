"""Seeds and test fixtures: rows that are added are free; rows that are changed or gone are not."""

from __future__ import annotations

import csv
from collections import Counter

from agentic.policy.changes.case import Case


def judge_seed(case: Case, path: str, kind: str, text: str | None, old: str | None) -> None:
    """Findings of one CSV file, or of a fixture of a unit test."""
    if old is None:
        return
    if kind == "fixture":
        case.add(
            path,
            0,
            "deny",
            "TEST_WEAKENED",
            "An existing test's fixture is edited; mend the node, leave the test.",
        )
        return
    if text is None:
        return  # a seed that is gone is judged with the other nodes
    try:
        before, after = rows(old), rows(text)
    except csv.Error:
        case.add(path, 0, "deny", "SQL_POLICY", "The seed is not CSV.")
        return
    header_before, header_after = before[:1], after[:1]
    lost = [
        name
        for name in (header_before[0] if header_before else [])
        if name not in (header_after[0] if header_after else [])
    ]
    if lost:
        case.add(path, 1, "ask", "CONTRACT_CHANGE", f"The seed loses the column {lost[0]}.")
    elif header_before == header_after and Counter(map(tuple, before)) - Counter(map(tuple, after)):
        case.add(path, 0, "ask", "SYMPTOM_MASKING", "Rows of the seed are changed or gone.")


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in row]
        for row in csv.reader(text.lstrip("\ufeff").splitlines())
        if row
    ]
