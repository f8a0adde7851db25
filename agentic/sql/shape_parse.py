"""One query out of a text, stricter than sqlglot where sqlglot guesses."""

from __future__ import annotations

from itertools import pairwise

import sqlglot
from sqlglot import exp

from agentic.exceptions import SqlError


def parse_query(sql: str, dialect: str) -> exp.Expr:
    """The tree of one query. Raises SqlError on several statements, or on anything else."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except (
        sqlglot.errors.SqlglotError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise SqlError(lines[0], hint="Write one query of the target's dialect.") from error
    _commas(sql, dialect)
    if len(trees) != 1:
        raise SqlError(
            f"{len(trees)} statements where one query is wanted",
            hint="Write one query; dbt wraps it.",
        )
    if any(isinstance(one.this, exp.Select) for one in trees[0].find_all(exp.From)):
        raise SqlError("from stands twice", hint="Look for a word too many.")
    for word in trees[0].find_all(exp.Identifier):
        if not word.args.get("quoted") and word.name.lower() in _RESERVED:
            raise SqlError(
                f"{word.name} stands where a name should", hint="Look for a word too many."
            )
    return trees[0]


# Engines that take a comma before FROM; sqlglot takes it in all of them.
_TRAILING_COMMA = frozenset(["duckdb", "bigquery", "snowflake", "databricks", "clickhouse"])


def _commas(sql: str, dialect: str) -> None:
    tokens = [one.token_type for one in sqlglot.tokenize(sql, read=dialect)]
    ends = {sqlglot.TokenType.COMMA}
    if dialect not in _TRAILING_COMMA:
        ends.add(sqlglot.TokenType.FROM)
    for left, right in pairwise(tokens):
        if left == sqlglot.TokenType.COMMA and right in ends:
            raise SqlError("a comma too many", hint="Look for two commas in a row.")


# sqlglot takes these for names where every engine reports a syntax error.
_RESERVED = frozenset(
    [
        "select",
        "from",
        "where",
        "having",
        "union",
        "join",
        "and",
        "or",
        "then",
        "when",
        "distinct",
        "group",
    ]
)


def normalized(sql: str, dialect: str) -> str:
    """One query's text without comments and white space. Raises SqlError."""
    return parse_query(sql, dialect).sql(dialect, comments=False)
