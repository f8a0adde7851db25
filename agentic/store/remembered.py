"""Rows of the history: invocations of dbt, how nodes ran in them, what relations held after them.

The records are JSON text that the history room writes and reads; here they are only kept and found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from agentic.store.database import Store
from agentic.store.schema import invocations, node_runs, profiles

KEPT_INVOCATIONS = 300
KEPT_PROFILES = 90
"""Of each node."""
_CHUNK = 500


class NodeRow(NamedTuple):
    """One node in one invocation."""

    unique_id: str
    status: str
    record: str


class ProfileRow(NamedTuple):
    """One relation after one invocation."""

    unique_id: str
    rows: int
    record: str


class LastProfile(NamedTuple):
    """When a relation was profiled last, and how many rows it had."""

    at: str
    rows: int


class Remembered:
    """The history's rows of one project."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def knows(self, invocation_id: str) -> bool:
        """Whether this invocation was remembered before."""
        query = select(invocations.c.at).where(*self._one(invocation_id))
        with self.store.begin() as connection:
            return connection.execute(query).first() is not None

    def profiled(self, invocation_id: str) -> bool:
        """Whether relations were profiled after this invocation."""
        query = select(invocations.c.profiled).where(*self._one(invocation_id))
        with self.store.begin() as connection:
            return bool(connection.execute(query).scalar())

    def add_invocation(
        self, invocation_id: str, *, at: str, green: bool, record: str, nodes: Sequence[NodeRow]
    ) -> bool:
        """Keep an invocation and its nodes, once. False when it was known."""
        mine = {"project": self.store.project, "invocation_id": invocation_id, "at": at}
        with self.store.begin() as connection:
            if connection.execute(
                select(invocations.c.at).where(*self._one(invocation_id))
            ).first():
                return False
            row = {**mine, "green": int(green), "profiled": 0, "record": record}
            connection.execute(insert(invocations).values(row))
            rows = {one.unique_id: {**mine, **one._asdict()} for one in nodes}
            _insert(connection, node_runs, list(rows.values()))
            self._forget_old(connection)
        return True

    def add_profiles(
        self, invocation_id: str, *, at: str, good: bool, rows: Sequence[ProfileRow]
    ) -> None:
        """Keep what relations held, once each an invocation, and note that they were asked."""
        mine = {"project": self.store.project, "invocation_id": invocation_id, "at": at}
        with self.store.begin() as connection:
            query = select(profiles.c.unique_id).where(
                profiles.c.project == self.store.project,
                profiles.c.invocation_id == invocation_id,
            )
            known: set[str] = set(connection.execute(query).scalars())
            fresh = [
                {
                    **mine,
                    "good": int(good),
                    "unique_id": one.unique_id,
                    "row_count": one.rows,
                    "record": one.record,
                }
                for one in rows
                if one.unique_id not in known
            ]
            _insert(connection, profiles, fresh)
            for one in fresh:
                self._forget_profiles(connection, str(one["unique_id"]))
            connection.execute(
                update(invocations).where(*self._one(invocation_id)).values(profiled=1)
            )

    def invocations(self, limit: int) -> list[str]:
        """Records of the last invocations, newest first."""
        query = (
            select(invocations.c.record)
            .where(invocations.c.project == self.store.project)
            .order_by(invocations.c.at.desc(), invocations.c.invocation_id)
            .limit(limit)
        )
        return self._texts(query)

    def node_runs(self, unique_id: str, limit: int) -> list[str]:
        """Records of one node's runs, newest first."""
        query = (
            select(node_runs.c.record)
            .where(node_runs.c.project == self.store.project, node_runs.c.unique_id == unique_id)
            .order_by(node_runs.c.at.desc(), node_runs.c.invocation_id)
            .limit(limit)
        )
        return self._texts(query)

    def runs_of_last(self, limit: int) -> list[str]:
        """Records of all nodes in the last invocations, newest first."""
        last = (
            select(invocations.c.invocation_id)
            .where(invocations.c.project == self.store.project)
            .order_by(invocations.c.at.desc())
            .limit(limit)
        )
        query = (
            select(node_runs.c.record)
            .where(
                node_runs.c.project == self.store.project,
                node_runs.c.invocation_id.in_(last.scalar_subquery()),
            )
            .order_by(node_runs.c.at.desc(), node_runs.c.unique_id)
        )
        return self._texts(query)

    def profiles(self, unique_id: str, limit: int, *, good: bool = False) -> list[str]:
        """Records of one relation's profiles, newest first; the good ones alone if asked."""
        wanted = [profiles.c.project == self.store.project, profiles.c.unique_id == unique_id]
        if good:
            wanted.append(profiles.c.good == 1)
        query = (
            select(profiles.c.record)
            .where(*wanted)
            .order_by(profiles.c.at.desc(), profiles.c.invocation_id)
            .limit(limit)
        )
        return self._texts(query)

    def last_profiled(self) -> dict[str, LastProfile]:
        """Each relation's last profile."""
        query = (
            select(profiles.c.unique_id, profiles.c.at, profiles.c.row_count)
            .where(profiles.c.project == self.store.project)
            .order_by(profiles.c.at)
        )
        with self.store.begin() as connection:
            rows = connection.execute(query).mappings()
            return {
                str(row["unique_id"]): LastProfile(str(row["at"]), int(row["row_count"]))
                for row in rows
            }

    def _one(self, invocation_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return (
            invocations.c.project == self.store.project,
            invocations.c.invocation_id == invocation_id,
        )

    def _texts(self, query: Select[tuple[str]]) -> list[str]:
        with self.store.begin() as connection:
            return [str(text) for text in connection.execute(query).scalars()]

    def _forget_old(self, connection: Connection) -> None:
        """Only the last invocations stay; profiles are kept by node."""
        oldest = connection.execute(
            select(invocations.c.at)
            .where(invocations.c.project == self.store.project)
            .order_by(invocations.c.at.desc())
            .offset(KEPT_INVOCATIONS - 1)
            .limit(1)
        ).scalar()
        if oldest is None:
            return
        for table in (invocations, node_runs):
            connection.execute(
                delete(table).where(table.c.project == self.store.project, table.c.at < oldest)
            )

    def _forget_profiles(self, connection: Connection, unique_id: str) -> None:
        mine = (profiles.c.project == self.store.project, profiles.c.unique_id == unique_id)
        count = connection.execute(select(func.count()).select_from(profiles).where(*mine)).scalar()
        if (count or 0) <= KEPT_PROFILES:
            return
        oldest = connection.execute(
            select(profiles.c.at)
            .where(*mine)
            .order_by(profiles.c.at.desc())
            .offset(KEPT_PROFILES - 1)
            .limit(1)
        ).scalar()
        connection.execute(delete(profiles).where(*mine, profiles.c.at < oldest))


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    for start in range(0, len(rows), _CHUNK):
        connection.execute(insert(table), list(rows[start : start + _CHUNK]))
