"""Numbers that arrive as text: how SQL recognises them, and casts them without failing."""

from __future__ import annotations

_NUMBER = r"^[ ]*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?[ ]*$"
_POSTGRES = ("postgres", "redshift", "materialize")


def is_number(expression: str, dialect: str) -> str:
    """SQL that is true where a text is a number."""
    return matches(expression, _NUMBER, dialect)


def matches(expression: str, pattern: str, dialect: str) -> str:
    """SQL that is true where a text matches a pattern, which holds no quote."""
    if dialect in _POSTGRES:
        return f"{expression} ~ '{pattern}'"
    if dialect == "bigquery":
        return f"regexp_contains({expression}, r'{pattern}')"
    if dialect in ("spark", "databricks"):
        return f"{expression} rlike '{pattern}'"
    if dialect == "snowflake":
        return f"regexp_instr({expression}, '{pattern}') > 0"
    return f"regexp_matches({expression}, '{pattern}')"


def safe_cast(dialect: str, kind: str) -> str:
    """A cast of `{col}` that gives null for what is no number."""
    if dialect in _POSTGRES:
        pattern = _NUMBER.replace("{", "{{").replace("}", "}}")
        return f"case when {{col}} ~ '{pattern}' then cast({{col}} as {kind}) end"
    word = "safe_cast" if dialect == "bigquery" else "try_cast"
    return f"{word}({{col}} as {kind})"
