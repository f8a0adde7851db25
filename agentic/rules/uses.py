"""What the project's SQL takes a column for: a number or a moment, by casts and by computations."""

from __future__ import annotations

import re

COMPUTED = "a number"
"""`number_cast`'s answer where code computes with a column and casts it to nothing."""

_TYPE = (
    r"(?:(?:big|small|tiny|huge)?int(?:eger)?\d*|numeric|decimal|double(?: precision)?"
    r"|float\d*|real|number)"
)
_SIZE = r"(?:\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\))?"


def number_cast(code: str, column: str) -> str:
    """The number's type that code gives a column; COMPUTED where it only computes with it."""
    name = rf"[\w.\"`]*\b{re.escape(column)}\b[\"`]?"
    for pattern in (
        rf"cast\s*\(\s*{name}\s+as\s+({_TYPE}{_SIZE})",
        rf"{name}\s*::\s*({_TYPE}{_SIZE})",
    ):
        if found := re.search(pattern, code, re.IGNORECASE):
            return found.group(1).lower()
    computed = (
        rf"(?:\b(?:sum|avg|round|abs)\s*\(\s*{name}|{name}\s*[*/+-]\s*[\d(\w]|[*/+-]\s*{name})"
    )
    return COMPUTED if re.search(computed, code, re.IGNORECASE) else ""


def moment_cast(code: str, column: str) -> str:
    """The type that code gives a column by a cast or a function of moments; or empty."""
    name = rf"[\w.\"`]*\b{re.escape(column)}\b[\"`]?"
    patterns = (
        rf"cast\s*\(\s*{name}\s+as\s+(date|timestamp|datetime)",
        rf"{name}\s*::\s*(date|timestamp|datetime)",
        rf"\b(date|timestamp)\s*\(\s*{name}\s*\)",
    )
    for pattern in patterns:
        if found := re.search(pattern, code, re.IGNORECASE):
            return found.group(1).lower()
    truncated = rf"(date_trunc|date_part|extract|datediff|date_diff|strftime)\s*\([^)]*\b{name}"
    return "timestamp" if re.search(truncated, code, re.IGNORECASE) else ""
