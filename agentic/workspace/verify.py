"""The last word before anything runs: does what dbt resolved lie inside the workspace?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from agentic.exceptions import IsolationError
from agentic.project import Manifest, Node

# Node types whose relation dbt writes when they are built.
_WRITTEN = ("model", "seed", "snapshot", "function")


def in_schema(schema: str | None, base: str) -> bool:
    """True for the workspace's schema and those that it names `<base>_<custom>`."""
    return schema is not None and (schema == base or schema.startswith(f"{base}_"))


def verify_isolation(
    manifest: Manifest,
    selected: Collection[str],
    *,
    schema: str,
    database: str,
    allowed: Sequence[str],
) -> None:
    """Raise IsolationError unless every selected node lies in the workspace, and no hook is left.

    `allowed`: globs of build.schemas. Tests on selected nodes count too: with `store_failures` they
    write tables.
    """
    hooks = [uid for uid, node in manifest.nodes.items() if node.resource_type == "operation"]
    if hooks:
        raise IsolationError(
            f"a hook would run in the workspace: {hooks[0]}",
            hint="Hooks of the project and its packages do not belong in a proof; see its package.",
        )
    ids = set(selected)
    ids.update(uid for one in selected for uid in manifest.tests_of(one))
    for uid in sorted(ids):
        node = manifest.nodes.get(uid)
        if node is not None and _writes(node):
            _verify_node(node, schema, database, allowed)


def _writes(node: Node) -> bool:
    if node.resource_type == "test":
        return bool(node.config.get("store_failures") or node.config.get("store_failures_as"))
    return node.resource_type in _WRITTEN and node.materialized != "ephemeral"


def _verify_node(node: Node, schema: str, database: str, allowed: Sequence[str]) -> None:
    name = node.relation_name or f"{node.database}.{node.schema}.{node.alias}"
    place = node.schema or ""
    inside = (
        in_schema(place, schema)
        and any(fnmatchcase(place, glob) for glob in allowed)
        and (node.database or "").casefold() == database.casefold()
    )
    if not inside:
        raise IsolationError(
            f"{node.unique_id} would be written to {name}, outside the workspace schema {schema}",
            hint="Its schema is set in a way that the workspace cannot override; nothing was run.",
            where=node.original_file_path,
        )
    location = node.config.get("location")
    if node.materialized == "external" and location:
        raise IsolationError(
            f"{node.unique_id} would write the file {location}",
            hint="An external node with a `location` of its own cannot be isolated.",
            where=node.original_file_path,
        )
