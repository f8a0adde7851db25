"""Text to trees and names to text: the only place where SQL is parsed or quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot import parse as sqlglot_parse
from sqlglot import tokenize as sqlglot_tokenize
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from agentic.exceptions import SqlError

PARSER = f"sqlglot {vars(sqlglot).get('__version__', '')}"
"""What reads SQL here; for keys of what is kept."""

_ADAPTER_DIALECTS = {
    "postgres": "postgres",
    "sqlserver": "tsql",
    "synapse": "tsql",
    "fabric": "tsql",
    "athena": "athena",
    "glue": "spark",
    "spark": "spark",
    "databricks": "databricks",
    "materialize": "materialize",
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Reserved in at least one of the dialects that dbt speaks; quoting one too many does no harm.
_RESERVED_WORDS = """
all analyse analyze and any array as asc asymmetric authorization between binary both by case
cast check collate collation column concurrently connect constraint contains create cross cube
current current_catalog current_date current_role current_schema current_time current_timestamp
current_user default deferrable define delete desc describe distinct do drop else end enum
escape except exclude exists extract false fetch following for foreign freeze from full glob
grant group grouping groups having hash if ignore ilike in increment initially inner insert
intersect interval into is isnull join lambda lateral leading left like limit localtime
localtimestamp lookup map merge minus natural no not notnull null nulls of offset on only or
order outer over overlaps partition pivot placing preceding primary proto qualify range
recursive references returning respect revoke right rlike rollup row rows sample select
session_user set show similar some start struct summarize symmetric table tablesample then to
trailing treat trigger true unbounded union unique unnest unpivot update user using values
variadic verbose when whenever where window with within
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_HINT = "Check the SQL, or name the dialect it is written in."


def dialect_of(adapter: str) -> str:
    """sqlglot's name for a dbt adapter's SQL; empty (sqlglot's own) for an unknown adapter."""
    name = _ADAPTER_DIALECTS.get(adapter, adapter)
    return name if name in Dialect.classes else ""


def parse(sql: str, dialect: str) -> exp.Expression:
    """The tree of one statement. Raises SqlError on anything else: none, two, junk."""
    statements = parse_all(sql, dialect)
    if len(statements) != 1:
        found = f"{len(statements)} statements" if statements else "no statement"
        raise SqlError(f"expected one SQL statement, found {found}", hint=_HINT)
    return statements[0]


def parse_all(sql: str, dialect: str) -> list[exp.Expression]:
    """The trees of every statement of a text, empty ones left out. Raises SqlError."""
    try:
        found = sqlglot_parse(sql, dialect=dialect or None)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        # sqlglot's parsers let plain Python errors through on text that is no SQL.
        raise SqlError(f"not SQL that can be read: {_first_line(error)}", hint=_HINT) from error
    return [tree for tree in found if isinstance(tree, exp.Expression)]


def tokens_of(sql: str, dialect: str) -> list[Token]:
    """The tokens of a text, with character positions. Raises SqlError."""
    try:
        return list(sqlglot_tokenize(sql, read=dialect or None))
    except (SqlglotError, ValueError, TypeError) as error:
        raise SqlError(f"not SQL that can be read: {_first_line(error)}", hint=_HINT) from error


def quote(name: str, dialect: str) -> str:
    """A name as a quoted identifier of the dialect, whatever it contains."""
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect or None)


def name_sql(name: str, dialect: str) -> str:
    """A name as people write it: quoted only where the dialect needs it.

    Plain names stay bare in one case (all upper or all lower), except upper case on PostgreSQL,
    which would fold it; keywords are quoted.
    """
    folded = name.lower() if dialect in ("postgres", "redshift", "materialize") else None
    plain = _PLAIN.fullmatch(name) and (name == folded if folded is not None else True)
    if dialect == "snowflake" and name not in (name.upper(), name.lower()):
        plain = False
    return name if plain and name.lower() not in _RESERVED else quote(name, dialect)


def relation_sql(parts: Sequence[str | None], dialect: str) -> str:
    """A relation's quoted name from its parts, outermost first; empty parts are left out."""
    return ".".join(quote(part, dialect) for part in parts if part)


def _first_line(error: BaseException) -> str:
    text = re.sub(r"\x1b\[\d+m", "", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
