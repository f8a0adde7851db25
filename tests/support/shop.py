"""A small dbt manifest by hand, for tests of configuration that need a lineage and no dbt."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.compiler import Checked, check_project
from agentic.config import Inspected, inspect_files
from agentic.exceptions import Issue
from agentic.lineage import Graph
from agentic.project import Manifest, Project, Target


def _node(uid: str, path: str, schema: str, **more: Any) -> dict[str, Any]:
    kind, package, name = uid.split(".")[0], uid.split(".")[1], uid.split(".")[-1]
    return {
        "unique_id": uid,
        "name": name,
        "resource_type": kind,
        "package_name": package,
        "original_file_path": path,
        "path": path,
        "database": "shop",
        "schema": schema,
        "alias": name,
        "fqn": [package, *path.split("/")[1:-1], name],
        **more,
    }


def _source(name: str, **more: Any) -> dict[str, Any]:
    node = _node(f"source.shop.raw.{name}", "models/staging/sources.yml", "raw", **more)
    return {**node, "source_name": "raw", "identifier": name}


_PII = {"email": {"name": "Email", "tags": ["pii"]}}
NODES: dict[str, dict[str, Any]] = {
    "model.shop.stg_orders": _node(
        "model.shop.stg_orders",
        "models/staging/stg_orders.sql",
        "dev_ana",
        tags=["finance"],
        depends_on={"nodes": ["source.shop.raw.orders"]},
    ),
    "model.shop.stg_customers": _node(
        "model.shop.stg_customers",
        "models/staging/stg_customers.sql",
        "dev_ana",
        tags=["pii"],
        columns=_PII,
        depends_on={"nodes": ["source.shop.raw.customers"]},
    ),
    "model.shop.people": _node(
        "model.shop.people",
        "models/marts/people.sql",
        "dev_ana",
        tags=["pii"],
        depends_on={"nodes": ["model.shop.stg_customers"]},
    ),
    "model.shop.orders": _node(
        "model.shop.orders",
        "models/marts/orders.sql",
        "dev_ana",
        tags=["gold"],
        depends_on={"nodes": ["model.shop.stg_orders", "model.shop.stg_customers"]},
    ),
    "test.shop.orders_are_positive": _node(
        "test.shop.orders_are_positive",
        "tests/orders_are_positive.sql",
        "dev_ana_tests",
        depends_on={"nodes": ["model.shop.orders", "source.shop.raw.orders"]},
    ),
}
SOURCES: dict[str, dict[str, Any]] = {
    "source.shop.raw.orders": _source("orders"),
    "source.shop.raw.customers": _source("customers", columns=_PII),
}
_FILES = ("models/staging/sources.yml", *(node["original_file_path"] for node in NODES.values()))
TARGETS = {"dev": "dev_ana", "ci": "ci_shop", "prod": "analytics"}


def make_manifest(meta: Mapping[str, dict[str, Any]] | None = None) -> Manifest:
    """The shop's manifest; `meta` adds `config.meta` to nodes by `unique_id`."""
    nodes, sources = copy.deepcopy(NODES), copy.deepcopy(SOURCES)
    for uid, said in (meta or {}).items():
        {**nodes, **sources}[uid]["config"] = {"meta": said}
    every = {**nodes, **sources}
    parents = {uid: node.get("depends_on", {}).get("nodes", []) for uid, node in every.items()}
    children = {uid: [one for one in every if uid in parents[one]] for uid in every}
    return msgspec.convert(
        {
            "metadata": {"project_name": "shop", "adapter_type": "duckdb"},
            "nodes": nodes,
            "sources": sources,
            "parent_map": parents,
            "child_map": children,
        },
        Manifest,
    )


def make_project(root: Path) -> Project:
    """The shop's folders and files, empty, and its Project."""
    for name in _FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "dbt_project.yml").write_text(
        "name: shop\nprofile: shop\nvars: {team: finance, shop: {tier: gold}, other: {x: 1}}\n"
    )
    return Project(
        root=root,
        name="shop",
        profile="shop",
        target_path=root / "target",
        packages_path=root / "dbt_packages",
    )


def make_targets(*names: str) -> dict[str, Target]:
    """Targets of the shop's profile by name; all three when no name is given."""
    return {
        name: Target(name=name, adapter="duckdb", schema=TARGETS[name], database="", settings={})
        for name in names or TARGETS
    }


def check_shop(
    root: Path,
    *,
    meta: Mapping[str, dict[str, Any]] | None = None,
    targets: tuple[str, ...] = (),
    target: str = "dev",
    env: Mapping[str, str] | None = None,
) -> tuple[Inspected, Checked, tuple[Issue, ...]]:
    """Both steps of `agentic compile` on the shop with the two files that lie in `root`."""
    project, manifest = make_project(root), make_manifest(meta)
    found = inspect_files(root, env=env or {})
    checked = check_project(
        project,
        found.specs,
        manifest,
        Graph(manifest),
        target=target,
        targets=make_targets(*targets),
    )
    issues = sorted({*found.issues, *checked.errors, *checked.warnings})
    return found, checked, tuple(issues)
