"""A situation over the library's real dbt manifest, with guardrails as a person writes them."""

from __future__ import annotations

from pathlib import Path

from agentic.compiler import compile_project
from agentic.config import load_files
from agentic.guardrails import Situation, world_of
from agentic.lineage import Graph
from agentic.project import Manifest, Project, Target, load_manifest
from agentic.records import Compiled, ToolCall, ToolSpec
from agentic.tools import registry

ARTIFACTS = Path(__file__).parents[2] / "fixtures" / "artifacts"
LIBRARY = ARTIFACTS / "library"
TARGET = Target(name="dev", adapter="duckdb", schema="main", database="library", settings={})
AGENT = "version: 1\nagents:\n  - {name: triage, extends: agentic.triage%s}\n"
MANIFEST: Manifest = load_manifest(ARTIFACTS / "dbt_1.11" / "manifest.json")
GRAPH = Graph(MANIFEST)


def compiled(root: Path, rails: str, agent: str = "") -> Compiled:
    """The two files, compiled against the library."""
    (root / "guardrails.yml").write_text(f"version: 1\n{rails}\n")
    (root / "agents.yml").write_text(AGENT % agent)
    return compile_project(
        project(), load_files(root), MANIFEST, GRAPH, target=TARGET, targets={"dev": TARGET}
    )


def project() -> Project:
    return Project(
        root=LIBRARY,
        name="library",
        profile="library",
        target_path=LIBRARY / "target",
        packages_path=LIBRARY / "dbt_packages",
    )


def situation(root: Path, rails: str = "", agent: str = "") -> Situation:
    made = compiled(root, rails, agent)
    return Situation(
        project(),
        MANIFEST,
        GRAPH,
        "duckdb",
        made.agents[0],
        made.guardrails,
        world_of(MANIFEST, made.guardrails, TARGET),
    )


def call(name: str, **given: object) -> tuple[ToolCall, ToolSpec]:
    return ToolCall("c1", name, dict(given)), registry()[name]
