"""Signals from outside become incidents: what the last build left, what changed silently."""

from agentic.triggers.anomalies import silent_changes
from agentic.triggers.collect import Collected, collect, examine
from agentic.triggers.grouping import GraphLike, Invocation, fingerprint_of, group, incident_of

__all__ = [
    "Collected",
    "GraphLike",
    "Invocation",
    "collect",
    "examine",
    "fingerprint_of",
    "group",
    "incident_of",
    "silent_changes",
]
