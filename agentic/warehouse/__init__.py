"""Connections with the least rights: what a relation holds, asked read-only, capped, in time."""

from agentic.warehouse import codes as codes
from agentic.warehouse.activity import Activity, Ran, activity_of
from agentic.warehouse.connection import Connection, open_connection
from agentic.warehouse.grant_dialects import (
    COLUMN_GRANTS,
    DIALECTS,
    Role,
    Statements,
    statements_of,
)
from agentic.warehouse.grants import LeftOut, Readable, Reading, reading_of
from agentic.warehouse.relation import Column, Plan, Relation, Rows
from agentic.warehouse.rights import Rights, rights_of
from agentic.warehouse.scratch import Scratch, open_scratch

__all__ = [
    "COLUMN_GRANTS",
    "DIALECTS",
    "Activity",
    "Column",
    "Connection",
    "LeftOut",
    "Plan",
    "Ran",
    "Readable",
    "Reading",
    "Relation",
    "Rights",
    "Role",
    "Rows",
    "Scratch",
    "Statements",
    "activity_of",
    "open_connection",
    "open_scratch",
    "reading_of",
    "rights_of",
    "statements_of",
]
