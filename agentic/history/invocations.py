"""What dbt did, invocation by invocation and node by node: run_results.json is overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable

from agentic.history.shapes import Invocation, NodeRun
from agentic.masking import mask_text
from agentic.project import Manifest, Node, NodeResult, RunResults
from agentic.records import dump, dumps, loads
from agentic.store import NodeRow, Remembered, Store

BAD = frozenset({"error", "fail", "runtime error", "partial success", "skipped"})
"""Statuses that make an invocation red; a warning does not."""
MESSAGE = 1000
"""Characters of a message that are kept."""
_DULL = re.compile(r"^(OK|SELECT|CREATE|INSERT|MERGE|None)\b[\w ()]*$")


def record_invocation(
    store: Store,
    manifest: Manifest,
    run_results: RunResults,
    *,
    target: str = "",
    head: str = "",
    clean: Callable[[str], str] = str,
) -> bool:
    """Remember a building invocation once; False when it was known, or built nothing.

    `head` is the commit that is checked out; `clean` takes out of a message what may not be kept,
    beyond what is masked by pattern. Raises StoreError.
    """
    invocation_id = run_results.metadata.invocation_id
    if not invocation_id or not run_results.building or not run_results.results:
        return False
    kept = Remembered(store)
    if kept.knows(invocation_id):
        return False
    told = _invocation(run_results, invocation_id, target=target, head=head)
    nodes = [
        _node_run(result, manifest.all.get(result.unique_id), told, clean)
        for result in run_results.results
    ]
    rows = [NodeRow(one.unique_id, one.status, dumps(one)) for one in nodes]
    return kept.add_invocation(
        invocation_id, at=told.at, green=told.green, record=dumps(told), nodes=rows
    )


def is_green(run_results: RunResults) -> bool:
    """Whether everything that the invocation built or tested went well (warnings included)."""
    return not any(result.status in BAD for result in run_results.results)


def invocations(store: Store, limit: int = 50) -> tuple[Invocation, ...]:
    """Remembered invocations, newest first."""
    return tuple(loads(text, Invocation) for text in Remembered(store).invocations(limit))


def node_runs(store: Store, unique_id: str, limit: int = 50) -> tuple[NodeRun, ...]:
    """How one node ran, newest first."""
    return tuple(loads(text, NodeRun) for text in Remembered(store).node_runs(unique_id, limit))


def runs_of_last(store: Store, limit: int = 30) -> tuple[NodeRun, ...]:
    """How every node ran in the last `limit` invocations, newest first."""
    return tuple(loads(text, NodeRun) for text in Remembered(store).runs_of_last(limit))


def _invocation(results: RunResults, invocation_id: str, *, target: str, head: str) -> Invocation:
    failed = sum(result.status in BAD for result in results.results)
    return Invocation(
        invocation_id=invocation_id,
        command=results.which,
        at=results.metadata.generated_at,
        target=target or str(results.args.get("target") or ""),
        dbt_version=results.metadata.dbt_version,
        elapsed_s=round(results.elapsed_time, 3),
        green=failed == 0,
        nodes=len(results.results),
        failed=failed,
        head=head,
        full_refresh=bool(results.args.get("full_refresh")),
    )


def _node_run(
    result: NodeResult, node: Node | None, told: Invocation, clean: Callable[[str], str]
) -> NodeRun:
    started, completed = _span(result)
    checksum = getattr(node.checksum, "checksum", "") if node is not None else ""
    message = result.message or ""
    return NodeRun(
        invocation_id=told.invocation_id,
        unique_id=result.unique_id,
        status=result.status,
        at=told.at,
        command=told.command,
        target=told.target,
        started_at=started,
        completed_at=completed,
        duration_s=round(result.execution_time, 4),
        rows_affected=_count(result.adapter_response.get("rows_affected")),
        bytes_processed=_count(result.adapter_response.get("bytes_processed")),
        failures=result.failures,
        checksum=checksum[:16],
        message="" if _DULL.match(message) else mask_text(clean(message[:4000]))[:MESSAGE],
        batches=dump(result.batch_results) if result.batch_results else None,
        full_refresh=told.full_refresh,
    )


def _count(told: object) -> int | None:
    return told if isinstance(told, int) and told >= 0 else None


def _span(result: NodeResult) -> tuple[str, str]:
    """When dbt began and ended with a node: from the first step it timed to the last."""
    starts = [str(t["started_at"]) for t in result.timing if t.get("started_at")]
    ends = [str(t["completed_at"]) for t in result.timing if t.get("completed_at")]
    return min(starts, default=""), max(ends, default="")
