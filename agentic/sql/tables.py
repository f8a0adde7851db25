"""Names of relations and columns as plain values: what a statement says, what a catalog answers.

Labels say what is known of a column's values; they are bits, so that expressions can join them.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from sqlglot import exp

CLEAN = 0
PII = 1
"""Derived from a value that may not be output."""
BARE = 2
"""The value itself, unchanged but for case and surrounding space; only together with PII."""
PROBED = 4
"""The result of a comparison, a search or an ordering of such a value."""
GROUPED = 8
"""One figure for each such value."""
SYSTEM = 16
"""A definition, statistic or setting of the engine."""
MASKED = 32
"""Readable, but only behind a mask."""

FOLD_LOWER = frozenset({"postgres"})
FOLD_UPPER = frozenset({"snowflake", "oracle"})
FOLD_NOT = frozenset({"mysql", "clickhouse"})


class Name(msgspec.Struct, frozen=True):
    """One part of a name as written."""

    text: str
    quoted: bool = False

    def fold(self, dialect: str) -> str:
        """The text as the engine stores it, so that two spellings of one name are equal."""
        if dialect in FOLD_NOT:
            return self.text
        if dialect in FOLD_LOWER:
            return self.text if self.quoted else self.text.lower()
        if dialect in FOLD_UPPER:
            return self.text if self.quoted else self.text.upper()
        return self.text.lower()


class RelationName(msgspec.Struct, frozen=True):
    """A relation as a statement names it: up to three parts, outermost last."""

    name: Name
    schema: Name | None = None
    database: Name | None = None
    beyond: bool = False
    """More than three parts: a linked server."""
    path: bool = False
    """A file, a URL or a stage, not a name."""
    dynamic: bool = False
    """The name is only known when the statement runs."""

    @property
    def text(self) -> str:
        """As written, joined by dots."""
        parts = (self.database, self.schema, self.name)
        return ".".join(part.text for part in parts if part is not None)


class Columns(msgspec.Struct):
    """The columns of a relation or a query, in order, each with its label."""

    pairs: list[tuple[str, int]]
    """(lower-case name, label)."""
    rest: int | None = None
    """Label of columns that are not listed; None: there are no others."""
    hidden: dict[str, int] = {}
    """Columns that can be named but that a star does not list."""
    unlisted: int = CLEAN
    """Label of what a star may give beyond `pairs`."""

    def label(self, name: str) -> int | None:
        """The label of a column by its lower-case name; None when there is no such column."""
        found = [label for own, label in self.pairs if own == name]
        if found:
            label = found[0]
            for other in found[1:]:
                label |= other
            return label
        hidden = self.hidden.get(name)
        return self.rest if hidden is None else hidden

    def listed(self, name: str) -> bool:
        """True when the column is known by name, not only possible."""
        return name in self.hidden or any(own == name for own, _ in self.pairs)

    def whole(self) -> int:
        """The label of the whole row."""
        label = self.rest or CLEAN
        for _, one in self.pairs:
            label |= one
        for one in self.hidden.values():
            label |= one
        return label


class Refusal(msgspec.Struct, frozen=True):
    """Why something may not be used."""

    code: str
    reason: str


class Readable(msgspec.Struct, frozen=True):
    """A relation that may be read."""

    name: str
    columns: Columns


class Catalog(Protocol):
    """What the judge of names answers; `agentic.policy` has one over guardrails and schema."""

    dialect: str

    def relation(self, name: RelationName) -> Readable | Refusal:
        """A relation's columns, or why it may not be read."""

    def function_columns(self, name: str, arguments: tuple[str, ...]) -> Columns | Refusal | None:
        """Columns of a table function that reads a relation; None: only its arguments matter."""


def name_of(node: object) -> Name | None:
    """The identifier as a `Name`; None when there is no identifier."""
    if isinstance(node, exp.Identifier):
        return Name(str(node.this), bool(node.args.get("quoted")))
    if isinstance(node, exp.Var):
        return Name(str(node.this))
    return None


def relation_name(table: exp.Table, dialect: str = "") -> RelationName | None:
    """How a Table node names its relation; None when it is a table function."""
    this = table.this
    if isinstance(this, exp.Func):
        return None
    if isinstance(this, exp.Dot):
        last = this.expression
        return RelationName(name_of(last) or Name(str(last)), beyond=True)
    name = name_of(this)
    if name is None:
        if isinstance(this, exp.Literal | exp.Var):
            return RelationName(Name(str(this.this), True), path=True)
        return RelationName(Name(str(this)), dynamic=True)
    schema, database = name_of(table.args.get("db")), name_of(table.args.get("catalog"))
    if dialect == "bigquery":
        return _bigquery_name(name, schema, database)
    return RelationName(name, schema, database)


def _bigquery_name(name: Name, schema: Name | None, database: Name | None) -> RelationName:
    # sqlglot keeps `INFORMATION_SCHEMA.TABLES` as one quoted identifier, and one backtick pair may
    # hold all parts; a table's own name holds no dot in BigQuery, so splitting loses nothing.
    parts = [part for part in (database, schema, name) if part is not None]
    split = [Name(piece, part.quoted) for part in parts for piece in part.text.split(".")]
    if len(split) >= 3 and split[-2].text.upper() == "INFORMATION_SCHEMA":
        return RelationName(split[-1], split[-2], split[-3])
    if len(split) > 3:
        return RelationName(split[-1], beyond=True)
    schema = split[-2] if len(split) > 1 else None
    return RelationName(split[-1], schema, split[-3] if len(split) > 2 else None)
