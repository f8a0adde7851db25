"""The columns that relations really have, from dbt's catalog or from the warehouse itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentic.warehouse import Connection, Relation

if TYPE_CHECKING:
    from agentic.project import Catalog, Manifest


def catalog_schemas(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Columns and types by `unique_id`, in the warehouse's order, from catalog.json."""
    return {
        uid: {
            column.name: column.type
            for column in sorted(table.columns.values(), key=lambda one: one.index)
        }
        for uid, table in catalog.all.items()
    }


def live_schemas(
    manifest: Manifest, connection: Connection, uids: Iterable[str] | None = None
) -> dict[str, dict[str, str]]:
    """Columns and types by `unique_id`, asked now; relations that do not exist are left out.

    Without `uids`: sources, seeds and nodes that are not SQL, the only ones whose columns lineage
    cannot work out. Raises WarehouseError.
    """
    found: dict[str, dict[str, str]] = {}
    for uid in _opaque(manifest) if uids is None else uids:
        columns = connection.columns(Relation.of_node(manifest.all[uid]))
        if columns:
            found[uid] = {column.name: column.type for column in columns}
    return found


def _opaque(manifest: Manifest) -> list[str]:
    return [
        uid
        for uid, node in manifest.all.items()
        if node.resource_type in ("source", "seed")
        or (node.resource_type == "model" and node.language != "sql")
    ]
