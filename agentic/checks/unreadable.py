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
    change, and it gained as many nulls as it has changed rows, so that each of them became null.
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
            if _nulls(connection, after, now.name) - _nulls(connection, before, was.name) != rows:
                return ""
    except WarehouseError:
        return ""
    names = ", ".join(diff.changed)
    return f"{diff.rows_changed} rows whose {names} is no value of the needed type hold null"


def _nulls(connection: Connection, relation: Relation, name: str) -> int:
    table = exp.table_(relation.identifier, relation.schema, relation.database, quoted=True)
    empty = exp.column(name, quoted=True).is_(exp.null())
    counted = exp.select(exp.Count(this=exp.Star())).from_(table).where(empty)
    rows = connection.query(counted.sql(dialect=connection.dialect), max_rows=1).rows
    return int(str(rows[0][0]))
