"""A bench over a small project on disk, with nothing live behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, Node, Project, Source
from agentic.records import Incident
from agentic.tools import Bench, ToolError

STAGING = "select\n    id as order_id,\n    amount\nfrom {{ source('shop', 'orders') }}\n"


def _nothing_live() -> None:
    raise ToolError("no warehouse in this test")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    root = tmp_path / "project"
    (root / "models").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "models" / "stg_orders.sql").write_bytes(STAGING.encode())
    (root / "dbt_project.yml").write_text("name: shop\n")
    (root / "profiles.yml").write_text("password: hidden\n")
    source = Source(
        unique_id="source.shop.shop.orders",
        name="orders",
        source_name="shop",
        resource_type="source",
        package_name="shop",
        raw_meta={"owner": "vendor@example.com"},
    )
    staging = Node(
        unique_id="model.shop.stg_orders",
        name="stg_orders",
        resource_type="model",
        package_name="shop",
        original_file_path="models/stg_orders.sql",
        raw_code=STAGING,
    )
    mart = Node(
        unique_id="model.shop.orders",
        name="orders",
        resource_type="model",
        package_name="shop",
        description="All orders.",
    )
    test = Node(unique_id="test.shop.unique_orders", name="unique_orders", resource_type="test")
    manifest = Manifest(
        metadata=Metadata(),
        nodes={n.unique_id: n for n in (staging, mart, test)},
        sources={source.unique_id: source},
        parent_map={
            "model.shop.stg_orders": ["source.shop.shop.orders"],
            "model.shop.orders": ["model.shop.stg_orders"],
            "test.shop.unique_orders": ["model.shop.orders"],
        },
        child_map={},
    )
    project = Project(
        root=root,
        name="shop",
        profile="shop",
        target_path=root / "target",
        packages_path=root / "dbt_packages",
        profiles_dir=None,
        target=None,
        config={},
        model_paths=("models",),
        seed_paths=("seeds",),
        snapshot_paths=("snapshots",),
        test_paths=("tests",),
        macro_paths=("macros",),
    )
    connection: Callable[[], None] = _nothing_live
    return Bench(
        project=project,
        manifest=manifest,
        graph=Graph(manifest),
        dialect="duckdb",
        incident=Incident(
            id="i", kind="run_error", node="model.shop.stg_orders", message="", fingerprint="f"
        ),
        connection=connection,  # type: ignore[arg-type]
    )
