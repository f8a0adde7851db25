"""Columns that nodes give: through stars down to a seed's header, and no guess below a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.lineage import EmittedColumns, Graph
from agentic.project import Manifest, Metadata, Node
from agentic.project.manifest import DependsOn

SEED, MODEL = "seed.shop.sessions", "model.shop.touches"


def columns(root: Path, compiled: str, parents: list[str] | None = None) -> EmittedColumns:
    above = [SEED] if parents is None else parents
    seed = Node(
        unique_id=SEED,
        name="sessions",
        resource_type="seed",
        package_name="shop",
        database="db",
        schema="main",
        alias="sessions",
        relation_name='"db"."main"."sessions"',
        original_file_path="data/sessions.csv",
    )
    touches = Node(
        unique_id=MODEL,
        name="touches",
        resource_type="model",
        package_name="shop",
        database="db",
        schema="main",
        alias="touches",
        relation_name='"db"."main"."touches"',
        depends_on=DependsOn(nodes=above),
        compiled_code=compiled,
    )
    manifest = Manifest(
        metadata=Metadata(project_name="shop"),
        nodes={SEED: seed, MODEL: touches},
        parent_map={MODEL: above, SEED: []},
        child_map={SEED: [MODEL], MODEL: []},
    )
    (root / "data").mkdir()
    (root / "data" / "sessions.csv").write_text("\ufeffID,started_at\n1,2020-01-01\n", "utf-8")
    return EmittedColumns(manifest, Graph(manifest), "duckdb", root)


def test_a_star_over_a_seed_ends_at_its_header(tmp_path: Path) -> None:
    known = columns(tmp_path, 'select *, 1.0 as linear_points from "db"."main"."sessions"')

    assert known.get("touches") == ("id", "started_at", "linear_points")
    assert known.get("sessions") == ("id", "started_at")
    assert known.get("orders") is None


@pytest.mark.parametrize("compiled", ["", 'select *, 1 as a from "db"."raw"."events"', "select ("])
def test_what_nobody_lists_is_not_known(tmp_path: Path, compiled: str) -> None:
    assert columns(tmp_path, compiled, []).get("touches") is None
