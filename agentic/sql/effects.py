"""A statement read once and told as plain facts: which syntax it uses, which functions it calls.

This file decides nothing; `agentic.policy` judges the facts. The tree stays inside for
`agentic.sql.taint`, which resolves its names.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
from sqlglot import ErrorLevel, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

# sqlglot warns on stderr whenever it meets a statement that it keeps as a Command; for a judge
# that is ordinary input.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

DIALECTS = (
    "duckdb",
    "postgres",
    "snowflake",
    "bigquery",
    "redshift",
    "databricks",
    "spark",
    "tsql",
    "mysql",
    "trino",
    "sqlite",
    "clickhouse",
)

# Classes whose arguments each carry a meaning of their own: the policy allows them by name.
WATCHED: frozenset[type] = frozenset(
    {
        exp.Select,
        exp.Table,
        exp.Create,
        exp.Insert,
        exp.Delete,
        exp.Update,
        exp.Merge,
        exp.Drop,
        exp.TruncateTable,
        exp.Describe,
        exp.Into,
        exp.CTE,
        exp.With,
        exp.Union,
        exp.Except,
        exp.Intersect,
        exp.Subquery,
        exp.Join,
        exp.Lateral,
        exp.Alter,
        exp.OnConflict,
    }
)
_NAMED_CALLS: frozenset[type] = frozenset(
    {
        exp.Anonymous,
        exp.AnonymousAggFunc,
        exp.CombinedAggFunc,
        exp.ParameterizedAgg,
        exp.CombinedParameterizedAgg,
    }
)


# `PARTITION BY RANGE (d)`, `ENGINE = MergeTree()`, `/*+ hint(x) */` look like calls and are none.
_NOT_CALLED: frozenset[type] = frozenset(
    {exp.Hint, exp.EngineProperty, exp.PartitionedByProperty, exp.ClusteredByProperty}
)


class Statement(msgspec.Struct):
    """One parsed statement. `tree` is opaque outside the room `sql`."""

    tree: Any
    dialect: str
    root: str
    """Class of the root node."""
    replacing: bool = False
    """MySQL's REPLACE, which sqlglot reads only as an INSERT."""

    def text(self) -> str:
        """The statement generated from the tree that was judged, without comments.

        Uses the tree up: call it last. Raises ValueError when the tree has no text.
        """
        try:
            # copy=False: the generator rewrites nodes in place, which is fine for a spent tree and
            # a third of the cost.
            text: str = Dialect.get_or_raise(self.dialect).generate(
                self.tree, copy=False, comments=False, unsupported_level=ErrorLevel.IGNORE
            )
        except (SqlglotError, AttributeError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"no text for this statement: {error}") from error
        if self.replacing:
            return re.sub(r"\AINSERT\s+(OR\s+REPLACE\s+)?", "REPLACE ", text)
        return text


class Call(msgspec.Struct, frozen=True):
    """A function that sqlglot has no class for."""

    name: str
    """Lower case."""
    prefix: str = ""
    """What stands before the dot, lower case: a schema, or a value in engines that chain."""
    arguments: tuple[str, ...] = ()
    """The text of each argument that is a string literal, else an empty string."""


class Facts(msgspec.Struct):
    """What a statement is made of."""

    classes: frozenset[str]
    typed: frozenset[str]
    """Those of `classes` that are functions."""
    properties: frozenset[str]
    """Those of `classes` that are properties of a table or a view."""
    calls: tuple[Call, ...]
    arguments: frozenset[tuple[str, str]]
    """(class, argument) of the watched classes, where the argument is set."""
    settings: frozenset[str]
    """Names of settings, options, hints and session values, as `kind:name`, lower case."""
    tables: int
    """How many relations the statement names, wherever they stand."""


_REPLACE = re.compile(
    r"\A((?:\s+|--[^\n]*\n|#[^\n]*\n|/\*(?:(?!\*/).)*\*/)*)REPLACE(?=\s)", re.I | re.S
)


_REPLACING = frozenset({"mysql", "sqlite"})
_PIVOT = re.compile(r"\A(?:\s+|--[^\n]*\n|/\*(?:(?!\*/).)*\*/)*(?:UN)?PIVOT\s", re.I | re.S)


def _ordered_pivot(sql: str, engine: Dialect) -> str:
    """DuckDB's `PIVOT ... ORDER BY ...`, which sqlglot reads only as a query around the pivot."""
    depth = 0
    for token in engine.tokenize(sql):
        kind = token.token_type
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        if depth == 0 and kind in (TokenType.ORDER_BY, TokenType.LIMIT):
            return "".join(["SELECT * FROM (", sql[: token.start], "\n) ", sql[token.start :]])
        if kind == TokenType.SEMICOLON:
            break
    return sql


def read_statements(sql: str, dialect: str) -> list[Statement]:
    """Parse a text. Raises ValueError on anything that is not SQL of the dialect, and
    RecursionError on what is nested too deeply.
    """
    engine = Dialect.get_or_raise(dialect)
    replacing = dialect in _REPLACING and _REPLACE.match(sql) is not None
    if replacing:
        sql = _REPLACE.sub(lambda match: f"{match[1]}INSERT", sql, count=1)
    try:
        if dialect == "duckdb" and _PIVOT.match(sql):
            sql = _ordered_pivot(sql, engine)
        trees = engine.parse(sql, error_level=ErrorLevel.IMMEDIATE)
    except SqlglotError as error:
        raise ValueError(str(error).split("\n", maxsplit=1)[0]) from error
    # sqlglot answers some texts with IndexError, KeyError or AttributeError instead of ParseError
    # (databricks `SELECT MAP(x) USING 'bash'`): for a judge they are all "cannot be read".
    except (IndexError, KeyError, AttributeError, TypeError, AssertionError) as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from error
    if replacing and isinstance(trees[0], exp.Insert):
        trees[0].set("alternative", "REPLACE")
    return [
        Statement(tree, dialect, type(tree).__name__, replacing)
        for tree in trees
        if tree is not None and not isinstance(tree, exp.Semicolon)
    ]


def facts_of(statement: Statement) -> Facts:
    """Walk the whole tree once, leaving nothing out."""
    classes: set[type] = set()
    used: set[tuple[str, str]] = set()
    calls: list[Call] = []
    settings: set[str] = set()
    tables = 0
    stack: list[Any] = [statement.tree]
    while stack:
        node = stack.pop()
        cls = node.__class__
        classes.add(cls)
        if cls in WATCHED:
            used.update((cls.__name__, key) for key, value in node.args.items() if value)
        if cls is exp.Table:
            tables += 1
        elif cls in _NAMED_CALLS:
            if node.parent.__class__ not in _NOT_CALLED:
                calls.append(_call(node))
        elif cls in _SETTINGS:
            settings.update(_SETTINGS[cls](node))
        for value in node.args.values():
            if value.__class__ is list:
                stack.extend(item for item in value if isinstance(item, exp.Expr))
            elif isinstance(value, exp.Expr):
                stack.append(value)
    return Facts(
        classes=frozenset(cls.__name__ for cls in classes),
        typed=frozenset(cls.__name__ for cls in classes if issubclass(cls, exp.Func)),
        properties=frozenset(cls.__name__ for cls in classes if issubclass(cls, exp.Property)),
        calls=tuple(calls),
        arguments=frozenset(used),
        settings=frozenset(settings),
        tables=tables,
    )


def _call(node: Any) -> Call:
    arguments = tuple(
        str(one.this) if isinstance(one, exp.Literal) and one.is_string else ""
        for one in node.expressions
    )
    prefix = ""
    parent = node.parent
    if isinstance(parent, exp.Dot) and parent.expression is node:
        left = parent.this
        prefix = str(left.name or "expression").lower()
    elif isinstance(parent, exp.Table) and parent.args.get("db"):
        prefix = str(parent.args["db"].name).lower()
    return Call(str(node.name).lower(), prefix, arguments)


def _select_settings(node: Any) -> list[str]:
    found = ["assign:variable"] if _assigns(node) else []
    found += [f"setting:{_setting_name(one)}" for one in node.args.get("settings") or ()]
    found += [f"kind:{str(node.args['kind']).lower()}"] if node.args.get("kind") else []
    modifiers = node.args.get("operation_modifiers") or ()
    return found + [f"modifier:{str(one).lower()}" for one in modifiers]


def _setting_name(node: Any) -> str:
    name = str(node.this.name if isinstance(node, exp.EQ) else node.name or type(node)).lower()
    # ClickHouse: a limit of zero is no limit.
    lifted = isinstance(node, exp.EQ) and name.startswith("max_") and _is_zero(node.expression)
    return f"{name}=0" if lifted else name


def _is_zero(value: Any) -> bool:
    return not (isinstance(value, exp.Literal) and value.name.strip("0. "))


def _hint(node: Any) -> list[str]:
    return [f"hint:{str(one.name or one.sql()).lower()}" for one in node.expressions]


def _data_type(node: Any) -> list[str]:
    kind = node.args.get("kind")
    if node.this != exp.DataType.Type.USERDEFINED or kind is None:
        return []
    return [f"type:{(kind if isinstance(kind, str) else kind.sql()).lower()}"]


def _property(node: Any) -> list[str]:
    this = node.args.get("this")
    name = this if isinstance(this, str) else getattr(this, "name", "") or str(this)
    return [f"property:{str(name).lower()}"]


def _alter(node: Any) -> list[str]:
    return [f"action:{type(one).__name__}" for one in node.args.get("actions") or ()]


def _assignment(node: Any) -> list[str]:
    # MySQL: `@a := 1` sets a session variable from inside a query.
    return ["assign:variable"] if isinstance(node.this, exp.Parameter) else []


def _assigns(node: Any) -> bool:
    # T-SQL: `SELECT @a = 1` sets a variable; sqlglot sees a comparison. Elsewhere it is one, of a
    # value that nobody binds.
    return any(
        isinstance(one, exp.EQ) and isinstance(one.this, exp.Parameter) for one in node.expressions
    )


def _system_variable(node: Any) -> list[str]:
    # BigQuery: `@@name`; sqlglot nests two parameters.
    inner = node.this
    return [f"session:{str(inner.name).lower()}"] if isinstance(inner, exp.Parameter) else []


def _one(kind: str) -> Any:
    return lambda node: [f"{kind}:{str(node.name).lower()}"]


def _option(node: Any) -> list[str]:
    # `FOR XML PATH('')`: an option with a value of its own.
    named = node.this.this if isinstance(node.this, exp.XMLKeyValueOption) else node.this
    return [f"option:{str(getattr(named, 'name', '') or node.name).lower()}"]


def _engine(node: Any) -> list[str]:
    this = node.this
    return [f"engine:{str(getattr(this, 'name', '') or this).lower()}"]


_SETTINGS: dict[type, Any] = {
    exp.Select: _select_settings,
    exp.SettingsProperty: lambda node: [
        f"setting:{_setting_name(one)}" for one in node.expressions
    ],
    exp.Hint: _hint,
    exp.WithTableHint: _hint,
    exp.IndexTableHint: lambda node: [f"index-hint:{str(node.this).lower()}"],
    exp.QueryOption: _option,
    exp.Describe: lambda node: [f"describe:{str(node.args.get('style') or 'plain').lower()}"],
    exp.SessionParameter: _one("session"),
    exp.Parameter: _system_variable,
    exp.DataType: _data_type,
    exp.Property: _property,
    exp.EngineProperty: _engine,
    exp.AutoRefreshProperty: lambda node: (
        ["property:auto refresh"] if str(node.this.name).upper() == "YES" else []
    ),
    exp.FileFormatProperty: _one("format"),
    exp.Alter: _alter,
    exp.PropertyEQ: _assignment,
    exp.Lateral: lambda node: [f"lateral:{type(node.this).__name__}"],
}
