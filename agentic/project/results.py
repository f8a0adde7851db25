"""Shapes of run_results.json and sources.json."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.project.manifest import Metadata

BUILDING = frozenset({"build", "run", "test", "seed", "snapshot", "retry"})
"""Commands whose results say something of the state of the warehouse (`args.which`)."""


class BatchResults(msgspec.Struct, frozen=True):
    """Partition state of a microbatch node: [from, to) of each batch, ISO 8601."""

    successful: list[list[str]] = []
    failed: list[list[str]] = []


class NodeResult(msgspec.Struct, frozen=True):
    """What one node came to in one invocation."""

    unique_id: str
    status: str
    """success, error, skipped, partial success, pass, fail, warn, runtime error, no-op."""
    message: str | None = None
    failures: int | None = None
    """Failing rows of a test."""
    execution_time: float = 0.0
    """Seconds."""
    compiled: bool | None = None
    compiled_code: str | None = None
    relation_name: str | None = None
    batch_results: BatchResults | None = None
    adapter_response: dict[str, Any] = {}
    timing: list[dict[str, Any]] = []


class RunResults(msgspec.Struct, frozen=True):
    """run_results.json, v4 to v6."""

    metadata: Metadata
    results: list[NodeResult]
    args: dict[str, Any] = {}
    elapsed_time: float = 0.0
    """Seconds."""

    @property
    def which(self) -> str:
        """The dbt command that wrote it."""
        return str(self.args.get("which") or self.args.get("rpc_method") or "")

    @property
    def building(self) -> bool:
        """True when the command built or tested something (not compile, show, docs)."""
        return self.which in BUILDING

    @property
    def by_id(self) -> dict[str, NodeResult]:
        return {result.unique_id: result for result in self.results}


class FreshnessResult(msgspec.Struct, frozen=True):
    """How old one source is."""

    unique_id: str
    status: str
    """pass, warn, error, runtime error."""
    error: str | int | None = None
    max_loaded_at: str | None = None
    """ISO 8601, UTC."""
    snapshotted_at: str | None = None
    max_loaded_at_time_ago_in_s: float | None = None
    criteria: dict[str, Any] | None = None


class Freshness(msgspec.Struct, frozen=True):
    """sources.json, v3."""

    metadata: Metadata
    results: list[FreshnessResult]
    elapsed_time: float = 0.0
    """Seconds."""
