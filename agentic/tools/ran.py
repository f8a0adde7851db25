"""The tool that tells what ran: in the warehouse, where it tells, and by dbt's own results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agentic.exceptions import AgenticError, WarehouseError
from agentic.history import NodeRun, runs_of_last
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, moment, page, short
from agentic.tools.past import INVOCATIONS, recall
from agentic.tools.registry import tool
from agentic.warehouse import Activity, Ran, activity_of

STATEMENT_CHARS = 300


@tool(toolset="sql", effect="read")
def query_history(
    bench: Bench,
    *,
    words: Annotated[
        str, Meta(description="only what holds all of them: a relation, say", max_length=200)
    ] = "",
    more: More = "",
) -> dict[str, Any]:
    """What ran in the warehouse, dearest first, what runs there now, and what dbt itself ran last.

    Literals are taken out of every statement. `untold` says what the warehouse keeps no record of.
    """
    try:
        told = activity_of(bench.connection())
    except WarehouseError as error:
        told = Activity(untold=f"the warehouse was not asked: {error.message}")
    wanted = words.lower().split()
    ran = [_statement(one) for one in told.ran if _has(one, wanted)]
    now = [_statement(one) for one in told.now if _has(one, wanted)]
    by_dbt = [_by_dbt(one) for one in _runs(bench) if all(w in one.unique_id for w in wanted)]
    return {
        **lean({"untold": told.untold, "now": now[:10]}),
        **page(ran, more, name="statements", tokens=700),
        "dbt": page(by_dbt, name="runs", tokens=400),
    }


def _has(one: Ran, words: Sequence[str]) -> bool:
    text = f"{one.statement} {one.node}".lower()
    return all(word in text for word in words)


def _statement(one: Ran) -> dict[str, Any]:
    told = msgspec.structs.asdict(one)
    seconds = None if one.seconds is None else short(one.seconds)
    return lean({**told, "statement": one.statement[:STATEMENT_CHARS], "seconds": seconds})


def _runs(bench: Bench) -> list[NodeRun]:
    if bench.history is None:
        return []
    with suppress(AgenticError):
        recall(bench)
    runs = runs_of_last(bench.history, INVOCATIONS)
    newest = {run.unique_id: run for run in reversed(runs) if run.status != "skipped"}
    return sorted(newest.values(), key=lambda run: (-run.duration_s, run.unique_id))


def _by_dbt(run: NodeRun) -> dict[str, Any]:
    return lean(
        {
            "node": run.unique_id,
            "at": moment(run.at),
            "command": run.command,
            "status": run.status,
            "seconds": short(run.duration_s),
            "rows": run.rows_affected,
            "bytes": run.bytes_processed,
        }
    )
