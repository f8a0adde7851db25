"""What a project's nodes hold, to see whether a repair gave the same outputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agentic.project import find_project, load_manifest, read_target
from agentic.sql import exp
from agentic.warehouse import Relation, open_connection

MAX_ROWS = 1_000_000
MAX_BYTES = 1_000_000_000


def output_hashes(project_root: Path, *, target: str) -> dict[str, str]:
    """A hash of columns and rows, in any order, for each node that is a relation; by unique_id."""
    project = find_project(project_root, profiles_dir=project_root, target=target)
    manifest = load_manifest(project.manifest_path)
    found = {}
    with open_connection(read_target(project), project_root=project.root) as connection:
        for node in manifest.nodes.values():
            if node.resource_type not in ("model", "snapshot", "seed") or not node.relation_name:
                continue
            relation = Relation.of_node(node)
            columns = connection.columns(relation)
            if columns is None:
                continue
            # dbt's own columns of a snapshot tell when it ran.
            names = sorted(one.name for one in columns if not one.name.startswith("dbt_"))
            rows = connection.query(
                select_sql(relation, names, connection.dialect),
                max_rows=MAX_ROWS,
                max_bytes=MAX_BYTES,
            )
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
    for row in sorted(map(repr, rows)):
        sha.update(row.encode())
    return sha.hexdigest()
