"""How each warehouse says it: GRANT statements from what a role may read and where it builds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from agentic.exceptions import WarehouseError
from agentic.sql import quote, relation_sql
from agentic.warehouse.grants import Readable, Reading


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the statements are for, and where it builds."""

    name: str
    database: str
    """Where the workspace's schemas are made."""
    build_schemas: tuple[str, ...]
    timeout_s: float
    """No statement of the role may take longer."""
    warehouse: str = ""
    """Snowflake's compute."""


class Statements(msgspec.Struct, frozen=True):
    """What to run, and what no statement can say."""

    statements: tuple[str, ...]
    notes: tuple[str, ...]


_ROLE = re.compile(r"[A-Za-z0-9_.:@-]{1,200}")
COLUMN_GRANTS = frozenset({"postgres", "redshift"})
"""Dialects that can grant single columns."""


def statements_of(reading: Reading, role: Role, dialect: str) -> Statements:
    """The role's statements. Raises WarehouseError for a name that no role should have, KeyError
    for a dialect that DIALECTS does not have."""
    if not _ROLE.fullmatch(role.name):
        raise WarehouseError(
            f"{role.name!r} is not a role's name",
            hint="Use letters, digits and `_ - . : @`, at most 200.",
        )
    lines: list[str] = []
    notes = list(_common_notes(reading, role))
    for line in DIALECTS[dialect](reading, role):
        (notes if line.startswith("-- ") else lines).append(line.removeprefix("-- "))
    return Statements(tuple(lines), tuple(notes))


def _common_notes(reading: Reading, role: Role) -> Iterator[str]:
    for one in reading.left_out:
        yield f"not readable: {'.'.join(one.parts)} ({one.why})"
    for item in reading.readable:
        if item.columns is not None:
            yield f"only some columns: {'.'.join(item.parts)} ({', '.join(item.columns)})"
        if item.masked:
            masked = ", ".join(item.masked)
            yield f"masked by agentic, not by the warehouse: {'.'.join(item.parts)} ({masked})"
    yield (
        "dbt makes tables and views anew, and a new one has no grants: run this again after a "
        f"build, or set `+grants: {{select: [{role.name}]}}` where the whole relation is readable"
    )


def _postgres(reading: Reading, role: Role) -> Iterator[str]:
    name, literal = quote(role.name, "postgres"), role.name.replace("'", "''")
    yield (
        f"do $agentic$ begin if not exists (select from pg_catalog.pg_roles where rolname = "
        f"'{literal}') then create role {name} login; end if; end $agentic$"
    )
    yield f"alter role {name} nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
    yield f"alter role {name} set statement_timeout = '{_milliseconds(role)}ms'"
    yield from _grants(reading, role, "postgres", to=name, revoke=True)
    yield f"-- give it a password: alter role {name} password '...'"
    yield (
        "-- PostgreSQL lets a role make schemas of any name or none; what it makes is its own, and "
        "nothing else becomes writable"
    )


def _redshift(reading: Reading, role: Role) -> Iterator[str]:
    name = quote(role.name, "redshift")
    yield f"create role {name}"
    yield from _grants(reading, role, "redshift", to=f"role {name}", revoke=False)
    yield f'-- give it to the agent\'s user: grant role {name} to "<user>"'
    timeout = _milliseconds(role)
    yield f'-- a role has no timeout: alter user "<user>" set statement_timeout to {timeout}'


def _grants(reading: Reading, role: Role, dialect: str, *, to: str, revoke: bool) -> Iterator[str]:
    database = quote(role.database, dialect)
    if revoke:
        # What an older version of the file granted goes first.
        for schema in _schemas(reading):
            yield f"revoke all on all tables in schema {quote(schema[-1], dialect)} from {to}"
            yield f"revoke all on schema {quote(schema[-1], dialect)} from {to}"
        yield f"grant connect on database {database} to {to}"
    # The workspace makes its schemas itself, and drops them.
    yield f"grant create on database {database} to {to}"
    for schema in _schemas(reading, readable=True):
        yield f"grant usage on schema {quote(schema[-1], dialect)} to {to}"
    for one in reading.readable:
        columns = ", ".join(quote(column, dialect) for column in one.columns or ())
        some = f" ({columns})" if one.columns is not None else ""
        yield f"grant select{some} on {relation_sql(one.parts[-2:], dialect)} to {to}"


def _snowflake(reading: Reading, role: Role) -> Iterator[str]:
    name = quote(role.name, "snowflake")
    yield f"create role if not exists {name}"
    if role.warehouse:
        yield f"grant usage on warehouse {quote(role.warehouse, 'snowflake')} to role {name}"
    databases = {one.parts[0] for one in reading.readable} | {role.database}
    for database in sorted(databases):
        yield f"grant usage on database {quote(database, 'snowflake')} to role {name}"
    for schema in _schemas(reading, readable=True):
        yield f"grant usage on schema {relation_sql(schema, 'snowflake')} to role {name}"
    for one in reading.readable:
        kind = {"view": "view", "dynamic_table": "dynamic table"}.get(one.kind, "table")
        relation = relation_sql(one.parts, "snowflake")
        yield f"grant select on {kind} {relation} to role {name}"
    yield f"grant create schema on database {quote(role.database, 'snowflake')} to role {name}"
    timeout = f"statement_timeout_in_seconds = {int(role.timeout_s)}"
    yield f'-- a role has no timeout: alter user "<user>" set {timeout}'
    yield "-- other roles of the user must not add rights: default_secondary_roles = ()"


def _bigquery(reading: Reading, role: Role) -> Iterator[str]:
    member = '"' + role.name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for one in reading.readable:
        kind = "view" if one.kind == "view" else "table"
        relation = relation_sql(one.parts, "bigquery")
        yield f"grant `roles/bigquery.dataViewer` on {kind} {relation} to {member}"
    for schema in _exact(role.build_schemas):
        place = relation_sql((role.database, schema), "bigquery")
        yield f"create schema if not exists {place}"
        yield f"grant `roles/bigquery.dataEditor` on schema {place} to {member}"
    yield (
        "-- to run queries and make datasets of its own: gcloud projects add-iam-policy-binding "
        f"{role.database} --member={role.name} --role=roles/bigquery.user"
    )
    timeout = f"job_execution_timeout_seconds: {int(role.timeout_s)}"
    yield f"-- a member has no timeout: write `{timeout}` in the target of profiles.yml"


def _databricks(reading: Reading, role: Role) -> Iterator[str]:
    name = quote(role.name, "databricks")
    catalogs = {one.parts[0] for one in reading.readable if len(one.parts) == 3}
    for catalog in sorted(catalogs | ({role.database} if role.database else set())):
        yield f"grant use catalog on catalog {quote(catalog, 'databricks')} to {name}"
    for schema in _schemas(reading, readable=True):
        yield f"grant use schema on schema {relation_sql(schema, 'databricks')} to {name}"
    for one in reading.readable:
        kind = {"view": "view", "materialized_view": "materialized view"}.get(one.kind, "table")
        yield f"grant select on {kind} {relation_sql(one.parts, 'databricks')} to {name}"
    if role.database:
        yield f"grant create schema on catalog {quote(role.database, 'databricks')} to {name}"
    timeout = f"statement_timeout = {int(role.timeout_s)}"
    yield f"-- a group has no timeout: set {timeout} on its SQL warehouse"


DIALECTS: dict[str, Callable[[Reading, Role], Iterable[str]]] = {
    "postgres": _postgres,
    "snowflake": _snowflake,
    "bigquery": _bigquery,
    "redshift": _redshift,
    "databricks": _databricks,
}


def _schemas(reading: Reading, *, readable: bool = False) -> list[tuple[str, ...]]:
    members: list[Readable] = list(reading.readable)
    found = {one.schema for one in members}
    if not readable:
        found |= {one.parts[:-1] for one in reading.left_out}
    return sorted(found)


def _exact(patterns: Iterable[str]) -> list[str]:
    return [one for one in patterns if not any(sign in one for sign in "*?[")]


def _milliseconds(role: Role) -> int:
    return int(role.timeout_s * 1000)
