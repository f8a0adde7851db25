"""The warehouse under a workspace: a copied DuckDB file, or schemas of its own in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import WorkspaceError
from agentic.project import Target
from agentic.sql import exp, quote
from agentic.warehouse import Connection, Relation, open_connection
from agentic.workspace.copies import copy_databases, local_file
from agentic.workspace.verify import in_schema


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace builds."""

    source: Target
    """The baseline's target as it is."""
    target: Target
    """The same with the workspace's schema and database file."""
    changes: dict[str, Any]
    """Settings that differ from the user's profile."""
    project_root: Path
    database_path: Path | None = None
    """The DuckDB copy; None for a server."""

    @property
    def empty(self) -> bool:
        """True for a DuckDB file that nobody has written yet: there is nothing to connect to."""
        return self.database_path is not None and not self.database_path.is_file()

    def connect(self, *, writable: bool = False) -> Connection:
        """A session with the workspace's warehouse. Raises WarehouseError."""
        return open_connection(
            self.target,
            project_root=self.project_root,
            writable=writable,
            database_path=self.database_path,
        )


def make_ground(target: Target, project_root: Path, folder: Path, schema: str) -> Ground:
    """Copy what must be copied. Raises WorkspaceError, and WarehouseLocked under a writer."""
    if target.adapter != "duckdb":
        return Ground(
            source=target,
            target=msgspec.structs.replace(target, schema=schema),
            changes={},
            project_root=project_root,
        )
    path = str(target.settings.get("path") or ":memory:")
    file = local_file(path, project_root)
    if file is not None and file.is_file():
        # A reader's lock keeps writers out while the file is copied, so that the copy is whole.
        with open_connection(target, project_root=project_root):
            changes, copy = copy_databases(target.settings, project_root, folder)
    else:
        changes, copy = copy_databases(target.settings, project_root, folder)
    if copy is None:
        (folder / "main").mkdir(parents=True, exist_ok=True)
        copy = folder / "main" / f"{target.database}.duckdb"
        changes["path"] = str(copy)
    return Ground(
        source=target,
        target=msgspec.structs.replace(
            target, schema=schema, settings={**target.settings, **changes}
        ),
        changes=changes,
        project_root=project_root,
        database_path=copy,
    )


def drop_schemas(connection: Connection, bases: Iterable[str]) -> tuple[str, ...]:
    """Drop the workspace's schemas and all in them; returns their names."""
    wanted = tuple(bases)
    found = [name for name in connection.schemas() if any(in_schema(name, b) for b in wanted)]
    for name in found:
        connection.execute(f"drop schema if exists {quote(name, connection.dialect)} cascade")
    return tuple(found)


def create_schema(connection: Connection, schema: str) -> None:
    connection.execute(f"create schema if not exists {quote(schema, connection.dialect)}")


def existing(connection: Connection) -> frozenset[tuple[str, str]]:
    """(schema, identifier) of every relation, lower case; databases of one session are merged."""
    return frozenset((one.schema.lower(), one.identifier.lower()) for one in connection.relations())


def holds(known: Collection[tuple[str, str]], relation: Relation) -> bool:
    return (relation.schema.lower(), relation.identifier.lower()) in known


def copy_relation(connection: Connection, source: Relation, copy: Relation, *, cap: int) -> str:
    """Give an incremental node or a snapshot the baseline's rows to start from.

    Returns why it could not, or an empty string.
    """
    dialect = connection.dialect
    table = exp.to_table(source.sql(dialect), dialect=dialect)
    rows = connection.query(exp.select(exp.Count(this=exp.Star())).from_(table).sql(dialect)).rows
    if int(rows[0][0]) > cap:
        return f"began empty: the {rows[0][0]} rows of {source} are more than {cap}"
    create_schema(connection, copy.schema)
    every = exp.select("*").from_(table).sql(dialect)
    connection.execute(f"create table {copy.sql(dialect)} as {every}")
    return ""


def show_renamed(
    connection: Connection, source: Relation, view: Relation, renamed: dict[str, str]
) -> None:
    """A view of a raw table under its old column names; `renamed`: today's name -> the old one.

    Raises WorkspaceError when the table or a column is not there.
    """
    columns = connection.columns(source)
    names = [column.name for column in columns or ()]
    lowered = {name.lower() for name in names}
    lacking = [name for name in renamed if name.lower() not in lowered]
    if not names or lacking:
        raise WorkspaceError(f"{source} has no column {', '.join(lacking) or 'at all'}")
    old = {today.lower(): before for today, before in renamed.items()}
    shadowed = {before.lower() for before in renamed.values()}
    dialect = connection.dialect
    parts = [
        exp.column(name, quoted=True).as_(old.get(name.lower(), name), quoted=True)
        for name in names
        if name.lower() in old or name.lower() not in shadowed
    ]
    every = exp.select(*parts).from_(exp.to_table(source.sql(dialect), dialect=dialect))
    create_schema(connection, view.schema)
    connection.execute(f"create view {view.sql(dialect)} as {every.sql(dialect)}")
