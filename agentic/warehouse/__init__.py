"""Connections with the least rights: what a relation holds, asked read-only, capped, in time."""

from agentic.warehouse import codes as codes
from agentic.warehouse.connection import Connection, open_connection
from agentic.warehouse.relation import Column, Relation, Rows
from agentic.warehouse.rights import Rights, rights_of

__all__ = [
    "Column",
    "Connection",
    "Relation",
    "Rights",
    "Rows",
    "open_connection",
    "rights_of",
]
