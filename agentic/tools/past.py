"""Tools over what was: how nodes ran, which batches, how long they take, what dbt's log said."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import Meta

from agentic.exceptions import AgenticError
from agentic.history import (
    Invocation,
    NodeRun,
    invocations,
    node_runs,
    record_from_tables,
    records_schema,
    runs_of_last,
)
from agentic.masking import mask_text
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, moment, page, short
from agentic.tools.dbt import shown
from agentic.tools.nodes import UniqueId, find_node
from agentic.tools.registry import ToolError, tool

RUNS = 60
INVOCATIONS = 30
GOOD = frozenset({"success", "pass", "warn", "no-op"})
LOG_BYTES = 2_000_000
_NONE = "nothing is remembered yet: agentic keeps each building invocation that it sees"


@tool(toolset="context", effect="read")
def run_history(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id or name; empty: whole invocations")] = "",
    more: More = "",
) -> dict[str, Any]:
    """How a node ran in past invocations, newest first: status, seconds, rows, failures, code.

    `code` is a hash of the node's code at that time, so a change of it shows beside a change of
    status. Without a node: the invocations, and which nodes failed in each.
    """
    if not node:
        return _invocations(bench, more)
    one = find_node(bench, node)
    runs = _runs(bench, one.unique_id)
    if not runs:
        return {"node": one.unique_id, "runs": [], "note": _NONE}
    rows = [_run(bench, run) for run in runs]
    return {
        "node": one.unique_id,
        **_since(runs, _code_now(one)),
        **page(rows, more, name="runs", tokens=700),
    }


def recall(bench: Bench) -> None:
    """Once a run: what the macros' tables know of the past, where there are any."""
    if bench.history is None or bench.world is None or bench.tables_read:
        return
    bench.tables_read = True
    schema = records_schema(bench.project.config, bench.world.default_schema, bench.project.name)
    with suppress(AgenticError):
        record_from_tables(
            bench.history, bench.connection(), schema, clean=lambda text: shown(bench, text)
        )


def _invocations(bench: Bench, more: str) -> dict[str, Any]:
    recall(bench)
    if bench.history is None:
        return {"invocations": [], "note": _NONE}
    known = invocations(bench.history, INVOCATIONS)
    failed: dict[str, list[str]] = {}
    for run in runs_of_last(bench.history, INVOCATIONS):
        if run.status not in (*GOOD, "skipped"):
            failed.setdefault(run.invocation_id, []).append(run.unique_id)
    rows = [_invocation(one, failed.get(one.invocation_id, [])) for one in known]
    return page(rows, more, name="invocations")


def _invocation(one: Invocation, failed: Sequence[str]) -> dict[str, Any]:
    return lean(
        {
            "at": moment(one.at),
            "command": one.command,
            "target": one.target,
            "green": one.green,
            "nodes": one.nodes,
            "seconds": short(one.elapsed_s),
            "commit": one.head[:10],
            "failed": list(failed[:8]),
            "failed_total": len(failed) if len(failed) > 8 else None,
            "invocation": one.invocation_id[:8],
        }
    )


def _runs(bench: Bench, unique_id: str) -> tuple[NodeRun, ...]:
    recall(bench)
    return node_runs(bench.history, unique_id, RUNS) if bench.history is not None else ()


def _run(bench: Bench, run: NodeRun) -> dict[str, Any]:
    return lean(
        {
            "at": moment(run.at),
            "status": run.status,
            "seconds": short(run.duration_s),
            "rows": run.rows_affected,
            "failures": run.failures,
            "code": run.checksum[:8],
            "full_refresh": run.full_refresh or None,
            "message": _on_a_line(bench, run.message)[:160] if run.status not in GOOD else None,
            "invocation": run.invocation_id[:8],
        }
    )


def _on_a_line(bench: Bench, message: str) -> str:
    return " ".join(shown(bench, message).split())


def _since(runs: Sequence[NodeRun], code: str) -> dict[str, Any]:
    """When it last went well, since when it does not, and whether its code changed between."""
    good = next((run for run in runs if run.status in GOOD), None)
    bad: list[NodeRun] = []
    for run in runs:
        if run.status in GOOD:
            break
        bad.append(run)
    return lean(
        {
            "last_success": moment(good.at) if good is not None else None,
            "failing_since": moment(bad[-1].at) if bad else None,
            "failed_in_a_row": len(bad) or None,
            "code_changed_since_success": _differs(good, code),
        }
    )


def _differs(run: NodeRun | None, code: str) -> bool | None:
    return run.checksum != code if run is not None and run.checksum and code else None


def _code_now(node: Any) -> str:
    checksum = getattr(getattr(node, "checksum", None), "checksum", "")
    return str(checksum)[:16]


@tool(toolset="context", effect="read")
def partition_state(bench: Bench, *, node: UniqueId, more: More = "") -> dict[str, Any]:
    """Which batches of a microbatch node ran when, which failed, and with which code; for any other
    incremental node its runs since the last full refresh and the versions of code its rows are of.
    """
    one = find_node(bench, node)
    if one.materialized not in ("incremental", "snapshot"):
        return {
            "node": one.unique_id,
            "note": f"it is {one.materialized or 'no relation'}: built whole at each run",
        }
    runs = _runs(bench, one.unique_id)
    wanted = ("incremental_strategy", "unique_key", "event_time", "batch_size", "begin", "lookback")
    config = lean({name: one.config.get(name) for name in wanted})
    report = {"node": one.unique_id, "at": one.original_file_path, "config": config}
    if not runs:
        return {**report, "note": _NONE}
    code = _code_now(one)
    if any(run.batches for run in runs):
        return {**report, **_batches(runs, code, more)}
    return {**report, **_versions(bench, runs, code, more)}


def _batches(runs: Sequence[NodeRun], code: str, more: str) -> dict[str, Any]:
    """The last word on each batch: newest runs first, so the first word is the last."""
    state: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        for word, batches in (run.batches or {}).items():
            for start, end in batches:
                row = {"from": _stamp(start), "to": _stamp(end), "status": word}
                known = {"ran": moment(run.at), "code": run.checksum[:8]}
                state.setdefault((str(start), str(end)), {**row, **known})
    failed = [row for row in state.values() if row["status"] == "failed"]
    older = [row for row in state.values() if row["status"] != "failed" and row["code"] != code[:8]]
    fine = [row for row in state.values() if row not in failed and row not in older]
    spans = sorted(state)
    gaps = [
        {"from": _stamp(one[1]), "to": _stamp(two[0]), "status": "never ran"}
        for one, two in pairwise(spans)
        if _stamp(one[1]) < _stamp(two[0])
    ]
    rows = [*_by_time(failed), *_by_time(gaps), *_by_time(older), *_by_time(fine)]
    counts = {"batches": len(state), "failed": len(failed), "gaps": len(gaps)}
    built = {"code_now": code[:8], "built_by_older_code": len(older)}
    return {**counts, **built, **page(rows, more, name="state", tokens=800)}


def _by_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["from"]), reverse=True)


def _stamp(text: object) -> str:
    return str(text)[:19].replace(" ", "T").removesuffix("T00:00:00")


def _versions(bench: Bench, runs: Sequence[NodeRun], code: str, more: str) -> dict[str, Any]:
    """Runs since the last full refresh: the rows of the relation may be of several codes."""
    since: list[NodeRun] = []
    refreshed = ""
    for run in runs:
        since.append(run)
        if run.full_refresh and run.status in GOOD:
            refreshed = moment(run.at)
            break
    built = [run for run in since if run.status in GOOD]
    versions = list(dict.fromkeys(run.checksum[:8] for run in built))
    return {
        **lean({"last_full_refresh": refreshed or "not in the remembered runs"}),
        "code_now": code[:8],
        "built_by": versions,
        "mixed": len({*versions, code[:8]}) > 1,
        **page([_run(bench, run) for run in since], more, name="runs", tokens=600),
    }


Order = Annotated[
    Literal["slowest", "slower", "rows", "bytes", "flaky"],
    Meta(description="slowest now; slower or more rows than before; most bytes; most failed"),
]


@tool(toolset="context", effect="read")
def query_metrics(bench: Bench, *, order: Order = "slowest", more: More = "") -> dict[str, Any]:
    """Seconds, rows and, where the adapter tells them, bytes of nodes over the remembered
    invocations: the slowest, those that became slower or larger, those that fail most."""
    if bench.history is None:
        return {"nodes": [], "note": _NONE}
    recall(bench)
    by_node: dict[str, list[NodeRun]] = {}
    for run in runs_of_last(bench.history, INVOCATIONS):
        if run.status != "skipped":
            by_node.setdefault(run.unique_id, []).append(run)
    rows = [_metrics(uid, runs) for uid, runs in by_node.items()]
    key = {
        "slowest": "seconds",
        "slower": "slower",
        "rows": "more_rows",
        "bytes": "bytes",
        "flaky": "failed",
    }[order]
    ranked = sorted(
        (row for row in rows if row.get(key)), key=lambda row: (-float(row[key]), row["node"])
    )
    return {"order": order, **page(ranked, more, name="nodes", tokens=350)}


def _metrics(unique_id: str, runs: Sequence[NodeRun]) -> dict[str, Any]:
    """Newest first; a ratio compares the last run with the median of those before."""
    seconds = [run.duration_s for run in runs if run.status in GOOD]
    rows = [run.rows_affected for run in runs if run.rows_affected is not None]
    return lean(
        {
            "node": unique_id,
            "runs": len(runs),
            "seconds": short(seconds[0]) if seconds else None,
            "slower": _ratio(seconds),
            "rows": rows[0] if rows else None,
            "bytes": next((run.bytes_processed for run in runs if run.bytes_processed), None),
            "more_rows": _ratio([float(count) for count in rows]),
            "failed": sum(run.status not in GOOD for run in runs) or None,
        }
    )


def _ratio(values: Sequence[float]) -> float | int | None:
    before = statistics.median(values[1:]) if len(values) > 2 else 0
    return short(values[0] / before) if before else None


@tool(toolset="context", effect="read")
def search_logs(
    bench: Bench,
    *,
    text: Annotated[str, Meta(description="words that one line holds", min_length=2)],
    of: Annotated[Literal["dbt", "orchestrator"], Meta(description="whose logs")] = "dbt",
    more: More = "",
) -> dict[str, Any]:
    """Lines of dbt's own log (logs/dbt.log) that hold every word, newest first, masked."""
    if of == "orchestrator":
        raise ToolError(
            "no orchestrator's logs can be read: no connection of agents.yml reads any yet",
            hint="`search_logs` without `of` reads dbt's own log; `run_history` what it came to.",
        )
    folder = os.environ.get("DBT_LOG_PATH") or str(bench.project.config.get("log-path") or "logs")
    path = bench.project.root / folder / "dbt.log"
    if not path.is_file():
        raise ToolError("there is no dbt.log", hint="`run_history` tells what was remembered.")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    words = text.lower().split()
    first = 1 if size <= LOG_BYTES else None
    hits = [
        lean({"line": first and first + number, "text": shown(bench, mask_text(line[:400]))})
        for number, line in enumerate(lines)
        if all(word in line.lower() for word in words)
    ]
    return {"path": f"{folder}/dbt.log", **page(hits[::-1], more, name="lines")}
