"""What faults in raw data share: kinds of types, and rows to break."""

from __future__ import annotations

from agentic.evals.injection import Scene
from agentic.evals.reading import Read
from agentic.project import Node

BROKEN_ROWS = 5


def kind_of(column_type: str) -> str:
    """`time`, `number`, `text` or `other`, for any dialect's name of a type."""
    name = column_type.lower()
    if name.startswith(("timestamp", "date")):
        return "time"
    if name.startswith(
        ("int", "bigint", "hugeint", "smallint", "decimal", "numeric", "double", "float", "real")
    ):
        return "number"
    if name.startswith(("varchar", "char", "text", "string")):
        return "text"
    return "other"


def place(source: Node) -> str:
    """A source as people write it."""
    return f"{source.schema}.{source.alias}"


def break_last_rows(scene: Scene, read: Read, expression: str) -> None:
    """Set a column to an expression in the few rows where it is highest."""
    scene.change(
        read.source,
        "update {table} set {column} = {expression} where {column} in "
        "(select {column} from {table} where {column} is not null "
        "order by {column} desc limit {rows})",
        column=read.column.name,
        expression=expression,
        rows=BROKEN_ROWS,
    )
