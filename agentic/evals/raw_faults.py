"""Faults in raw data: what a vendor or a loader does to the source tables overnight."""

from __future__ import annotations

import re

from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.evals.reading import Read, mentions, reads, sql_of, tested_reads
from agentic.project import Node, Source

_REDUCES = re.compile(r"\bdistinct\b|\bgroup\s+by\b|\brow_number\b|\bqualify\b", re.I)
_TIME_WORD = re.compile(r"_(at|on|date|time|ts|timestamp)$")
_KEY_WORD = re.compile(r"(^|_)(id|key|ref|code|number|no)$", re.I)
DUPLICATED_ROWS = 12
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


def place(source: Source) -> str:
    """A source as people write it."""
    return f"{source.schema}.{source.alias}"


@fault("src_column_renamed", layer="raw")
def column_renamed(scene: Scene) -> Injected:
    """A source column has a new name."""
    read = scene.choose("src_column_renamed", reads(scene))
    old = read.column.name
    new = new_name(scene, read)
    statement = "alter table {table} rename column {column} to {new}"
    scene.change(read.source, statement, column=old, new=scene.quoted(new))
    return Injected(
        cls="src_column_renamed",
        layer="raw",
        node=read.source.unique_id,
        column=old,
        observed=new,
        expected_decision="fix",
        detail=f"{place(read.source)}: the column {old} is called {new} now",
    )


def new_name(scene: Scene, read: Read) -> str:
    """A name that a vendor might have chosen, and that the table does not have."""
    old, taken = read.column.name, {c.name.lower() for c in scene.columns(read.source)}
    kind = kind_of(read.column.type)
    if old.lower() == "id":
        wanted = f"{read.source.alias}_id"
    elif old.lower().endswith("_id"):
        wanted = f"{old[:-3]}_key"
    elif kind == "time":
        wanted = _TIME_WORD.sub("", old) + "_moment"
    else:
        wanted = old + {"number": "_value", "text": "_name"}.get(kind, "_v2")
    while wanted.lower() in taken:
        wanted += "_2"
    return wanted


@fault("src_column_dropped", layer="raw")
def column_dropped(scene: Scene) -> Injected:
    """A source column is gone."""
    read = scene.choose("src_column_dropped", reads(scene))
    old = read.column.name
    cascade = " cascade" if scene.connection.dialect == "postgres" else ""
    scene.change(read.source, "alter table {table} drop column {column}" + cascade, column=old)
    return Injected(
        cls="src_column_dropped",
        layer="raw",
        node=read.source.unique_id,
        column=old,
        expected_decision="escalate",
        detail=f"{place(read.source)}: the column {old} is not delivered any more",
    )


@fault("src_date_format", layer="raw")
def date_format(scene: Scene) -> Injected:
    """A timestamp arrives as text in another format."""
    times = [read for read in reads(scene) if kind_of(read.column.type) == "time"]
    read = scene.choose("src_date_format", [one for one in times if is_cast(one)] or times)
    name = scene.quoted(read.column.name)
    whole_days = read.column.type.lower() == "date"
    pattern = {
        ("duckdb", True): "strftime({}, '%d/%m/%Y')",
        ("duckdb", False): "strftime({}, '%d/%m/%Y %H:%M:%S')",
        ("postgres", True): "to_char({}, 'DD/MM/YYYY')",
        ("postgres", False): "to_char({}, 'DD/MM/YYYY HH24:MI:SS')",
    }.get((scene.connection.dialect, whole_days))
    if pattern is None:
        raise NoPlace(f"src_date_format is not written for {scene.connection.dialect}")
    retype_as_text(scene, read, pattern.format(name))
    return Injected(
        cls="src_date_format",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        observed=read.column.name,
        expected_decision="fix",
        detail=f"{place(read.source)}: {read.column.name} is text now, day first (31/12/2026)",
    )


def is_cast(read: Read) -> bool:
    """True when the child converts the column, so that another format cannot go unseen."""
    column = re.escape(read.column.name)
    found = re.search(rf"cast\(\s*(\w+\.)?{column}\s+as|\b{column}::", sql_of(read.child), re.I)
    return found is not None


def retype_as_text(scene: Scene, read: Read, expression: str) -> None:
    """Make a column text, holding an expression over its old values."""
    if scene.connection.dialect == "duckdb":
        statements: tuple[str, ...] = (
            "alter table {table} alter column {column} set data type varchar using {expression}",
        )
    else:
        # PostgreSQL does not retype what views read; a loader that lands a table anew drops them.
        statements = (
            "alter table {table} add column {landing} varchar",
            "update {table} set {landing} = {expression}",
            "alter table {table} drop column {column} cascade",
            "alter table {table} rename column {landing} to {column}",
        )
    column = read.column.name
    landing = scene.quoted(column + "__landing")
    for statement in statements:
        scene.change(read.source, statement, column=column, landing=landing, expression=expression)


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


@fault("src_type_changed", layer="raw")
def type_changed(scene: Scene) -> Injected:
    """A number arrives as text, and some of it is no number."""
    numbers = [
        read
        for read in reads(scene)
        if kind_of(read.column.type) == "number" and not _KEY_WORD.search(read.column.name)
    ]
    read = scene.choose("src_type_changed", numbers)
    retype_as_text(scene, read, f"cast({scene.quoted(read.column.name)} as varchar)")
    break_last_rows(scene, read, scene.literal("n/a"))
    return Injected(
        cls="src_type_changed",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        observed=read.column.name,
        expected_decision="fix",
        detail=f"{place(read.source)}: {read.column.name} is text now, and some of it is 'n/a'",
    )


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


@fault("source_table_missing", layer="raw")
def table_missing(scene: Scene) -> Injected:
    """A source table was not loaded."""
    source = scene.choose("source_table_missing", [s for s in scene.sources if scene.columns(s)])
    scene.change(source, "drop table {table} cascade")
    return Injected(
        cls="source_table_missing",
        layer="raw",
        node=source.unique_id,
        expected_decision="escalate",
        detail=f"{place(source)} is not there",
    )


@fault("stale_source", layer="raw")
def stale_source(scene: Scene) -> Injected:
    """One source stopped while its siblings go on."""
    dated = [s for s in scene.sources if loaded_at(scene, s) and s.freshness]
    source = scene.choose("stale_source", dated)
    column = loaded_at(scene, source)
    statement = "update {table} set {column} = {column} - interval '60' day"
    scene.change(source, statement, column=column)
    return Injected(
        cls="stale_source",
        layer="raw",
        node=source.unique_id,
        column=column,
        expected_decision="escalate",
        detail=f"{place(source)} has had no new rows for 60 days",
        command=("source", "freshness"),
    )


def loaded_at(scene: Scene, source: Source) -> str:
    """The column that says when a row was landed; empty when it is an expression or missing."""
    wanted = source.loaded_at_field or ""
    names = [column.name for column in scene.columns(source) if mentions(wanted, column.name)]
    return names[0] if names == [wanted] else ""
