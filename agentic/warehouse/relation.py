"""What crosses the door of a warehouse: a relation's name, its columns, rows of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from agentic.project import Node
from agentic.sql import relation_sql


class Relation(msgspec.Struct, frozen=True):
    """The name of a table or view, unquoted, in the warehouse's own spelling."""

    database: str | None
    """None: the connection's own."""
    schema: str
    identifier: str

    @classmethod
    def of_node(cls, node: Node) -> Relation:
        """Where a node lies. An ephemeral node has a name but nothing lies there."""
        return cls(node.database or None, node.schema or "", node.alias or node.name)

    def sql(self, dialect: str) -> str:
        """The name as SQL, every part quoted."""
        return relation_sql((self.database, self.schema, self.identifier), dialect)

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.identifier) if part)


class Column(msgspec.Struct, frozen=True):
    """A column as the warehouse has it."""

    name: str
    type: str
    """As the warehouse writes it: `DECIMAL(10,2)`, `character varying(20)`."""
    nullable: bool = True


class Plan(msgspec.Struct, frozen=True):
    """What an engine would read for a statement, as its planner tells."""

    scan_bytes: int
    """About how much it would scan."""
    relations: tuple[str, ...]
    """`schema.table` in lower case, sorted: what stands below views and parents, too."""


class Rows(msgspec.Struct, frozen=True):
    """An answer, capped."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """Python values as the driver gives them."""
    truncated: bool = False
    """True when the warehouse had more than the caps let through."""
    types: tuple[str, ...] = ()
    """As the driver names them."""

    def as_dicts(self) -> tuple[dict[str, Any], ...]:
        return tuple(dict(zip(self.columns, row, strict=True)) for row in self.rows)


def cap(
    rows: Iterable[tuple[Any, ...]], max_rows: int, max_bytes: int
) -> tuple[tuple[tuple[Any, ...], ...], bool]:
    """Rows up to both caps, and whether something was left out. Bytes are those of their text."""
    kept: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        size += sum(len(str(value)) for value in row)
        if len(kept) >= max_rows or (kept and size > max_bytes):
            return tuple(kept), True
        kept.append(tuple(row))
    return tuple(kept), False
