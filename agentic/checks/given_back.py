"""Rows that were made of something else, because a column that their code reads was not there."""

from __future__ import annotations

from collections.abc import Mapping

from agentic.checks.subject import Subject
from agentic.exceptions import WarehouseError
from agentic.lineage import columns_expected_of
from agentic.warehouse import Connection, Relation


def given_back(
    subject: Subject,
    connection: Connection,
    uid: str,
    before: Mapping[str, Relation],
    after: Mapping[str, Relation],
) -> str:
    """Why a node's rows must change; empty where they need not.

    Some engines take a name that the parent lacks for an alias of the same select list: the reader
    is green, and its rows are wrong. Told by facts alone: the reader is the node or above it, it
    reads a column of a parent, and the parent gives it after the change and did not before.
    """
    upper = {uid, *subject.graph.ancestors(uid)}
    for parent in sorted(upper & before.keys() & after.keys() - {uid}):
        expected = columns_expected_of(parent, subject.manifest, subject.dialect)
        try:
            lacked, given = (_names(connection, side[parent]) for side in (before, after))
        except WarehouseError:
            continue
        for name in sorted(expected.keys() & given - lacked):
            readers = sorted(set(expected[name].readers) & upper - {parent})
            if readers and lacked:
                short = readers[0].rsplit(".", 1)[-1]
                return (
                    f"its rows change: {short} read {name}, which {parent.rsplit('.', 1)[-1]} did "
                    "not give, and took something else of that name"
                )
    return ""


def _names(connection: Connection, relation: Relation) -> set[str]:
    return {column.name.lower() for column in connection.columns(relation) or ()}
