"""Connections with the least rights: what a relation holds, asked read-only, capped, in time."""

from agentic.warehouse.connection import Connection, open_connection
from agentic.warehouse.relation import Column, Relation, Rows

__all__ = ["Column", "Connection", "Relation", "Rows", "open_connection"]
