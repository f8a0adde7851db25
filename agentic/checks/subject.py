"""What the checks look at: one proposal and everything that is needed to judge it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentic.records import Finding, Incident, Proposal

if TYPE_CHECKING:
    from agentic.lineage import Graph
    from agentic.policy import World
    from agentic.project import Manifest, Project
    from agentic.workspace import Workspace


@dataclass(frozen=True)
class Companion:
    """Another incident of the same invocation, with the repair that is proposed for it."""

    run_id: str
    incident: Incident
    finding: Finding
    proposal: Proposal | None = None
    """None: no repair is proposed, or none that may be built."""


@dataclass(frozen=True)
class Subject:
    """One proposal under check; `workspace` is opened by the first check that needs it."""

    proposal: Proposal
    project: Project
    manifest: Manifest
    """The baseline's manifest: the project as it was when it failed, or the last that parsed."""
    graph: Graph
    dialect: str
    """sqlglot's name of the warehouse's SQL."""
    incident: Incident | None = None
    finding: Finding | None = None
    workspace: Callable[[], Workspace] | None = None
    """None: nothing can be built here, so that the building checks say `not_compared`."""
    guardrails: Any = None
    """The compiled guardrails; typed loosely because the compiler is a room above."""
    world: World | None = None
    companions: tuple[Companion, ...] = ()
    """The other incidents that were open at the same time, each with a root cause of its own."""
    second_workspace: Callable[[], Workspace] | None = None
    """Opens a further workspace, which the caller closes."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What one check worked out and another needs too (a build costs seconds)."""
