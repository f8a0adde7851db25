"""Durable state: runs, their journal, incidents. SQLite in `.agentic/`, or PostgreSQL by URL."""

from agentic.store.clock import new_run_id, utc_now
from agentic.store.database import Store, open_store
from agentic.store.journal import Journal, Replayed

__all__ = ["Journal", "Replayed", "Store", "new_run_id", "open_store", "utc_now"]
