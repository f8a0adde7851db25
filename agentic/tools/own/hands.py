"""What bodies of users' tools need besides the bench; built by the runtime, once a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentic.project import Project

DRY_RUN = "dry_run"
"""The extra input of a tool that writes; only `false` lets it."""


def _nothing() -> str:
    return ""


@dataclass
class Hands:
    """References are resolved with these, at the moment of a call."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    """`vars` of the project."""
    target: str = ""
    """Name of the baseline's dbt target: where a macro with an external effect runs."""
    key: Callable[[], str] = _nothing
    """Of the step that is done now, the same after a restart."""
    home: Project | None = None
    """The checkout, where the run works on a worktree of a plan."""
    servers: Any = None
    """MCP servers that were started; None until the first is asked."""

    def checkout(self, project: Project) -> Project:
        """The project as people have it, given that of the run."""
        return self.home or project

    def close(self) -> None:
        """End every server that was started."""
        if self.servers is not None:
            self.servers.close()
            self.servers = None
