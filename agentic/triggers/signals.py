"""One signal for each thing that went wrong in an invocation."""

from __future__ import annotations

import re

from agentic.masking import mask_text
from agentic.project import (
    Freshness,
    FreshnessResult,
    Manifest,
    Node,
    NodeResult,
    RunResults,
)
from agentic.records import IncidentKind, Signal

FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
_STALE = frozenset({"error", "runtime error"})
_MAX_MESSAGE = 8000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CONSTRAINT = re.compile(r"constraint error|violates .{0,40}constraint", re.IGNORECASE)


def build_signals(results: RunResults, manifest: Manifest) -> tuple[Signal, ...]:
    """Failed nodes and tests, in dbt's order. Warnings and skipped nodes are none."""
    return tuple(
        _of_result(result, manifest.all.get(result.unique_id))
        for result in results.results
        if result.status in FAILED
    )


def skipped_nodes(results: RunResults) -> tuple[str, ...]:
    return tuple(one.unique_id for one in results.results if one.status == "skipped")


def freshness_signals(freshness: Freshness, manifest: Manifest) -> tuple[Signal, ...]:
    """Stale sources, and those whose age could not be asked."""
    return tuple(
        _of_source(result, manifest.all.get(result.unique_id))
        for result in freshness.results
        if result.status in _STALE
    )


def clean(message: str | None) -> str:
    """A message without colours, secrets and personal values, of bounded length."""
    text = _COLOURS.sub("", message or "").replace("\r\n", "\n").strip()
    return mask_text(text[:_MAX_MESSAGE])


def _of_result(result: NodeResult, node: Node | None) -> Signal:
    message = result.message or result.status
    if result.status == "partial success" and result.batch_results:
        batches = ", ".join("/".join(batch) for batch in result.batch_results.failed)
        message = f"{message}: failed batches {batches}"
    return Signal(
        kind=_kind(result, node),
        node=result.unique_id,
        message=clean(message),
        attached=node.tested if node else "",
        failures=result.failures if result.status == "fail" else None,
        path=node.original_file_path if node else "",
        compiled_path=(node.compiled_path or "") if node else "",
    )


def _kind(result: NodeResult, node: Node | None) -> IncidentKind:
    message = result.message or ""
    if result.status == "fail":
        unit = result.unique_id.startswith("unit_test.")
        return "unit_test_failure" if unit else "test_failure"
    if "enforced contract that failed" in message:
        return "contract_violation"
    if node is not None and node.contract_enforced and _CONSTRAINT.search(message):
        return "contract_violation"
    return "compile_error" if message.startswith("Compilation Error") else "run_error"


def _of_source(result: FreshnessResult, node: Node | None) -> Signal:
    if result.error is not None or result.status == "runtime error":
        message = f"freshness could not be asked: {result.error or 'no reason given'}"
    else:
        hours = (result.max_loaded_at_time_ago_in_s or 0) / 3600
        message = f"last loaded at {result.max_loaded_at}, {hours:.1f} hours before it was asked"
        limit = (result.criteria or {}).get("error_after") or {}
        if limit.get("count"):
            message += f"; allowed are {limit['count']} {limit.get('period')}s"
    return Signal(
        kind="source_stale" if result.status == "error" else "run_error",
        node=result.unique_id,
        message=clean(message),
        path=node.original_file_path if node else "",
    )
