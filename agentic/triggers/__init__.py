"""Signals from outside become incidents; here, from what the last dbt invocation left behind."""

from agentic.triggers.collect import Collected, collect, examine
from agentic.triggers.grouping import GraphLike, fingerprint_of, group

__all__ = ["Collected", "GraphLike", "collect", "examine", "fingerprint_of", "group"]
