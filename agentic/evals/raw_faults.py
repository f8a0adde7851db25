"""Faults in the shape of raw data: what a vendor or a loader does to source tables overnight."""

from __future__ import annotations

import re

from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.evals.raw_tables import BROKEN_ROWS, break_last_rows, kind_of, place
from agentic.evals.reading import Read, mentions, output_of, reads, sql_of, tests_on
from agentic.project import Node, Source
from agentic.sql import exp

_TIME_WORD = re.compile(r"_(at|on|date|time|ts|timestamp)$")
_FEWEST_FILLED = 4 * BROKEN_ROWS
"""Rows with a value below which the broken ones are a good part of them."""
_KEY_WORD = re.compile(r"(^|_)(id|key|ref|code|number|no)$", re.I)


@fault("src_column_renamed", layer="raw")
def column_renamed(scene: Scene) -> Injected:
    """A source column has a new name."""
    seeded_reads = [read for read in reads(scene, scene.seeds) if not named_by_tests(scene, read)]
    read = scene.choose("src_column_renamed", reads(scene) or seeded_reads)
    old = read.column.name
    new = new_name(scene, read)
    seeded = read.source.resource_type == "seed"
    if seeded:
        rename_header(scene, read.source, old, new)
    else:
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
        paths=(read.source.original_file_path,) if seeded else (),
        # Without it `dbt seed` keeps the old table's shape.
        command=("build", "--full-refresh") if seeded else ("build",),
    )


def named_by_tests(scene: Scene, read: Read) -> bool:
    """True when a test of the seed itself names the column: then header and tests contradict each
    other in one commit of the project, and which of them is wrong is not told."""
    for uid in scene.manifest.tests_of(read.source.unique_id):
        test = scene.manifest.nodes.get(uid)
        if test is None or test.attached_node != read.source.unique_id:
            continue
        given = test.test_metadata.kwargs if test.test_metadata else {}
        if mentions(f"{test.column_name or ''} {given}", read.column.name):
            return True
    return False


def rename_header(scene: Scene, seed: Node, old: str, new: str) -> None:
    """Rename a column in the first line of a seed's file. Raises NoPlace when it is not there."""
    file = scene.file(seed)
    header, *rest = file.read_text(encoding="utf-8").splitlines(keepends=True)
    renamed = re.sub(rf"(?<![^,;\t|]){re.escape(old)}(?![^,;\t|\r\n])", new, header, count=1)
    if renamed == header:
        raise NoPlace(f"{seed.original_file_path} has no column {old!r} in its first line")
    file.write_text("".join([renamed, *rest]), encoding="utf-8")


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
    elif kind == "text":
        wanted = f"{old[:-5]}_text" if old.lower().endswith("_name") else f"{old}_name"
    else:
        wanted = old + {"number": "_value"}.get(kind, "_v2")
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


@fault("src_type_changed", layer="raw")
def type_changed(scene: Scene) -> Injected:
    """A number arrives as text, and some of it is no number."""
    numbers = [
        read
        for read in reads(scene)
        if kind_of(read.column.type) == "number" and not _KEY_WORD.search(read.column.name)
    ]
    # Where nothing may be null, values that are no numbers leave nothing that could be built.
    bearable = [read for read in numbers if not must_be_there(scene, read)]
    read = scene.choose("src_type_changed", bearable or numbers)
    # What most rows hold is lost: that there is nothing left to build is an answer as well.
    hollow = _filled(scene, read) < _FEWEST_FILLED
    retype_as_text(scene, read, f"cast({scene.quoted(read.column.name)} as varchar)")
    break_last_rows(scene, read, scene.literal("n/a"))
    return Injected(
        cls="src_type_changed",
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        observed=read.column.name,
        expected_decision="fix" if bearable else "escalate",
        also_decisions=("escalate",) if hollow else (),
        detail=f"{place(read.source)}: {read.column.name} is text now, and some of it is 'n/a'",
    )


def _filled(scene: Scene, read: Read) -> int:
    """Rows of a source that have a value in a column."""
    counted = exp.select(exp.Count(this=exp.column(read.column.name, quoted=True))).from_(
        exp.table_(read.source.alias, read.source.schema, quoted=True)
    )
    found = scene.connection.query(counted.sql(dialect=scene.connection.dialect))
    return int(str(found.rows[0][0]))


def must_be_there(scene: Scene, read: Read) -> bool:
    """True when a not_null test stands on what the child, or a child of it, makes of the column."""
    if not read.output or tests_on(scene, read.child, read.output, "not_null"):
        return True
    for grandchild in scene.children(read.child.unique_id):
        made = [output_of(sql_of(grandchild), read.output, [read.output])]
        if any(tests_on(scene, grandchild, name, "not_null") for name in made if name):
            return True
    return False


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
    dated = [
        s
        for s in scene.sources
        if _has_limit(s)
        and loaded_at(scene, s)
        and s.unique_id in (scene.within.fresh or {s.unique_id})
    ]
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


def _has_limit(source: Source) -> bool:
    """True where freshness has a limit: without one dbt asks nothing, and nothing is stale."""
    limits = source.freshness or {}
    return any((limits.get(key) or {}).get("count") for key in ("warn_after", "error_after"))


def loaded_at(scene: Scene, source: Source) -> str:
    """The column that says when a row was landed; empty when it is an expression or missing."""
    wanted = source.loaded_at_field or ""
    names = [column.name for column in scene.columns(source) if mentions(wanted, column.name)]
    return names[0] if names == [wanted] else ""
