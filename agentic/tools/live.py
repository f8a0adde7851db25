"""Tools that ask the warehouse about relations: live columns, profiles, freshness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from agentic.sql import quote, relation_sql
from agentic.tools.bench import Bench
from agentic.tools.judged import answer
from agentic.tools.registry import ToolError, tool
from agentic.warehouse import Relation

if TYPE_CHECKING:
    from agentic.project import Node

MAX_COLUMNS = 400


def relation_of(bench: Bench, unique_id: str) -> Relation | None:
    """Where a node's rows lie; None for an ephemeral node, a test or an exposure.

    Raises ToolError for a relation that the guardrails keep unread, its shape included.
    """
    node: Node | None = bench.manifest.all.get(unique_id)
    if node is None or not node.relation_name or unique_id.startswith(("test.", "unit_test.")):
        return None
    if bench.world is not None and bench.world.denied(f"{node.schema}.{node.alias}".lower()):
        raise ToolError(
            f"{unique_id} may not be read", hint="`read.deny` in guardrails.yml names it."
        )
    return Relation.of_node(node)


def live_columns(bench: Bench, unique_id: str) -> tuple[tuple[str, str, bool], ...] | None:
    """(name, type, nullable) of a node's relation as it is now; None: no such relation."""
    relation = relation_of(bench, unique_id)
    if relation is None:
        return None
    found = bench.connection().columns(relation)
    return None if found is None else tuple((c.name, c.type, c.nullable) for c in found)


def _relation_text(bench: Bench, relation: Relation) -> str:
    parts = (relation.database, relation.schema, relation.identifier)
    return relation_sql(parts, bench.dialect)


@tool(toolset="context", effect="read")
def get_schema(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source, seed, snapshot or model")],
    also: Annotated[list[str], Meta(description="more unique_ids", max_length=200)] = [],  # noqa: B006 -- msgspec copies it
) -> dict[str, Any]:
    """The live columns of a node's relation, asked from the warehouse now: name and type.

    `exists` is false when the relation is missing.
    """
    schemas: dict[str, dict[str, Any]] = {}
    for uid in dict.fromkeys([node, *also]):
        relation = relation_of(bench, uid) if uid == node else _readable(bench, uid)
        if relation is None:
            schemas[uid] = {"exists": False, "relation": None, "columns": {}}
            continue
        found = live_columns(bench, uid)
        schemas[uid] = {
            "exists": found is not None,
            "relation": _relation_text(bench, relation),
            "columns": {name: kind for name, kind, _ in (found or ())[:MAX_COLUMNS]},
        }
    return {**schemas[node], "node": node, "others": {u: schemas[u] for u in also if u != node}}


def _readable(bench: Bench, unique_id: str) -> Relation | None:
    """As `relation_of`, but one that may not be read spoils no answer about the others."""
    try:
        return relation_of(bench, unique_id)
    except ToolError:
        return None


@tool(toolset="context", effect="read")
def profile_column(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source, seed, snapshot or model")],
    columns: Annotated[list[str], Meta(description="column names", min_length=1, max_length=40)],
) -> dict[str, Any]:
    """Live figures of columns: rows, nulls, distinct values, least and greatest value.

    One pass over the relation; values leave masked where the guardrails say so.
    """
    relation = relation_of(bench, node)
    live = {name.lower(): name for name, _, _ in live_columns(bench, node) or ()}
    if relation is None or not live:
        raise ToolError(f"{node} has no relation in the warehouse")
    missing = [name for name in columns if name.lower() not in live]
    if missing:
        raise ToolError(f"{node} has no column {', '.join(missing)}", hint=", ".join(live.values()))
    names = [live[name.lower()] for name in columns]
    parts = ["count(*)"]
    for name in names:
        ref = quote(name, bench.dialect)
        parts += [f"count({ref})", f"count(distinct {ref})", f"min({ref})", f"max({ref})"]
    sql = f"select {', '.join(parts)} from {_relation_text(bench, relation)}"  # noqa: S608 -- quoted
    row = answer(bench, sql)[1].rows[0]
    figures = {}
    for index, name in enumerate(names):
        filled, distinct, low, high = row[1 + 4 * index : 5 + 4 * index]
        nulls = row[0] - filled
        figures[name] = {"nulls": nulls, "distinct": distinct, "min": text(low), "max": text(high)}
    return {"node": node, "rows": row[0], "columns": figures, "sql": sql}


@tool(toolset="context", effect="read")
def freshness(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source")],
) -> dict[str, Any]:
    """How old a source's newest row is, and how old the siblings of the same source are."""
    one = bench.manifest.all.get(node)
    if one is None or not node.startswith("source."):
        raise ToolError(f"{node} is not a source")
    family = [u for u in bench.manifest.sources if u.rsplit(".", 1)[0] == node.rsplit(".", 1)[0]]
    return {"node": node, "tables": [_loaded_at(bench, uid) for uid in sorted(family)[:20]]}


def _loaded_at(bench: Bench, unique_id: str) -> dict[str, Any]:
    one = bench.manifest.all[unique_id]
    field = getattr(one, "loaded_at_field", None)
    relation = relation_of(bench, unique_id)
    told: dict[str, Any] = {"node": unique_id, "loaded_at_field": field}
    live = {name.lower(): name for name, _, _ in live_columns(bench, unique_id) or ()}
    if relation is None or not live:
        return {**told, "exists": False}
    name = live.get((field or "").lower())
    newest = f"max({quote(name, bench.dialect)})" if name else "null"
    sql = f"select count(*), {newest} from {_relation_text(bench, relation)}"  # noqa: S608 -- quoted
    rows, latest = answer(bench, sql)[1].rows[0]
    return {**told, "exists": True, "rows": rows, "newest": text(latest), "sql": sql}


def text(value: object) -> object:
    """A value as JSON holds it."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
