"""PostgreSQL: scratch databases, made from templates or filled with copies of a few tables.

`create database ... template` refuses a template that others are connected to, which a user's
database always is: that one is read, table by table, in one read-only snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from agentic.exceptions import WarehouseError
from agentic.project import Target
from agentic.warehouse.postgres_driver import parameters_of, prepare, unreachable
from agentic.warehouse.relation import Relation

_COLUMNS = """
    select a.attname, a.attnotnull,
      case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod)
        else format_type(a.atttypid, a.atttypmod) end
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
_KEYS = """
    select pg_get_constraintdef(k.oid)
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and k.contype in ('p', 'u') order by k.oid
"""
_ENUMS = """
    select n.nspname, t.typname, array_agg(e.enumlabel::text order by e.enumsortorder)
    from pg_catalog.pg_type t join pg_catalog.pg_enum e on e.enumtypid = t.oid
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    group by 1, 2 order by 1, 2
"""
_EXTENSIONS = """
    select e.extname, n.nspname from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname <> 'plpgsql' order by e.oid
"""
_SIZE = """
    select coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s
"""
_LOCALE = """
    select pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype
    from pg_catalog.pg_database where datname = current_database()
"""
_OWN = """
    select datname from pg_catalog.pg_database
    where starts_with(datname, %s) and pg_catalog.pg_get_userbyid(datdba) = current_user order by 1
"""


def connect(target: Target) -> PostgresScratch:
    """Connect to a target's own database. Raises WarehouseError."""
    return PostgresScratch(target, _session(target, target.database))


def _session(target: Target, database: str) -> psycopg.Connection[Any]:
    try:
        session = psycopg.connect(**parameters_of(target.settings, database), autocommit=True)
        prepare(session, target.settings, "")
        # Names of types come out with their schema.
        session.execute("select set_config('search_path', '', false)")
    except (psycopg.Error, ValueError) as error:
        raise unreachable(error, target.settings) from error
    return session


class PostgresScratch:
    """A session on a target's database that creates, fills and drops others."""

    def __init__(self, target: Target, session: psycopg.Connection[Any]) -> None:
        self._target = target
        self._session = session
        self.role = str(self._rows("select current_user")[0][0])

    def may_create(self) -> bool:
        asked = "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = %s"
        return any(row[0] for row in self._rows(asked, [self.role]))

    def create(self, name: str, *, template: str = "") -> None:
        if template:
            made = SQL("create database {} template {}").format(
                Identifier(name), Identifier(template)
            )
        else:
            made = SQL(
                "create database {} template template0 encoding {} lc_collate {} lc_ctype {}"
            ).format(Identifier(name), *(Literal(one) for one in self._rows(_LOCALE)[0]))
        self._run(made)

    def drop(self, name: str) -> None:
        self._run(SQL("drop database if exists {} with (force)").format(Identifier(name)))

    def databases(self, prefix: str) -> tuple[str, ...]:
        return tuple(str(row[0]) for row in self._rows(_OWN, [prefix]))

    def size(self, relations: Iterable[Relation]) -> int:
        found = (self._rows(_SIZE, [one.schema, one.identifier]) for one in relations)
        return sum(int(rows[0][0]) for rows in found)

    def copy_into(self, name: str, relations: Iterable[Relation]) -> tuple[Relation, ...]:
        copied = []
        try:
            with (
                _session(self._target, name) as into,
                self._session.transaction(),
            ):
                self._session.execute("set transaction isolation level repeatable read, read only")
                self._types(into)
                for relation in relations:
                    if self._copy(into, relation):
                        copied.append(relation)
        except psycopg.Error as error:
            raise WarehouseError(str(error).strip()) from error
        return tuple(copied)

    def _types(self, into: psycopg.Connection[Any]) -> None:
        """Extensions and enums, as far as the role may make them; any other type becomes text."""
        for extension, schema in self._rows(_EXTENSIONS):
            with suppress(psycopg.Error):
                _make_schema(into, schema)
                into.execute(
                    SQL("create extension if not exists {} schema {}").format(
                        Identifier(extension), Identifier(schema)
                    )
                )
        for schema, name, labels in self._rows(_ENUMS):
            with suppress(psycopg.Error):  # an extension brought it
                _make_schema(into, schema)
                listed = SQL(", ").join(Literal(label) for label in labels)
                into.execute(
                    SQL("create type {} as enum ({})").format(Identifier(schema, name), listed)
                )

    def _copy(self, into: psycopg.Connection[Any], relation: Relation) -> bool:
        place = [relation.schema, relation.identifier]
        columns = self._rows(_COLUMNS, place)
        if not columns:
            return False
        table = Identifier(relation.schema, relation.identifier)
        known = {
            str(kind): into.execute("select to_regtype(%s) is not null", [kind]).fetchall()[0][0]
            for _, _, kind in columns
        }
        parts = [
            SQL("{} {} {}").format(
                Identifier(column),
                SQL(kind if known[kind] else "text"),
                SQL("not null" if needed else ""),
            )
            for column, needed, kind in columns
        ]
        parts += [SQL(row[0]) for row in self._rows(_KEYS, place)]
        _make_schema(into, relation.schema)
        into.execute(SQL("create table {} ({})").format(table, SQL(", ").join(parts)))
        names = SQL(", ").join(Identifier(column) for column, _, _ in columns)
        read = SQL("copy (select {} from {}) to stdout").format(names, table)
        write = SQL("copy {} ({}) from stdin").format(table, names)
        with (
            self._session.cursor().copy(read) as rows,
            into.cursor().copy(write) as landing,
        ):
            for block in rows:
                landing.write(block)
        return True

    def _rows(self, sql: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = self._session.execute(
                sql.encode(), parameters
            ).fetchall()
        except psycopg.Error as error:
            raise WarehouseError(str(error).strip()) from error
        return found

    def _run(self, statement: Composed) -> None:
        try:
            self._session.execute(statement)
        except psycopg.Error as error:
            raise WarehouseError(str(error).strip()) from error

    def __enter__(self) -> PostgresScratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()


def _make_schema(into: psycopg.Connection[Any], schema: str) -> None:
    into.execute(SQL("create schema if not exists {}").format(Identifier(schema)))
