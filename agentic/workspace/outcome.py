"""What a build in the workspace came to."""

from __future__ import annotations

import msgspec

from agentic.project import Manifest, NodeResult, RunResults
from agentic.warehouse import Relation

GREEN = frozenset({"success", "pass", "warn", "no-op"})
"""Statuses of nodes and tests that did what they should."""


class BuildOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One dbt invocation in the workspace, read from its artifacts."""

    variant: str
    """`change` or `base`."""
    ok: bool
    exit_code: int
    log: str
    """dbt's messages, a line each; not masked."""
    manifest: Manifest | None = None
    """None when the project did not parse."""
    run_results: RunResults | None = None
    """None when dbt stopped before it built anything."""
    selected: tuple[str, ...] = ()
    """`unique_id`s that were asked for."""
    added: tuple[str, ...] = ()
    """Ancestors that the baseline lacks, built besides."""
    relations: dict[str, Relation] = {}
    """Where each node that was built lies in the workspace."""
    notes: dict[str, str] = {}
    """`unique_id` -> why its build is not like production's (an incremental node begun empty)."""
    error: str = ""
    """Why nothing was built: a parse error, a selection that holds nothing."""
    revision: str = ""
    """The commit that the variant was built from."""

    whole: frozenset[str] | None = None
    """None: the manifest is the whole project's. Else only these nodes and their tests are as in
    the project: the build looked at nothing else."""

    @property
    def thin(self) -> bool:
        """True when the manifest holds only what the build needed."""
        return self.whole is not None

    @property
    def results(self) -> dict[str, NodeResult]:
        return self.run_results.by_id if self.run_results else {}

    @property
    def red(self) -> tuple[str, ...]:
        """`unique_id`s that failed or were skipped because something before them failed."""
        return tuple(uid for uid, one in self.results.items() if one.status not in GREEN)
