"""The one way from a tool to the warehouse's rows: judged, asked of the engine, run, masked.

Only text that the policy rendered is ever sent, and only values that it lets out come back.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.masking import mask_rows
from agentic.policy import SqlVerdict, judge_sql
from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError
from agentic.warehouse import Plan, Rows


def judged(bench: Bench, sql: str) -> SqlVerdict:
    """The verdict on a read statement. Raises ToolError when it is not allowed."""
    if bench.world is None:
        raise ToolError("no statement can be judged in this run")
    verdict = judge_sql(sql, dialect=bench.dialect, role="reader", world=bench.world)
    if verdict.verdict != "allow" or not verdict.sql:
        raise ToolError(f"{verdict.code}: {verdict.reason}")
    return verdict


def answer(
    bench: Bench, sql: str, *, max_rows: int = 1, timeout_s: float = 60, explain: bool = False
) -> tuple[str, Rows]:
    """What was sent, and its rows with masked columns masked. Raises ToolError."""
    verdict = judged(bench, sql)
    connection = bench.connection()
    objection = connection.opinion(verdict.sql, reads=verdict.reads)
    if objection:
        raise ToolError(
            f"PARSER_DIFFERENTIAL: {objection}",
            hint="Write the statement plainly: one select over named relations.",
        )
    sent = f"explain {verdict.sql}" if explain else verdict.sql
    try:
        _by_its_plan(bench, connection.plan(verdict.sql), explain=explain)
        found = connection.query(sent, max_rows=max_rows, timeout_s=timeout_s)
    except WarehouseLocked:
        raise
    except WarehouseError as error:
        # An engine's error text repeats values.
        if bench.world is not None and any(map(bench.world.shields, verdict.reads)):
            raise ToolError(
                f"the statement failed, and what it read may not be shown: {_first(error.message)}",
                hint="Ask without casting or computing on protected columns.",
            ) from error
        raise
    masked = found.columns if explain and verdict.masked else verdict.masked
    return sent, _masked(found, masked)


def _by_its_plan(bench: Bench, plan: Plan, *, explain: bool) -> None:
    """What the engine would read, behind views and parents too, and how much of it.

    Raises ToolError when that is not allowed.
    """
    denied = [one for one in plan.relations if bench.world is not None and bench.world.denied(one)]
    if denied:
        raise ToolError(f"READ_DENIED: behind what it names the statement reads {denied[0]}")
    limit = bench.guardrails.sql_max_bytes_scanned if bench.guardrails else plan.scan_bytes
    if plan.scan_bytes > limit and not explain:
        raise ToolError(
            f"RESOURCE_ABUSE: the statement would scan about {plan.scan_bytes:,} bytes; "
            f"sql.max_bytes_scanned allows {limit:,}",
            hint="Read fewer columns, a partition, or a smaller relation.",
        )


def _masked(found: Rows, masked: tuple[str, ...]) -> Rows:
    names = found.columns if "*" in masked else masked
    rows: Any = mask_rows(found.columns, found.rows, names)
    return msgspec.structs.replace(found, rows=tuple(tuple(row) for row in rows))


def _first(message: str) -> str:
    """The kind of an error: what stands before its first colon, and nothing of the rest."""
    kind = message.partition(":")[0]
    return kind if len(kind) <= 40 and kind.replace(" ", "").isalpha() else "an error"
