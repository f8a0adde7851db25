"""Shapes of catalog.json (`dbt docs generate`)."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.project.manifest import Metadata


class CatalogColumn(msgspec.Struct, frozen=True):
    """A column as the warehouse had it."""

    name: str
    type: str = ""
    index: int = 0
    comment: str | None = None


class CatalogTableMetadata(msgspec.Struct, frozen=True):
    type: str = ""
    schema: str = ""
    name: str = ""
    database: str | None = None
    owner: str | None = None


class CatalogTable(msgspec.Struct, frozen=True):
    """A relation as the warehouse had it."""

    metadata: CatalogTableMetadata
    columns: dict[str, CatalogColumn]
    unique_id: str | None = None
    stats: dict[str, Any] = {}


class Catalog(msgspec.Struct, frozen=True):
    """catalog.json, v1."""

    metadata: Metadata
    nodes: dict[str, CatalogTable] = {}
    sources: dict[str, CatalogTable] = {}

    @property
    def all(self) -> dict[str, CatalogTable]:
        return {**self.nodes, **self.sources}
