"""A statement that makes or alters a relation: what it names, and the same one elsewhere."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql.parsing import parse


class Ddl(NamedTuple):
    """A CREATE TABLE, CREATE VIEW or ALTER TABLE."""

    action: str
    """`create` or `alter`."""
    kind: str
    """`table` or `view`."""
    parts: tuple[str, ...]
    """The relation, outermost part first, as it is written."""
    text: str
    """The statement again, as the dialect writes it, over several lines."""
    from_rows: bool
    """True for `create ... as select`."""


def read_ddl(sql: str, dialect: str) -> Ddl:
    """Raises SqlError for anything but one statement that makes or alters a table or a view."""
    tree = parse(sql, dialect)
    target = _target(tree)
    if target is None:
        raise SqlError(
            "this is not one CREATE TABLE, CREATE VIEW or ALTER TABLE",
            hint="Drops, grants and changes of rows are for a person.",
        )
    parts = tuple(part.name for part in target.parts)
    return Ddl(
        action="alter" if isinstance(tree, exp.Alter) else "create",
        kind=str(tree.args.get("kind") or "").lower(),
        parts=parts,
        text=tree.sql(dialect=dialect or None, pretty=True),
        from_rows=isinstance(tree.args.get("expression"), exp.Query),
    )


def moved_to(sql: str, schema: str, dialect: str) -> str:
    """The statement with its own relation in another schema; what it reads stays.

    Raises SqlError.
    """
    tree = parse(sql, dialect)
    target = _target(tree)
    if target is None:
        raise SqlError("this is not one CREATE TABLE, CREATE VIEW or ALTER TABLE")
    target.replace(exp.table_(target.this.name, db=schema, quoted=True))
    return tree.sql(dialect=dialect or None)


def empty_copy_sql(source: tuple[str, ...], copy: tuple[str, str], dialect: str) -> str:
    """A table of the same columns and no row."""
    rows = exp.select("*").from_(_table(source)).limit(0)
    made = exp.Create(this=_table(copy), kind="TABLE", expression=rows)
    return made.sql(dialect=dialect or None)


def _table(parts: tuple[str, ...]) -> exp.Table:
    named = dict(zip(("table", "db", "catalog"), reversed(parts), strict=False))
    return exp.table_(quoted=True, **named)


def _target(tree: exp.Expression) -> exp.Table | None:
    if not isinstance(tree, exp.Create | exp.Alter):
        return None
    kinds = ("TABLE",) if isinstance(tree, exp.Alter) else ("TABLE", "VIEW")
    if str(tree.args.get("kind") or "").upper() not in kinds:
        return None
    made = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return made if isinstance(made, exp.Table) else None
