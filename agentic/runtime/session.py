"""Everything that the runs of one `agentic run` share, opened once and late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentic.events import Stream
from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import Dbt, Manifest, Project, Repo, Target
from agentic.records import Compiled, CompiledAgent, Incident, OwnTool
from agentic.store import AuditTrail, Store

_CODE = ("python", "macro")
"""Kinds of tools that run code of the project."""


@dataclass(frozen=True)
class Session:
    """The project as it was when the command started; guardrails are the version compiled then."""

    project: Project
    target: Target
    """The failing invocation's target: the baseline, read and never written."""
    repo: Repo
    dbt: Dbt
    manifest: Manifest
    graph: Graph
    compiled: Compiled
    world: World
    store: Store
    audit: AuditTrail
    stream: Stream
    clock: Callable[[], str]
    apply: bool = False
    """Open the branch and the pull request; without it nothing leaves the workspace."""
    role: Callable[[str], CompiledAgent | None] = lambda _name: None
    """A standard agent that agents.yml does not declare, called by its name."""
    diagnose_only: bool = False
    """Stop at the finding; nothing is built."""
    outer: Compiled | None = None
    """Set for a step of a plan: the files as the checkout has them. The step itself works on what
    earlier steps proposed; where its change goes, and who is asked, is the plan's."""

    checkout: Project | None = None
    """Set where `project` is a worktree of a plan: what people wrote and approved runs as it is in
    their checkout, whatever earlier steps proposed."""

    @property
    def home(self) -> Project:
        """The project as people have it."""
        return self.checkout or self.project

    @property
    def own_tools(self) -> tuple[OwnTool, ...]:
        """Users' tools; those that run code of theirs as the checkout has them."""
        if self.outer is None:
            return self.compiled.own_tools
        written = {tool.name: tool for tool in self.outer.own_tools if tool.kind in _CODE}
        return tuple(written.get(tool.name, tool) for tool in self.compiled.own_tools)

    @property
    def asked_under(self) -> Compiled:
        """What a person's answer is bound to: `agentic approve` compiles the checkout."""
        return self.outer or self.compiled

    @property
    def dialect(self) -> str:
        """sqlglot's name of the warehouse's SQL."""
        return self.target.relation_dialect

    def agent_for(self, incident: Incident, name: str | None) -> CompiledAgent | None:
        """The agent called by name, else the first whose `when` and `select` match."""
        for agent in self.compiled.agents:
            if name is not None:
                if agent.name == name:
                    return agent
            elif incident.kind in agent.when and _sees(agent, incident):
                return agent
        return self.role(name) if name is not None else None


def _sees(agent: CompiledAgent, incident: Incident) -> bool:
    touched = {incident.node, *(signal.attached for signal in incident.signals)}
    return not agent.select or not incident.node or bool(touched & set(agent.scope))
