"""SQL as text and as trees; the only room that sqlglot may enter."""

from sqlglot import exp

from agentic.sql.parsing import PARSER, dialect_of, name_sql, parse, parse_all, quote, relation_sql

__all__ = [
    "PARSER",
    "dialect_of",
    "exp",
    "name_sql",
    "parse",
    "parse_all",
    "quote",
    "relation_sql",
]
