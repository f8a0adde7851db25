"""What is remembered: how nodes ran, and what relations held."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.sql.figures import Kind

Value = str | int | float | bool | None
"""A value as JSON holds it; a date or a moment is ISO 8601 text."""


class TopValue(msgspec.Struct, frozen=True):
    """One of the commonest values of a column."""

    value: str
    """As text, masked by pattern."""
    rows: int
    share: float
    """Of the rows looked at, nulls included: 0 to 1."""


class ColumnProfile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Figures of one column."""

    name: str
    type: str
    """As the warehouse writes it."""
    kind: Kind
    nulls: int = 0
    null_rate: float = 0.0
    """0 to 1; 0 for an empty relation."""
    distinct: int | None = None
    """None: the type has no equality to count by."""
    min: Value = None
    max: Value = None
    sum: float | None = None
    """Numbers; for booleans how many are true."""
    blank: int | None = None
    """Texts that are empty or spaces."""
    top: tuple[TopValue, ...] = ()
    """All values of a text or boolean column that has few of them, commonest first; else empty."""
    masked: bool = False
    """Counts alone: its values may not leave."""


class RelationProfile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Figures of one relation at one time."""

    relation: str
    rows: int
    columns: tuple[ColumnProfile, ...] = ()
    looked_at: int = 0
    """Rows that the columns' figures come from: `rows`, or the cap."""
    unique_id: str = ""
    at: str = ""
    """ISO 8601, UTC."""
    invocation_id: str = ""
    """The dbt invocation after which it was taken; empty: taken live."""
    queries: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, ColumnProfile]:
        """Columns by lower-case name."""
        return {column.name.lower(): column for column in self.columns}

    def column(self, name: str) -> ColumnProfile | None:
        """A column by its name in any case."""
        return self.by_name.get(name.lower())

    def mean(self, name: str) -> float | None:
        """Sum over what is not null; None where there is no sum or nothing to divide by."""
        column = self.column(name)
        if column is None or column.sum is None:
            return None
        filled = self.looked_at - column.nulls
        return column.sum / filled if filled else None


class DayColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Figures of one column on one day."""

    nulls: int = 0
    distinct: int | None = None
    sum: float | None = None
    counts: dict[str, int] = {}
    """Rows of each known category."""

    def share(self, value: str, rows: int) -> float:
        """The share of a category among the day's rows."""
        return self.counts.get(value, 0) / rows if rows else 0.0


class Day(msgspec.Struct, frozen=True, omit_defaults=True):
    """One day of a relation."""

    day: str
    """YYYY-MM-DD."""
    rows: int
    columns: dict[str, DayColumn] = {}
    """By column name as the warehouse writes it."""


class DailySeries(msgspec.Struct, frozen=True, omit_defaults=True):
    """A relation day by day, from its own rows."""

    relation: str
    column: str
    """The date or timestamp column whose days these are."""
    days: tuple[Day, ...] = ()
    """Oldest first; days without rows are not in it."""
    sql: str = ""

    def values(self, column: str, figure: str) -> tuple[tuple[str, float], ...]:
        """(day, value) of `nulls`, `distinct` or `sum` of a column, oldest first."""
        found = []
        for day in self.days:
            one = day.columns.get(column)
            value = getattr(one, figure) if one is not None else None
            if value is not None:
                found.append((day.day, float(value)))
        return tuple(found)


class NodeRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one node came to in one remembered invocation."""

    invocation_id: str
    unique_id: str
    status: str
    at: str = ""
    """When the invocation ended, ISO 8601, UTC."""
    command: str = ""
    target: str = ""
    started_at: str = ""
    completed_at: str = ""
    duration_s: float = 0.0
    rows_affected: int | None = None
    """As the adapter tells it; DuckDB tells nothing."""
    bytes_processed: int | None = None
    """As the adapter tells it; BigQuery does."""
    failures: int | None = None
    checksum: str = ""
    """Of the node's code, as dbt computes it."""
    message: str = ""
    batches: dict[str, Any] | None = None
    """`{"successful": [[from, to]], "failed": [[from, to]]}` of a microbatch node."""
    full_refresh: bool = False


class Invocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One remembered dbt invocation."""

    invocation_id: str
    command: str
    at: str
    target: str = ""
    dbt_version: str = ""
    elapsed_s: float = 0.0
    green: bool = False
    nodes: int = 0
    failed: int = 0
    head: str = ""
    """The git commit that was checked out when it was remembered."""
    full_refresh: bool = False
