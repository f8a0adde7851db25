"""Column lineage of projects that were not written here, held against DuckDB itself.

`AGENTIC_PROJECTS` names a folder of built dbt projects (jaffle-shop among them), and
`AGENTIC_DBT_UTILS` the built integration tests of dbt-utils, both on DuckDB. What is absent is
said to be not run.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import duckdb

from agentic.lineage import ColumnLineage, Graph, column_lineage
from agentic.project import Manifest, find_project, load_manifest
from agentic.sql import quote
from tests.proofs.registry import Outcome, proof

SPOTS = 100
Values = dict[str, list[str]]
"""Columns in lower case with their sorted values."""


class Built(NamedTuple):
    """A project whose every node lies in a database of its own, as a table."""

    name: str
    manifest: Manifest
    session: duckdb.DuckDBPyConnection
    columns: dict[str, list[tuple[str, str]]]
    """Name and type by `unique_id`."""
    failed: dict[str, str]
    """Nodes that DuckDB does not run."""


@proof(
    "lineage_perturbed",
    "On jaffle-shop and dbt-utils' integration tests every column is resolved or unknown with a "
    "reason, and where one column of a relation is changed, exactly claimed columns of its "
    "children change: at least 100 edges.",
)
def perturbed(folder: Path) -> Outcome:
    figures: dict[str, object] = {}
    broken: list[str] = []
    spots = 0
    for name, root in places().items():
        if not (root / "target" / "manifest.json").is_file():
            figures[name] = "not run"
            continue
        built = rebuilt(name, root, folder / name)
        lineage = traced(built)
        unknown, wrong = unresolved(built, lineage)
        checked = Counter[str]()
        for line in edges(built, lineage, checked):
            wrong.append(line)
        spots += checked["confirmed"]
        figures[name] = (
            f"({len(built.columns)} relations, {sum(map(len, built.columns.values()))} columns, "
            f"{unknown} unknown, {checked['perturbed']} perturbed, "
            f"{checked['confirmed']} edges confirmed, {checked['silent']} silent)"
        )
        broken += [f"{name}: {line}" for line in wrong]
    figures["edges confirmed"] = spots
    if spots < SPOTS:
        broken.append(f"{spots} edges were confirmed, not {SPOTS}")
    return Outcome(figures, broken)


def places() -> dict[str, Path]:
    """Where the projects are."""
    projects = Path(os.environ.get("AGENTIC_PROJECTS", "."))
    return {
        "jaffle-shop": projects / "jaffle-shop",
        "jaffle_shop_duckdb": projects / "jaffle_shop_duckdb",
        "dbt-utils": Path(os.environ.get("AGENTIC_DBT_UTILS", ".")),
    }


def rebuilt(name: str, root: Path, folder: Path) -> Built:
    """Every model made again as a table, in a copy of the project's database."""
    folder.mkdir(parents=True)
    manifest = load_manifest(find_project(root, profiles_dir=root).manifest_path)
    (database,) = (path for path in root.glob("*.duckdb"))
    copy = folder / database.name
    shutil.copy(database, copy)
    session = duckdb.connect(str(copy))
    built = Built(name, manifest, session, {}, {})
    for uid in Graph(manifest).order():
        node = manifest.all[uid]
        relation = node.relation_name
        if node.resource_type not in ("model", "seed", "source", "snapshot") or not relation:
            continue
        if node.materialized == "ephemeral":
            continue
        try:
            if node.resource_type == "model":
                if not node.compiled_code:
                    built.failed[uid] = "was not compiled"
                    continue
                session.execute(f"create or replace table agentic_next as {node.compiled_code}")
                for kind in ("view", "table"):
                    try:
                        session.execute(f"drop {kind} if exists {relation} cascade")
                    except duckdb.Error:
                        continue
                session.execute(f"create table {relation} as select * from agentic_next")
            found = session.execute(f"describe {relation}").fetchall()
        except duckdb.Error as error:
            built.failed[uid] = str(error).splitlines()[0]
            continue
        built.columns[uid] = [(column, kind) for column, kind, *_ in found]
    return built


def traced(built: Built) -> ColumnLineage:
    """Lineage from what a command would know: the columns of raw data, and the SQL."""
    schemas = {
        uid: dict(columns)
        for uid, columns in built.columns.items()
        if uid.startswith(("seed.", "source."))
    }
    return column_lineage(built.manifest, schemas=schemas, dialect="duckdb")


def unresolved(built: Built, lineage: ColumnLineage) -> tuple[int, list[str]]:
    """Unknown columns, and what is neither resolved nor has a reason."""
    unknown, wrong = 0, []
    for uid, real in built.columns.items():
        if not uid.startswith("model."):
            continue
        found = lineage.columns(uid)
        names = {name.lower() for name in found}
        missing = {name.lower() for name, _ in real} - names
        if missing and "*" not in names:
            wrong.append(f"{uid}: {', '.join(sorted(missing))} is not among {', '.join(found)}")
        if (extra := names - {"*"} - {name.lower() for name, _ in real}) and not missing:
            wrong.append(f"{uid}: there is no {', '.join(sorted(extra))}")
        for column in found:
            edges_up = lineage.upstream(uid, column)
            if lineage.kind(uid, column) == "unknown" or column == "*":
                unknown += 1
                if not any(edge.reason for edge in edges_up):
                    wrong.append(f"{uid}.{column} is unknown without a reason")
    return unknown, wrong


def edges(built: Built, lineage: ColumnLineage, checked: Counter[str]) -> list[str]:
    """Change each column of each relation that has children; unclaimed changes, and claimed
    columns that stay as they are where they should not."""
    wrong: list[str] = []
    before: dict[str, Values] = {}
    for uid, columns in built.columns.items():
        children = [
            child
            for child in (built.manifest.child_map or {}).get(uid, ())
            if child in built.columns and child.startswith("model.") and child != uid
        ]
        for child in children:
            before.setdefault(child, steady(built, child))
        for column, kind in columns:
            wrong += changed(built, lineage, (uid, column, kind), children, before, checked)
    return wrong


def changed(
    built: Built,
    lineage: ColumnLineage,
    place: tuple[str, str, str],
    children: list[str],
    before: dict[str, Values],
    checked: Counter[str],
) -> list[str]:
    uid, column, kind = place
    below = lineage.downstream(uid, column)
    wrong = []
    for child in children:
        after = with_change(built, uid, column, kind, child)
        if after is None:
            continue
        checked["perturbed"] += 1
        own = [edge for edge in below if edge.node == child]
        rows = any(edge.kind in ("filter", "join") for edge in own)
        # A star over columns that nobody knows hands on every name; an opaque child, anything.
        open_ = "*" in lineage.columns(child)
        claimed = {edge.column.lower(): edge.kind for edge in own if edge.column != "*"}
        moved = {name for name, values in before[child].items() if after.get(name) != values}
        unknown = {
            name.lower()
            for name in lineage.columns(child)
            if lineage.kind(child, name) == "unknown"
        }
        unclaimed = moved - claimed.keys() - unknown
        if unclaimed and not rows and not open_:
            wrong.append(f"{uid}.{column} changed {child}.{', '.join(sorted(unclaimed))} unclaimed")
        for name, how in claimed.items():
            if name in moved:
                checked["confirmed"] += 1
            elif name in before[child] and any(v != "None" for v in before[child][name]):
                checked["silent"] += 1
                if how in ("unchanged", "renamed") and not rows:
                    wrong.append(f"{uid}.{column} did not change {child}.{name} ({how})")
    return wrong


def steady(built: Built, uid: str) -> Values:
    """A node's columns, without those that differ from one run to the next."""
    first, second = (values_of(built, uid) for _ in range(2))
    return {name: values for name, values in first.items() if second[name] == values}


def values_of(built: Built, uid: str) -> Values:
    answer = built.session.execute(built.manifest.all[uid].compiled_code or "")
    names = [one[0].lower() for one in answer.description or ()]
    rows = answer.fetchall()
    return {name: sorted(repr(row[at]) for row in rows) for at, name in enumerate(names)}


def with_change(built: Built, uid: str, column: str, kind: str, child: str) -> Values | None:
    """A child's columns with one column of a parent changed; None where that cannot be run."""
    session = built.session
    name = quote(column, "duckdb")
    relation = built.manifest.all[uid].relation_name
    for change in other_values(name, kind, str(relation)):
        session.execute("begin")
        try:
            session.execute(f"update {relation} set {name} = {change}")
            return values_of(built, child)
        except duckdb.Error:
            continue
        finally:
            session.execute("rollback")
    return None


def other_values(name: str, kind: str, relation: str) -> list[str]:
    """Expressions for another value of the same type, the first that runs is taken."""
    if kind == "BOOLEAN":
        # `not` would leave as many of each where there are equally many.
        return [f"not (select coalesce(bool_or({name}), false) from {relation})"]
    if kind.startswith(("DATE", "TIMESTAMP")):
        return [f"{name} + interval 40 day"]
    if kind == "VARCHAR":
        return [f"{name} || 'x'", f"cast(cast({name} as integer) + 7 as varchar)"]
    return [f"{name} * 3 + 5", f"{name} + 1"]
