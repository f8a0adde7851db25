"""Put one fault into a project: raw faults change its source tables, code faults edit its files.

Where it goes is chosen by walking the manifest with a seed, never by a name, so that the same
classes can be injected into any dbt project.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from agentic.evals.databases import open_to_break
from agentic.evals.injection import Injected, NoPlace, Places, Scene, fault_classes
from agentic.lineage import Graph
from agentic.lineage import select as nodes_of
from agentic.project import find_project, load_manifest, read_target


class Within(msgspec.Struct, frozen=True):
    """Where a fault may be put."""

    fresh: frozenset[str] | None = None
    """Sources whose freshness passed; None: it was not asked."""
    select: str = ""
    """A dbt node selection; empty: the whole project."""


def inject(
    fault: str,
    project_root: Path,
    *,
    profiles_dir: Path | None = None,
    target: str | None = None,
    seed: int = 0,
    within: Within | None = None,
) -> Injected:
    """Inject a fault class into a project that was built before, and say what was done.

    Raises NoPlace: an unknown class, or a project without a place for it; ProjectError and
    ArtifactError: no project, or no manifest; WarehouseError: the source tables cannot be written.
    """
    known = fault_classes()
    if fault not in known:
        raise NoPlace(f"no fault class {fault!r}", hint="Known classes: " + ", ".join(known))
    project = find_project(project_root, profiles_dir=profiles_dir, target=target)
    manifest = load_manifest(project.manifest_path)
    within = within or Within()
    only = nodes_of(within.select, manifest, Graph(manifest)) if within.select else None
    places = Places(within.fresh, only)
    if known[fault].layer == "code":
        return known[fault].inject(Scene(project, manifest, seed=seed, within=places))
    chosen = read_target(project, target)
    with open_to_break(project, chosen) as connection:
        scene = Scene(project, manifest, connection=connection, seed=seed, within=places)
        return known[fault].inject(scene)
