"""Invocations that agentic did not see itself, from the tables that the macros write.

`agentic.record_results` keeps runs and results in the warehouse (macros/records.sql); a machine
that is new, as CI's always are, takes its past from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.history.invocations import MESSAGE
from agentic.history.shapes import Invocation, NodeRun
from agentic.masking import mask_text
from agentic.records import dumps
from agentic.sql import exp
from agentic.store import NodeRow, Remembered, Store
from agentic.warehouse import Connection, Relation

LAST = 60
"""Invocations that are looked back."""
RESULTS = 20_000
_RUNS = ("invocation_id", "command", "target_name", "dbt_version", "nodes", "nodes_failed")
_NODES = ("invocation_id", "unique_id", "status", "failures", "message", "execution_seconds")


def records_schema(config: dict[str, Any], target_schema: str, project: str) -> str:
    """Where the macros write: the variable `agentic_records_schema`, else beside the target's."""
    variables = config.get("vars") or {}
    own = variables.get(project) if isinstance(variables.get(project), dict) else {}
    named = (own or {}).get("agentic_records_schema") or variables.get("agentic_records_schema")
    return str(named or f"{target_schema}_agentic")


def record_from_tables(
    store: Store, connection: Connection, schema: str, *, clean: Callable[[str], str] = str
) -> int:
    """Remember the invocations of the macros' tables that are not known; how many they were.

    0 where there are no such tables, or where they are not as the macros make them. Raises
    StoreError, and WarehouseLocked.
    """
    runs, results = Relation(None, schema, "runs"), Relation(None, schema, "node_results")
    kept = Remembered(store)
    try:
        if not connection.columns(runs) or not connection.columns(results):
            return 0
        rows = _ask(connection, runs, (*_RUNS, "completed_at"), LAST)
        fresh = {str(row[0]): row for row in rows if not kept.knows(str(row[0]))}
        if not fresh:
            return 0
        nodes = _ask(connection, results, (*_NODES, "recorded_at"), RESULTS, tuple(fresh))
    except WarehouseLocked:
        raise
    except WarehouseError:
        return 0
    for invocation_id, row in fresh.items():
        told = _invocation(row)
        mine = [_node_run(one, told, clean) for one in nodes if str(one[0]) == invocation_id]
        kept.add_invocation(
            invocation_id,
            at=told.at,
            green=told.green,
            record=dumps(told),
            nodes=[NodeRow(one.unique_id, one.status, dumps(one)) for one in mine],
        )
    return len(fresh)


def _ask(
    connection: Connection,
    relation: Relation,
    columns: Sequence[str],
    limit: int,
    invocations: Sequence[str] = (),
) -> Sequence[Sequence[Any]]:
    """Rows of one record table, newest first by its last column."""
    named = [exp.column(name, quoted=True) for name in columns]
    table = exp.table_(relation.identifier, db=relation.schema, quoted=True)
    query = exp.select(*named).from_(table).order_by(exp.Ordered(this=named[-1], desc=True))
    if invocations:
        listed = [exp.Literal.string(one) for one in invocations]
        query = query.where(exp.In(this=exp.column(columns[0], quoted=True), expressions=listed))
    sql = query.limit(limit).sql(dialect=connection.dialect)
    return connection.query(sql, max_rows=limit, max_bytes=20_000_000).rows


def _invocation(row: Sequence[Any]) -> Invocation:
    failed = int(row[5] or 0)
    return Invocation(
        invocation_id=str(row[0]),
        command=str(row[1] or ""),
        at=_utc(row[6]),
        target=str(row[2] or ""),
        dbt_version=str(row[3] or ""),
        green=failed == 0,
        nodes=int(row[4] or 0),
        failed=failed,
    )


def _node_run(row: Sequence[Any], told: Invocation, clean: Callable[[str], str]) -> NodeRun:
    status = str(row[2] or "")
    return NodeRun(
        invocation_id=told.invocation_id,
        unique_id=str(row[1]),
        status=status,
        at=told.at,
        command=told.command,
        target=told.target,
        completed_at=_utc(row[6]),
        duration_s=float(row[5] or 0.0),
        failures=None if row[3] is None else int(row[3]),
        message=""
        if status in ("success", "pass")
        else mask_text(clean(str(row[4] or "")))[:MESSAGE],
    )


def _utc(value: object) -> str:
    """A moment as dbt's artifacts write it; the macros write UTC without a zone."""
    isoformat = getattr(value, "isoformat", None)
    text = str(isoformat()) if isoformat is not None else str(value)
    return f"{text[:26]}Z"
