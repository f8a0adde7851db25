"""Tools that say how old sources are: the newest row now, judged as the YAML declares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta

from agentic.history import node_runs
from agentic.sql.figures import kind_of, newest_sql
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, moment, page, short
from agentic.tools.judged import answer
from agentic.tools.live import live_columns, relation_of, text
from agentic.tools.nodes import find_node
from agentic.tools.registry import ToolError, tool

_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
SOURCES = 40
TIMES = 3
"""Columns with a time that are asked of one relation."""


@tool(toolset="context", effect="read")
def freshness(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source")],
) -> dict[str, Any]:
    """How old a source's newest row is, and how old the siblings of the same source are."""
    one = bench.manifest.sources.get(node)
    if one is None:
        raise ToolError(f"{node} is not a source")
    family = [u for u in bench.manifest.sources if u.rsplit(".", 1)[0] == node.rsplit(".", 1)[0]]
    others = [uid for uid in sorted(family) if uid != node][: SOURCES // 2]
    return {"node": node, "tables": [_loaded_at(bench, uid) for uid in sorted([node, *others])]}


@tool(toolset="dbt", effect="read", timeout_s=300.0)
def dbt_source_freshness(
    bench: Bench,
    *,
    nodes: Annotated[
        tuple[str, ...],
        Meta(description="sources; empty: all that declare freshness", max_length=40),
    ] = (),
    more: More = "",
) -> dict[str, Any]:
    """What `dbt source freshness` would say now: each source's age in hours against its limits.

    Asked from the warehouse directly, the oldest against its limit first; dbt itself is not run.
    """
    asked = [find_node(bench, name).unique_id for name in nodes] or [
        uid for uid, one in bench.manifest.sources.items() if _limits(one.freshness)
    ]
    rows = [_loaded_at(bench, uid) for uid in asked[:SOURCES]]
    rank = {"error": 0, "warn": 1, "not asked": 2, "pass": 3}
    rows.sort(key=lambda row: (rank.get(row.get("status", ""), 2), row["node"]))
    return {**page(rows, more, name="sources"), "not_asked": max(0, len(asked) - SOURCES)}


@tool(toolset="context", effect="read")
def get_table_freshness(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source, seed, snapshot or model")],
) -> dict[str, Any]:
    """How old a relation's rows are: the newest value of its columns with a time, its rows now, and
    when dbt last built it."""
    one = find_node(bench, node)
    uid = one.unique_id
    relation = relation_of(bench, uid)
    live = live_columns(bench, uid)
    runs = node_runs(bench.history, uid, 20) if bench.history is not None else ()
    good = next((run for run in runs if run.status in ("success", "warn")), None)
    told = {"node": uid, "exists": bool(live), "last_built": moment(good.at) if good else None}
    if relation is None or not live:
        return lean(told)
    parts = (relation.database, relation.schema, relation.identifier)
    times = [name for name, kind, _ in live if kind_of(kind) in ("timestamp", "date")]
    asked: list[str | None] = [*times[:TIMES]]
    newest = [_newest(bench, parts, name) for name in asked or [None]]
    rows = next((row.pop("rows") for row in newest if "rows" in row), None)
    newest = [row for row in newest if row.get("column")]
    found = lean({**told, "rows": rows, "newest": newest, "not_asked": times[TIMES:]})
    declared = bench.manifest.sources.get(uid)
    if declared is not None and declared.freshness:
        found["declared"] = lean(_loaded_at(bench, uid))
    return found


def _newest(bench: Bench, parts: tuple[str | None, ...], column: str | None) -> dict[str, Any]:
    """The rows of a relation and the greatest value of a column, with its age in hours."""
    try:
        rows, latest = answer(bench, newest_sql(parts, column, bench.dialect))[1].rows[0]
    except ToolError as error:
        return {"column": column, "reason": error.message}
    value = text(latest)
    return {
        "rows": rows,
        **lean({"column": column, "newest": None if value is None else str(value)}),
        **_judged(latest, None),
    }


def _loaded_at(bench: Bench, unique_id: str) -> dict[str, Any]:
    one = bench.manifest.sources.get(unique_id)
    if one is None:
        raise ToolError(f"{unique_id} is not a source")
    field = one.loaded_at_field
    told: dict[str, Any] = {"node": unique_id, "loaded_at_field": field}
    try:
        relation = relation_of(bench, unique_id)
    except ToolError as error:
        return {**told, "status": "not asked", "reason": error.message}
    live = {name.lower(): name for name, _, _ in live_columns(bench, unique_id) or ()}
    if relation is None or not live:
        return {**told, "exists": False}
    name = live.get((field or "").strip('"`').lower())
    parts = (relation.database, relation.schema, relation.identifier)
    sql = newest_sql(parts, name, bench.dialect)
    try:
        rows, latest = answer(bench, sql)[1].rows[0]
    except ToolError as error:
        return {**told, "exists": True, "status": "not asked", "reason": error.message}
    judged = _judged(latest, one.freshness)
    found = {"exists": True, "rows": rows, "newest": text(latest), "sql": sql}
    if (one.freshness or {}).get("filter"):
        found["note"] = "the declared filter is not applied: the age is of all rows"
    return {**told, **found, **judged}


def _judged(latest: object, freshness: dict[str, Any] | None) -> dict[str, Any]:
    """The age in hours and the verdict of the declared limits."""
    at = _as_time(latest)
    if at is None:
        return {}
    hours = (datetime.now(UTC) - at).total_seconds() / 3600
    limits = _limits(freshness)
    over = [word for word, limit in limits.items() if hours > limit]
    status = ("error" if "error" in over else "warn" if over else "pass") if limits else None
    return lean({"hours_old": short(hours), "limits_hours": limits, "status": status})


def _as_time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not hasattr(value, "isoformat"):
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _limits(freshness: dict[str, Any] | None) -> dict[str, float]:
    """`warn` and `error` in hours, as far as they are declared."""
    found = {}
    for word in ("warn", "error"):
        after = (freshness or {}).get(f"{word}_after") or {}
        if after.get("count") is not None and after.get("period") in _HOURS:
            found[word] = float(after["count"]) * _HOURS[after["period"]]
    return found
