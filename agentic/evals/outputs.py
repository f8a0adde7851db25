"""What a project's nodes hold, to see whether a repair gave the same outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from agentic.evals.copies import Copy
from agentic.exceptions import WarehouseError
from agentic.project import Node, Project, find_project, load_manifest, read_target
from agentic.sql import exp
from agentic.warehouse import Relation, open_connection

MAX_ROWS = 1_000_000
MAX_BYTES = 1_000_000_000


def output_hashes(
    project_root: Path, *, target: str, profiles_dir: Path | None = None
) -> dict[str, str]:
    """A hash of columns and rows, in any order, for each node that is a relation; by unique_id."""
    project = find_project(project_root, profiles_dir=profiles_dir or project_root, target=target)
    manifest = load_manifest(project.manifest_path)
    nodes = [
        node
        for node in manifest.nodes.values()
        if node.resource_type in ("model", "snapshot", "seed") and node.relation_name
    ]
    return _hashes(project, nodes)


def raw_hashes(copy: Copy) -> dict[str, str]:
    """The same for each source that exists: what no agent may change."""
    project = copy.project()
    return _hashes(project, load_manifest(project.manifest_path).sources.values())


def _hashes(project: Project, nodes: Iterable[Node]) -> dict[str, str]:
    found = {}
    with open_connection(read_target(project), project_root=project.root) as connection:
        for node in nodes:
            relation = Relation.of_node(node)
            columns = connection.columns(relation)
            if columns is None:
                continue
            # dbt's own columns of a snapshot tell when it ran.
            names = sorted(one.name for one in columns if not one.name.startswith("dbt_"))
            try:
                rows = connection.query(
                    select_sql(relation, names, connection.dialect),
                    max_rows=MAX_ROWS,
                    max_bytes=MAX_BYTES,
                )
            except WarehouseError:  # a view whose parent is gone or has other columns now
                found[node.unique_id] = "unreadable"
                continue
            found[node.unique_id] = hash_of(names, rows.rows)
    return found


def select_sql(relation: Relation, names: list[str], dialect: str) -> str:
    """Every named column of a relation."""
    columns = [exp.column(name, quoted=True) for name in names]
    table = exp.table_(relation.identifier, relation.schema, relation.database, quoted=True)
    return exp.select(*columns).from_(table).sql(dialect=dialect)


def hash_of(names: list[str], rows: tuple[tuple[object, ...], ...]) -> str:
    """A hash that does not depend on the rows' order."""
    sha = hashlib.sha256(repr(names).encode())
    for row in sorted(repr(tuple(map(_steady, row))) for row in rows):
        sha.update(row.encode())
    return sha.hexdigest()


def _steady(value: object) -> object:
    """A float without its last digits, which depend on the order of a sum; 1.5 for 1.50."""
    if isinstance(value, Decimal):
        # Not normalize(), which rounds to 28 digits: a warehouse's decimals may have more.
        plain = format(value, "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{value:.9g}" if isinstance(value, float) else value
