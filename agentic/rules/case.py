"""What a rule works on, and what it answers: pure local shapes, nothing live."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agentic.records import (
    CompiledPlaybook,
    DecisionKind,
    Evidence,
    Finding,
    Incident,
    RootCause,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from agentic.lineage import Graph
    from agentic.project import Manifest

T = TypeVar("T")
Steps = Generator[ToolCall, ToolResult, T]
"""A rule, or a part of one: yields tool calls, is sent their results, returns its answer."""

TESTS = ("test.", "unit_test.")


@dataclass(frozen=True)
class Case:
    """One incident with the artifacts that a diagnosis starts from."""

    incident: Incident
    manifest: Manifest
    graph: Graph
    dialect: str
    project: str
    """Name of the root project: nodes of another package are vendored and never edited."""
    playbooks: tuple[CompiledPlaybook, ...] = ()
    """The project's own rules that the agent follows."""
    order: tuple[str, ...] = ()
    """Names of built-in rules to ask first."""
    calls: int = 40
    """Tool calls that the run may make."""
    role: str = ""
    """Of the agent that was called: what a request can be done with (`routine_for`)."""
    nodes_changed: int = 5
    """Nodes that one proposal may change."""
    memory: dict[tuple[str, ...], Any] = field(default_factory=dict, compare=False, repr=False)
    """Answers that several rules ask of the same artifacts: reading SQL is the dear part."""

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` gives, made once a case."""
        if key not in self.memory:
            self.memory[key] = make()
        found: T = self.memory[key]
        return found

    def node(self, unique_id: str) -> Any:
        """The node of a unique_id, or None."""
        return self.manifest.all.get(unique_id)

    @property
    def messages(self) -> tuple[str, ...]:
        """Every error text of the incident, the loudest first, no text twice."""
        found = [self.incident.message, *(signal.message for signal in self.incident.signals)]
        return tuple(dict.fromkeys(text for text in found if text))

    @property
    def failing(self) -> tuple[str, ...]:
        """Nodes that failed; for a test the node that it tests as well."""
        found = [self.incident.node]
        for signal in self.incident.signals:
            found += [signal.node, signal.attached]
        return tuple(dict.fromkeys(uid for uid in found if uid in self.manifest.all))

    @property
    def place(self) -> str:
        """The node whose code the message speaks of: for a unit test the node that it tests."""
        head = self.incident.node
        if not head.startswith("unit_test."):
            return head
        tested = (s.attached for s in self.incident.signals if s.node == head)
        return next((uid for uid in tested if uid in self.manifest.all), head)

    def above(self, *kinds: str) -> tuple[str, ...]:
        """Failing nodes and their ancestors of the kinds (`source`, `model`, ...), sorted."""
        found = set(self.failing)
        for uid in self.failing:
            found |= set(self.graph.ancestors(uid))
        return tuple(sorted(uid for uid in found if uid.split(".", 1)[0] in kinds))

    def readers(self, unique_id: str) -> tuple[str, ...]:
        """Models and snapshots that read a node directly."""
        children = self.graph.children(unique_id)
        return tuple(u for u in children if u.startswith(("model.", "snapshot.")))

    def code(self, unique_id: str) -> str:
        """A node's SQL, compiled (macros show) and as written (what was skipped shows)."""
        node = self.node(unique_id)
        return "" if node is None else f"{node.compiled_code or ''}\n{node.raw_code or ''}"

    def vendored(self, unique_id: str) -> bool:
        """True for a node of an installed package."""
        node = self.node(unique_id)
        return node is not None and node.package_name != self.project

    def path(self, unique_id: str) -> str:
        """The file of a node, relative to the project; empty when unknown."""
        node = self.node(unique_id)
        return str(node.original_file_path) if node is not None else ""

    def disabled_path(self, name: str) -> str:
        """The file of a disabled node; empty when the manifest knows none of the name."""
        for uid, nodes in (self.manifest.disabled or {}).items():
            if uid.split(".")[-1] == name and nodes:
                return str(nodes[0].original_file_path)
        return ""

    def lineage(self, cause: str) -> tuple[str, ...]:
        """The path from a cause to the incident's node, the shortest to any failing node else."""
        for uid in self.failing:
            if uid == cause:
                return (cause,)
            found = tuple(self.graph.path(cause, uid)) if self.node(cause) is not None else ()
            if found:
                return found
        return (cause,) if cause else ()

    def affected(self, cause: str) -> tuple[str, ...]:
        """Nodes and exposures downstream of a cause, tests left out."""
        if self.node(cause) is None:
            return ()
        return tuple(u for u in self.graph.descendants(cause) if not u.startswith(TESTS))

    def owner(self, cause: str) -> str:
        """Whom to tell: the owner of the cause, else of the nearest node below that has one."""
        for uid in (cause, *self.readers(cause), *self.affected(cause)):
            if found := self.manifest.owner_of(uid):
                return found
        return ""


class Change(msgspec.Struct, frozen=True):
    """One tool call of a repair: played after the diagnosis is chosen."""

    name: str
    input: dict[str, Any]


class Diagnosis(msgspec.Struct, frozen=True):
    """A rule's answer; `finding.code` and `finding.cls` are filled in by the driver."""

    finding: Finding
    decision: DecisionKind
    title: str
    rationale: str = ""
    changes: tuple[Change, ...] = ()
    rename_undone: tuple[tuple[str, str, str], ...] = ()


@dataclass
class Draft:
    """Collects a finding's parts, so that rules do not repeat what every finding carries."""

    case: Case
    node: str
    column: str | None = None
    observed: str | None = None
    evidence: list[Evidence] = field(default_factory=list)

    def fact(self, text: str, where: str = "", rows: list[dict[str, Any]] | None = None) -> None:
        """Add one piece of evidence; at most ten rows are kept."""
        self.evidence.append(Evidence(text=text, where=where, rows=tuple((rows or [])[:10])))

    def finding(self, summary: str, *, confidence: float, next_step: str = "") -> Finding:
        """The finding with lineage, owner and impact of its root cause."""
        return Finding(
            code="",
            cls="",
            root_cause=RootCause(node=self.node, column=self.column, observed=self.observed),
            confidence=round(confidence, 2),
            summary=summary,
            evidence=tuple(self.evidence),
            lineage=self.case.lineage(self.node),
            owner=self.case.owner(self.node),
            affected=self.case.affected(self.node),
            next_step=next_step,
        )

    def escalate(self, summary: str, *, confidence: float, next_step: str) -> Diagnosis:
        """A diagnosis that a person has to decide on."""
        found = self.finding(summary, confidence=confidence, next_step=next_step)
        return Diagnosis(finding=found, decision="escalate", title=summary, rationale=next_step)
