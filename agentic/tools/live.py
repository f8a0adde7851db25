"""Tools that ask the warehouse about relations: live columns, profiles, freshness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from agentic.sql import relation_sql
from agentic.tools.bench import Bench
from agentic.tools.inferred import expected_columns
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


def relation_text(bench: Bench, relation: Relation) -> str:
    parts = (relation.database, relation.schema, relation.identifier)
    return relation_sql(parts, bench.dialect)


@tool(toolset="context", effect="read")
def get_schema(
    bench: Bench,
    *,
    node: Annotated[str, Meta(description="unique_id of a source, seed, snapshot or model")],
    also: Annotated[tuple[str, ...], Meta(description="more unique_ids", max_length=200)] = (),
) -> dict[str, Any]:
    """The live columns of a node's relation, asked from the warehouse now: name and type.

    `exists` is false when the relation is missing; then `expected` are the columns that dbt's
    catalog, the YAML or, `inferred`, the code of the node and of its children speak of.
    """
    schemas: dict[str, dict[str, Any]] = {}
    for uid in dict.fromkeys([node, *also]):
        relation = relation_of(bench, uid) if uid == node else _readable(bench, uid)
        if relation is None:
            schemas[uid] = {
                "exists": False,
                "relation": None,
                "columns": {},
                **_expected(bench, uid),
            }
            continue
        found = live_columns(bench, uid)
        schemas[uid] = {
            "exists": found is not None,
            "relation": relation_text(bench, relation),
            "columns": {name: kind for name, kind, _ in (found or ())[:MAX_COLUMNS]},
        }
        if found is None and (expected := expected_columns(bench, uid)):
            schemas[uid]["expected"] = expected
    return {**schemas[node], "node": node, "others": {u: schemas[u] for u in also if u != node}}


def _expected(bench: Bench, unique_id: str) -> dict[str, Any]:
    """For what has no relation of its own, an ephemeral node say; nothing of what is not read."""
    node = bench.manifest.all.get(unique_id)
    if node is None or node.relation_name:
        return {}
    found = expected_columns(bench, unique_id)
    return {"expected": found} if found else {}


def _readable(bench: Bench, unique_id: str) -> Relation | None:
    """As `relation_of`, but one that may not be read spoils no answer about the others."""
    try:
        return relation_of(bench, unique_id)
    except ToolError:
        return None


def text(value: object) -> object:
    """A value as JSON holds it."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
