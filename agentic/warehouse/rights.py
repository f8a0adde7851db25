"""What a target's user may do, as the warehouse itself says: the belt behind the SQL policy."""

from __future__ import annotations

import msgspec

from agentic.warehouse.connection import Connection

_POSTGRES = """
    select current_user, rolsuper, has_database_privilege(current_database(), 'CREATE'),
      pg_has_role('pg_write_all_data', 'MEMBER'), pg_has_role('pg_execute_server_program', 'MEMBER')
    from pg_catalog.pg_roles where rolname = current_user
"""


class Rights(msgspec.Struct, frozen=True):
    """What the user of a connection may do."""

    user: str
    """Empty where the warehouse has no users."""
    may_create_schemas: bool
    excessive: tuple[str, ...] = ()
    """Rights that no agent needs."""


def rights_of(connection: Connection) -> Rights:
    """Ask the warehouse. Raises WarehouseError."""
    if connection.dialect != "postgres":
        # A DuckDB file has no users: what is opened read-only stays as it is.
        return Rights(user="", may_create_schemas=True)
    user, superuser, create, write_all, programs = connection.query(_POSTGRES).rows[0]
    held = {
        "superuser": superuser,
        "pg_write_all_data": write_all,
        "pg_execute_server_program": programs,
    }
    excessive = ("superuser",) if superuser else tuple(name for name, has in held.items() if has)
    return Rights(user=str(user), may_create_schemas=bool(create), excessive=excessive)
