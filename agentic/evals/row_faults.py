"""Faults in the rows of raw data: its columns are as ever, what stands in them is not."""

from __future__ import annotations

import re

from agentic.evals.injection import Injected, Scene, fault
from agentic.evals.raw_tables import break_last_rows, kind_of, place
from agentic.evals.reading import Read, sql_of, tested_reads
from agentic.project import Node

_REDUCES = re.compile(r"\bdistinct\b|\bgroup\s+by\b|\brow_number\b|\bqualify\b", re.I)
DUPLICATED_ROWS = 12


@fault("duplicate_rows", layer="raw")
def duplicate_rows(scene: Scene) -> Injected:
    """Rows were loaded twice."""
    pairs = [
        pair for pair in tested_reads(scene, "unique") if not _REDUCES.search(sql_of(pair[0].child))
    ]
    read, _ = scene.choose("duplicate_rows", pairs)
    statement = "insert into {table} select * from {table} order by {column} desc limit {rows}"
    scene.change(read.source, statement, column=read.column.name, rows=DUPLICATED_ROWS)
    return Injected(
        cls="duplicate_rows",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        expected_decision="escalate",
        detail=f"{place(read.source)}: the last {DUPLICATED_ROWS} rows were loaded twice",
    )


@fault("null_keys", layer="raw")
def null_keys(scene: Scene) -> Injected:
    """Keys are null in fresh rows."""
    read, _ = scene.choose("null_keys", tested_reads(scene, "not_null"))
    break_last_rows(scene, read, "null")
    return Injected(
        cls="null_keys",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        expected_decision="escalate",
        detail=f"{place(read.source)}: {read.column.name} is null in fresh rows",
    )


def categories(test: Node) -> list[str]:
    """The values that an accepted_values test lists, as text."""
    kwargs = test.test_metadata.kwargs if test.test_metadata else {}
    values = kwargs.get("values") or (kwargs.get("arguments") or {}).get("values") or []
    return [str(value) for value in values]


@fault("accepted_values_violation", layer="raw")
def unknown_category(scene: Scene) -> Injected:
    """A category appears that nobody has heard of."""
    pairs = [
        p for p in tested_reads(scene, "accepted_values") if kind_of(p[0].column.type) == "text"
    ]
    read, test = scene.choose("accepted_values_violation", pairs)
    known = categories(test)
    new = "unlisted"
    while new in known:
        new += "_2"
    set_category(scene, read, known[-1], scene.literal(new))
    return Injected(
        cls="accepted_values_violation",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        observed=new,
        expected_decision="escalate",
        detail=f"{place(read.source)}: {read.column.name} holds {new!r}, which no list names",
    )


@fault("category_case_change", layer="raw")
def case_change(scene: Scene) -> Injected:
    """Known categories arrive in another case."""
    pairs = [
        (read, test)
        for read, test in tested_reads(scene, "accepted_values")
        if kind_of(read.column.type) == "text"
        and any(value != value.upper() for value in categories(test))
        and not re.search(
            rf"\b(lower|upper)\(\s*(\w+\.)?{read.column.name}\b", sql_of(read.child), re.I
        )
    ]
    read, test = scene.choose("category_case_change", pairs)
    value = next(value for value in categories(test) if value != value.upper())
    set_category(scene, read, value, f"upper({scene.quoted(read.column.name)})")
    return Injected(
        cls="category_case_change",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        observed=value.upper(),
        expected_decision="fix",
        detail=f"{place(read.source)}: {read.column.name} holds {value.upper()!r} for {value!r}",
    )


def set_category(scene: Scene, read: Read, value: str, expression: str) -> None:
    """Rewrite one category's rows."""
    statement = "update {table} set {column} = {expression} where {column} = {value}"
    scene.change(
        read.source,
        statement,
        column=read.column.name,
        expression=expression,
        value=scene.literal(value),
    )


@fault("orphan_keys", layer="raw")
def orphan_keys(scene: Scene) -> Injected:
    """A foreign key names a parent that is not there."""
    pairs = [
        p for p in tested_reads(scene, "relationships") if kind_of(p[0].column.type) == "number"
    ]
    read, _ = scene.choose("orphan_keys", pairs)
    break_last_rows(scene, read, f"{scene.quoted(read.column.name)} + 1000000000")
    return Injected(
        cls="orphan_keys",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        expected_decision="escalate",
        detail=f"{place(read.source)}: {read.column.name} names rows that do not exist",
    )
