"""Durable state: runs, their journal, incidents. SQLite in `.agentic/`, or PostgreSQL by URL."""

from agentic.store.approvals import Approvals, Ask, Rate, decided
from agentic.store.audit import AuditFault, AuditTrail, anchor_of
from agentic.store.clock import new_run_id, utc_now
from agentic.store.database import Store, open_store
from agentic.store.journal import Journal, Opened, Replayed
from agentic.store.remembered import LastProfile, NodeRow, ProfileRow, Remembered

__all__ = [
    "Approvals",
    "Ask",
    "AuditFault",
    "AuditTrail",
    "Journal",
    "LastProfile",
    "NodeRow",
    "Opened",
    "ProfileRow",
    "Rate",
    "Remembered",
    "Replayed",
    "Store",
    "anchor_of",
    "decided",
    "new_run_id",
    "open_store",
    "utc_now",
]
