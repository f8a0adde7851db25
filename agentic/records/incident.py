"""What set a run off."""

from __future__ import annotations

from typing import Literal

import msgspec

IncidentKind = Literal[
    "run_error",
    "parse_error",
    "compile_error",
    "test_failure",
    "unit_test_failure",
    "contract_violation",
    "source_stale",
    "schema_drift",
    "anomaly",
    "orchestrator_failure",
    "quality_gate_failure",
    "request",
]


class Signal(msgspec.Struct, frozen=True):
    """One observation from outside: one failed node, one failed test, one stale source."""

    kind: IncidentKind
    node: str
    """`unique_id` of the node that failed; empty for a parse error that names no node."""
    message: str
    """The error text, masked."""
    attached: str = ""
    """For a test: `unique_id` of the node it tests."""
    failures: int | None = None
    """For a test: failing rows."""
    path: str = ""
    """File of the node, relative to the project."""
    compiled_path: str = ""
    figures: dict[str, str | float | None] = {}
    """For an anomaly: what was measured, against what."""


class Incident(msgspec.Struct, frozen=True):
    """Signals with one origin: the earliest failing node, and what failed with it."""

    id: str
    kind: IncidentKind
    node: str
    """`unique_id` of the first failing node."""
    message: str
    fingerprint: str
    """Stable over invocations: the same failure of the same node gives the same fingerprint."""
    signals: tuple[Signal, ...] = ()
    skipped: tuple[str, ...] = ()
    """Nodes that dbt skipped because of it."""
    invocation_id: str = ""
    target: str = ""
    first_seen_at: str = ""
    """ISO 8601, UTC."""
    request: str = ""
    """The task in words, for kind `request`."""
