"""Values that a safe cast reads as null, since they are not of the type that is needed."""

from __future__ import annotations

import re

from agentic.checks.subject import Subject
from agentic.exceptions import WarehouseError
from agentic.sql import exp
from agentic.warehouse import Connection, Relation
from agentic.workspace import RelationDiff

_TEXT = re.compile(r"char|text|string", re.IGNORECASE)
_CLASSES = ("src_type_changed",)


def became_null(
    subject: Subject,
    connection: Connection,
    before: Relation,
    after: Relation,
    diff: RelationDiff,
) -> str:
    """Why the changed values may be null now; empty where one of them is anything else.

    Only for a source's column that became text: every changed column was text and is none after the
    change, it gained as many nulls as it has changed rows, so that each of them became null, and as
    many of its texts are no value of the new type by the engine's own reading.
    """
    finding = subject.finding
    if finding is None or finding.cls not in _CLASSES or not diff.changed:
        return ""
    try:
        old, new = (
            {column.name.lower(): column for column in connection.columns(side) or ()}
            for side in (before, after)
        )
        for name, rows in diff.changed.items():
            was, now = old.get(name.lower()), new.get(name.lower())
            if was is None or now is None or not _TEXT.search(was.type) or _TEXT.search(now.type):
                return ""
            gained = _nulls(connection, after, now.name) - _nulls(connection, before, was.name)
            if not rows == gained == _unreadable(connection, before, was.name, now.type):
                return ""
    except WarehouseError:
        return ""
    names = ", ".join(diff.changed)
    return f"{diff.rows_changed} rows whose {names} is no value of the needed type hold null"


def _nulls(connection: Connection, relation: Relation, name: str) -> int:
    return _count(connection, relation, _column(name).is_(exp.null()))


def _unreadable(connection: Connection, relation: Relation, name: str, kind: str) -> int:
    """Rows whose text the engine does not take for a value of a type."""
    filled = _column(name).is_(exp.null()).not_()
    if connection.dialect == "postgres":  # from 16; where it is not there, nothing is excused
        valid = exp.func("pg_input_is_valid", _column(name), exp.Literal.string(kind))
        return _count(connection, relation, exp.and_(filled, exp.not_(valid)))
    to = exp.DataType.build(kind, dialect=connection.dialect)
    read = exp.TryCast(this=_column(name), to=to)
    return _count(connection, relation, exp.and_(filled, read.is_(exp.null())))


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def _count(connection: Connection, relation: Relation, where: exp.Condition) -> int:
    table = exp.table_(relation.identifier, relation.schema, relation.database, quoted=True)
    counted = exp.select(exp.Count(this=exp.Star())).from_(table).where(where)
    rows = connection.query(counted.sql(dialect=connection.dialect), max_rows=1).rows
    return int(str(rows[0][0]))
