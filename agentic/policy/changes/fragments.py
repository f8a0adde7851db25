"""SQL in property files: names, expressions and whole queries that dbt prints as they are."""

from __future__ import annotations

import re
from typing import Any

from agentic.policy.changes.sql_gate import Fault, judge_query

WHOLE = ("loaded_at_query", "rows")
CONDITION = "select 1 from agentic_rows where (?) is not null"
FORMS = {
    "error_if": "select 1 where agentic_count ?",
    "warn_if": "select 1 where agentic_count ?",
    "fail_calc": "select ? from agentic_failures",
    "loaded_at_field": "select max(?) from agentic_rows",
}
# Names that dbt prints into SQL as they are.
NAMES = frozenset(
    [
        "name",
        "identifier",
        "schema",
        "database",
        "column_name",
        "field",
        "data_type",
        "unique_key",
        "updated_at",
        "to",
    ]
)


FRAGMENTS = frozenset(
    [
        "where",
        "error_if",
        "warn_if",
        "fail_calc",
        "loaded_at_field",
        "expression",
        "filter",
        "condition",
        "row_condition",
    ]
)


def name_fault(text: str, key: str) -> tuple[str, str] | None:
    """(code, reason) when a name is more than a name."""
    if re.search(r";|--|/\*", text):
        return "SQL_POLICY", "a name cannot hold a statement."
    if key in ("identifier", "schema", "database") and re.search(r"[()/\\'\"]", text):
        return "EXTERNAL_IO", "it is a call or a path, not a name."
    return None


def pieces(value: Any, line: int = 0) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    if isinstance(value, dict):
        lines = getattr(value, "lines", {})
        for key, one in value.items():
            place = lines.get(key, line)
            if isinstance(one, str) and (
                key in FRAGMENTS or key in ("loaded_at_query", "rows") or key in NAMES
            ):
                found.append((place, str(key), one))
            else:
                found += pieces(one, place)
    elif isinstance(value, list):
        lines = getattr(value, "lines", [])
        for number, one in enumerate(value):
            found += pieces(one, lines[number] if number < len(lines) else line)
    return found


def fragment_fault(piece: str, key: str, dialect: str) -> tuple[str, str] | None:
    """(code, reason) when a fragment is more than one expression, or has effects.

    The queries that are made here are only judged, never run.
    """
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " agentic_value ", piece, flags=re.DOTALL).strip()
    if key in NAMES:
        return name_fault(text, key)
    if key == "rows" and "select" not in text.lower():
        return None  # CSV
    if ";" in text and key not in WHOLE:
        return "SQL_POLICY", "it holds a second statement."
    if "--" in text or "/*" in text:
        return "SQL_POLICY", "it holds a comment that could end another statement."
    faults = _denied(
        text if key in WHOLE else FORMS.get(key, CONDITION).replace("?", text), dialect
    )
    if faults and key in ("expression", "condition"):  # a test on a column puts its name before it
        faults = _denied(CONDITION.replace("?", f"agentic_column {text}"), dialect)
    return (faults[0].code, faults[0].reason) if faults else None


def _denied(sql: str, dialect: str) -> list[Fault]:
    return [fault for fault in judge_query(sql, dialect) if fault.verdict == "deny"]
