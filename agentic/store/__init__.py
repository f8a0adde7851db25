"""Durable state: runs, their journal, incidents. SQLite in `.agentic/`, or PostgreSQL by URL."""

from agentic.store.database import Store, open_store
from agentic.store.journal import Journal, Replayed

__all__ = ["Journal", "Replayed", "Store", "open_store"]
