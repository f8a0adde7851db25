"""What a guardrail may look at: the compiled agent and files, and the project's artifacts."""

from __future__ import annotations

from dataclasses import dataclass

from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import Manifest, Project
from agentic.records import CompiledAgent, CompiledGuardrails


@dataclass(frozen=True)
class Situation:
    """Fixed when a run starts: editing guardrails.yml during a run changes nothing in it."""

    project: Project
    manifest: Manifest
    graph: Graph
    dialect: str
    agent: CompiledAgent
    guardrails: CompiledGuardrails
    world: World

    def node_named(self, name: str) -> str | None:
        """The `unique_id` meant by an id or a plain name; None if it is not exactly one.

        Names count in any case, as they do for the tools: what a tool finds is what is judged.
        """
        if name in self.manifest.all:
            return name
        found = [
            uid for uid, node in self.manifest.all.items() if node.name.lower() == name.lower()
        ]
        return found[0] if len(found) == 1 else None
