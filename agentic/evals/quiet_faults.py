"""Faults in raw data that often no test sees, and one that only looks like a fault."""

from __future__ import annotations

import re

from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.evals.raw_tables import BROKEN_ROWS, kind_of, place
from agentic.evals.reading import Read, reads, sql_of
from agentic.project import Node
from agentic.records import DecisionKind
from agentic.sql import exp

_MONEY = re.compile(r"amount|price|total|cost|revenue|value|spend|tax|paid|fee", re.I)
_KEY = re.compile(r"(^|_)(id|key|ref|code|number|no|sku)$", re.I)
_SCALE = 100
_KEPT_PERCENT = 20
_FEWEST_ROWS = 20


def roots(scene: Scene) -> list[Node]:
    """Sources, or the seeds that play them: both are tables that somebody else fills."""
    return list(scene.sources)


@fault("unit_scale_change", layer="raw")
def unit_scale_change(scene: Scene) -> Injected:
    """Cents arrive for dollars."""
    numbers = [
        read
        for read in reads(scene)
        if kind_of(read.column.type) == "number" and not _KEY.search(read.column.name)
    ]
    read = scene.choose(
        "unit_scale_change", [n for n in numbers if _MONEY.search(n.column.name)] or numbers
    )
    scene.change(
        read.source, "update {table} set {column} = {column} * {scale}",
        column=read.column.name, scale=_SCALE,
    )  # fmt: skip
    return _raw("unit_scale_change", read, f"{read.column.name} is {_SCALE} times what it was")


def _raw(cls: str, read: Read, what: str, *also: DecisionKind) -> Injected:
    """Escalated: nobody but the owner can say what the rows should be."""
    return Injected(
        cls=cls,
        layer="raw",
        node=read.source.unique_id,
        column=read.column.name,
        expected_decision="escalate",
        also_decisions=also,
        detail=f"{place(read.source)}: {what}",
    )


@fault("volume_drop", layer="raw")
def volume_drop(scene: Scene) -> Injected:
    """Most rows of a load are missing."""
    options = [
        (source, columns[0].name)
        for source in roots(scene)
        if (columns := scene.columns(source)) and _rows(scene, source) >= _FEWEST_ROWS
    ]
    source, column = scene.choose("volume_drop", options)
    keep = max(1, _rows(scene, source) * _KEPT_PERCENT // 100)
    scene.change(
        source,
        "delete from {table} where {column} not in "
        "(select {column} from {table} order by {column} limit {keep})",
        column=column,
        keep=keep,
    )
    return Injected(
        cls="volume_drop",
        layer="raw",
        node=source.unique_id,
        expected_decision="escalate",
        also_decisions=("wait",),
        also_classes=("orphan_keys",),
        detail=f"{place(source)}: {keep} rows are left, {_KEPT_PERCENT} % of what there was",
    )


def _rows(scene: Scene, source: Node) -> int:
    table = exp.table_(source.alias, source.schema, quoted=True)
    counted = exp.select(exp.Count(this=exp.Star())).from_(table)
    found = scene.connection.query(counted.sql(dialect=scene.connection.dialect))
    return int(str(found.rows[0][0]))


@fault("division_by_zero", layer="raw")
def division_by_zero(scene: Scene) -> Injected:
    """A column that divides is zero in fresh rows."""
    options = [
        read
        for read in reads(scene)
        if kind_of(read.column.type) == "number" and _divides(scene, read)
    ]
    read = scene.choose("division_by_zero", options)
    scene.change(
        read.source,
        "update {table} set {column} = 0 where {column} in "
        "(select {column} from {table} where {column} is not null "
        "order by {column} desc limit {rows})",
        column=read.column.name,
        rows=BROKEN_ROWS,
    )
    return _raw(
        "division_by_zero",
        read,
        f"{read.column.name}, which divides, is 0 in fresh rows",
        "fix",
    )


def _divides(scene: Scene, read: Read) -> bool:
    """True when the child, or a child of it, divides by the column as it calls it."""
    texts = [(read.child, read.column.name)]
    texts += [(one, read.output) for one in scene.children(read.child.unique_id) if read.output]
    return any(
        re.search(rf"/\s*(\w+\.)?{re.escape(name)}\b", sql_of(node), re.I) for node, name in texts
    )


@fault("timezone", layer="raw")
def timezone(scene: Scene) -> Injected:
    """Timestamps arrive in another zone."""
    times = [read for read in reads(scene) if read.column.type.lower().startswith("timestamp")]
    read = scene.choose("timezone", times)
    scene.change(
        read.source,
        "update {table} set {column} = {column} + interval '9' hour",
        column=read.column.name,
    )
    return _raw(
        "timezone",
        read,
        f"{read.column.name} is nine hours ahead of what it was",
        "fix",
    )


@fault("late_arriving", layer="raw")
def late_arriving(scene: Scene) -> Injected:
    """Rows arrive after the incremental window that should have taken them."""
    options = []
    for node in scene.own_nodes():
        if node.materialized != "incremental" or "is_incremental" not in node.raw_code:
            continue
        key = node.config.get("unique_key")
        if isinstance(key, str) and node.relation_name:
            options.append((node, key))
    node, key = scene.choose("late_arriving", options)
    source = _feeding(scene, node)
    # As if they had not been there when the window was open: the oldest rows of the result.
    scene.change(
        node,
        "delete from {table} where {column} in "
        "(select {column} from {table} order by {column} limit {rows})",
        column=key,
        rows=BROKEN_ROWS,
    )
    return Injected(
        cls="late_arriving",
        layer="raw",
        node=source.unique_id,
        also_nodes=(node.unique_id,),
        expected_decision="escalate",
        also_decisions=("fix",),
        also_classes=("late_arriving_rows",),
        detail=f"{BROKEN_ROWS} rows of {place(source)} came too late for {node.name}",
    )


def _feeding(scene: Scene, node: Node) -> Node:
    """The first source upstream."""
    queue, seen = list(node.depends_on_nodes), set()
    while queue:
        uid = queue.pop(0)
        found = scene.manifest.all.get(uid)
        if found is None or uid in seen:
            continue
        if uid.startswith("source."):
            return found
        seen.add(uid)
        queue += found.depends_on_nodes
    raise NoPlace(f"no source feeds {node.name}")


@fault("benign", layer="raw")
def benign(scene: Scene) -> Injected:
    """A source has a new column that nobody reads: alarming to look at, and nothing is wrong."""
    sources = [
        s
        for s in roots(scene)
        if scene.columns(s)
        and not any(re.search(r"select\s+\*", sql_of(c), re.I) for c in scene.children(s.unique_id))
    ]
    source = scene.choose("benign", sources or [s for s in roots(scene) if scene.columns(s)])
    scene.change(source, "alter table {table} add column {column} integer", column="batch_no")
    return Injected(
        cls="benign",
        layer="raw",
        node=source.unique_id,
        column=None,
        observed="batch_no",
        expected_decision="no_change",
        detail=f"{place(source)}: has a new column batch_no, which nothing reads",
    )
