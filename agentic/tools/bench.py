"""What tools work on: the project, its lineage, the warehouse and the proposal so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from agentic.records import CompiledOutput, DecisionKind, Edit, Finding, Incident, Proposal

if TYPE_CHECKING:
    from agentic.lineage import Graph
    from agentic.policy import World
    from agentic.project import Manifest, Project, Repo
    from agentic.store import Store
    from agentic.warehouse import Connection
    from agentic.workspace import Workspace


class SqlLimits(Protocol):
    """The part of the compiled guardrails that tools read."""

    @property
    def sql_max_rows(self) -> int: ...
    @property
    def sql_timeout_s(self) -> float: ...
    @property
    def sql_max_bytes_scanned(self) -> int: ...


@dataclass(frozen=True)
class Report:
    """What `submit_report` stored: the engine's last word."""

    finding: Finding | None
    """None only where the incident is a request: nothing broke."""
    decision: DecisionKind
    title: str = ""
    rationale: str = ""
    next_step: str = ""
    report: dict[str, Any] | None = None
    """An object of the schema `output`."""
    output: str = ""
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """One tool call of this run that was done, whatever came back: what a report may cite."""

    id: str
    name: str
    input: Mapping[str, Any]
    content: Any
    """Of its result, masked and capped."""


@dataclass
class Bench:
    """One run's working state; only tool bodies write it, one call at a time.

    `connection` and `workspace` are callables, so that neither is opened before a tool needs it.
    """

    project: Project
    manifest: Manifest
    graph: Graph
    dialect: str
    incident: Incident
    connection: Callable[[], Connection]
    """Opens the baseline's warehouse for reading, or returns the one that is open."""
    repo: Repo | None = None
    """None: the project is in no git repository."""
    workspace: Callable[[], Workspace] | None = None
    """None: nothing may be built in this run (`diagnose`)."""
    world: World | None = None
    """Relations and read rules for the policy; None refuses every statement of an engine."""
    guardrails: SqlLimits | None = None
    diagnose: Callable[[], dict[str, Any]] | None = None
    """Runs the rules over this bench's incident; given by the runtime, which may import them."""
    notify: Callable[[str, str, str], None] | None = None
    """Tells a connection a title and a text; given by the runtime. Raises ServiceError."""
    keep_plan: Callable[[dict[str, Any]], tuple[str, ...]] | None = None
    """Checks a plan and keeps it with the run; returns its faults. Given by the runtime."""
    history: Store | None = None
    """Past invocations and profiles; None: nothing is remembered in this run."""
    tables_read: bool = False
    """Whether the record tables of the warehouse were looked at for more of the past."""
    edits: dict[str, Edit] = field(default_factory=dict)
    """The proposal so far, by path relative to the dbt project."""
    statements: list[str] = field(default_factory=list)
    """SQL that the proposal asks a person to run; see `propose_ddl`."""
    run_id: str = ""
    made: list[Made] = field(default_factory=list)
    """The tool calls so far, in order; written by the boundary alone."""
    output: CompiledOutput | None = None
    """The schema of the agent's report; None is the standard incident_report."""
    keyless: bool = False
    """The rules decide: they give a finding, and the incident report is made from it."""
    accepted: bool = False
    """The report that is submitted was accepted before a restart, and is not checked again."""
    report: Report | None = None
    scratchpad: dict[str, list[str]] = field(default_factory=dict)
    """The engine's notes: plan, hypotheses, checked."""
    rename_undone: tuple[tuple[str, str, str], ...] = ()
    """(source unique_id, expected column, observed column), see `Proposal.rename_undone`."""

    def proposal(self) -> Proposal | None:
        """The edits and the report as a proposal; None without edits or without a report."""
        changed = tuple(e for e in self.edits.values() if e.before != e.after)
        if self.report is None or not changed:
            return None
        return Proposal(
            title=self.report.title,
            edits=changed,
            rationale=self.report.rationale,
            statements=(*self.report.statements, *self.statements),
            rename_undone=self.rename_undone,
        )
