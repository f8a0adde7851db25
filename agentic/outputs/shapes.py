"""The standard shapes of a report. Each fact in them cites where it can be seen again."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Severity = Literal["low", "medium", "high", "critical"]
CitedKind = Literal["file", "query", "node", "run", "call"]

Sentence = Annotated[str, Meta(min_length=1, max_length=2_000)]
Short = Annotated[str, Meta(min_length=1, max_length=300)]
UniqueId = Annotated[str, Meta(description="unique_id of a node", min_length=1, max_length=300)]
Sure = Annotated[float, Meta(ge=0, le=1, description="0 to 1")]
Steps = Annotated[list[Sentence], Meta(max_length=20)]


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No unknown keys: a misspelt one would be lost in silence."""


class Citation(_Shape, frozen=True):
    """Where a fact can be seen again; what does not exist makes the report invalid."""

    kind: CitedKind
    ref: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=4_000,
            description="file: path:line in the project; query: id of the call that ran it, or its "
            "SQL; node: unique_id or unique_id.column; run: id of a run or of dbt's invocation; "
            "call: id of an earlier tool call",
        ),
    ]


Citations = Annotated[list[Citation], Meta(min_length=1, max_length=10)]


class CitedFact(_Shape, frozen=True):
    """One fact and where it was seen."""

    text: Sentence
    citations: Citations


Evidence = Annotated[list[CitedFact], Meta(min_length=1, max_length=30)]


class SaidCause(_Shape, frozen=True, kw_only=True):
    """The root cause in words, and where it lies."""

    node: Annotated[str, Meta(description="unique_id; for raw data the source or seed")]
    column: str | None = None
    observed: Annotated[str | None, Meta(description="what is there now")] = None
    explanation: Sentence


class IncidentReport(_Shape, frozen=True):
    """What happened, why, how bad it is, and what to do."""

    what_happened: Sentence
    impacted_assets: Annotated[list[UniqueId], Meta(max_length=500)]
    severity: Severity
    root_cause: Annotated[
        SaidCause | None, Meta(description="null: the evidence is not enough for one")
    ]
    confidence: Sure
    evidence: Evidence
    steps_to_fix: Steps
    steps_to_prevent: Steps


class Statement(_Shape, frozen=True):
    """One statement that a person runs."""

    sql: Annotated[str, Meta(min_length=1, max_length=20_000)]
    relation: Annotated[Short, Meta(description="schema.table that it makes or changes")]
    why: Sentence
    risk: Severity
    undo: Annotated[str, Meta(max_length=2_000, description="how to take it back")]


class ProposedDDL(_Shape, frozen=True):
    """Statements that shape tables; nobody but a person runs them."""

    summary: Sentence
    statements: Annotated[list[Statement], Meta(min_length=1, max_length=50)]
    evidence: Evidence


class Column(_Shape, frozen=True):
    """One output column, documented and tested."""

    name: Short
    description: Sentence
    data_type: str
    tests: list[Short]


class DbtNode(_Shape, frozen=True):
    """A new or changed dbt node: its file, its columns, what it stands on."""

    summary: Sentence
    name: Short
    path: Annotated[Short, Meta(description="of the SQL file, relative to the project")]
    sql: Annotated[str, Meta(min_length=1, max_length=60_000)]
    materialized: Literal["view", "table", "incremental", "ephemeral", "materialized_view"]
    grain: Annotated[Short, Meta(description="what one row is, and the columns that name it")]
    columns: Annotated[list[Column], Meta(min_length=1, max_length=500)]
    depends_on: Annotated[list[UniqueId], Meta(max_length=100)]
    evidence: Evidence


class Argument(_Shape, frozen=True):
    """An argument of a test; the value as YAML."""

    name: Short
    value: Annotated[str, Meta(max_length=2_000)]


class Expectation(_Shape, frozen=True):
    """One test of a node or of one of its columns."""

    column: str | None
    test: Annotated[Short, Meta(description="not_null, unique, accepted_values, ...")]
    arguments: Annotated[list[Argument], Meta(max_length=20)]
    severity: Literal["warn", "error"]
    why: Sentence


class ExpectationSuite(_Shape, frozen=True):
    """What a node's rows must keep to, each expectation with its reason."""

    summary: Sentence
    node: UniqueId
    expectations: Annotated[list[Expectation], Meta(min_length=1, max_length=200)]
    evidence: Evidence


class JobChange(_Shape, frozen=True):
    """One setting of a job, before and after."""

    setting: Literal["schedule", "dependency", "retries", "timeout", "selection", "other"]
    before: str
    after: str
    why: Sentence


class DagChange(_Shape, frozen=True):
    """A change of what an orchestrator runs, and how to roll it out and back."""

    summary: Sentence
    orchestrator: Annotated[Short, Meta(description="airflow, prefect, dbt, cron, ...")]
    job: Short
    changes: Annotated[list[JobChange], Meta(min_length=1, max_length=50)]
    rollout: Steps
    rollback: Steps
    evidence: Evidence


class RemediationStep(_Shape, frozen=True):
    """One step, who does it, and how to see that it worked."""

    id: Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
    action: Sentence
    done_by: Annotated[Short, Meta(description="an agent, a tool, or a person's role")]
    nodes: list[UniqueId]
    effect: Literal["read", "workspace", "external"]
    needs_approval: bool
    verify: Sentence
    undo: Annotated[str, Meta(max_length=2_000)]


class RemediationPlan(_Shape, frozen=True):
    """Steps in order from a broken state to a good one."""

    summary: Sentence
    goal: Sentence
    steps: Annotated[list[RemediationStep], Meta(min_length=1, max_length=50)]
    evidence: Evidence


class MaskedColumn(_Shape, frozen=True):
    """One column and what should become of it."""

    node: UniqueId
    column: Short
    category: Annotated[Short, Meta(description="email, name, phone, national id, ...")]
    measure: Literal["tag", "mask", "hash", "deny", "drop", "none"]
    why: Sentence
    confidence: Sure


class MaskingPolicy(_Shape, frozen=True):
    """Which columns hold personal data, and how each is protected."""

    summary: Sentence
    columns: Annotated[list[MaskedColumn], Meta(max_length=2_000)]
    rules: Annotated[list[Short], Meta(description="lines for guardrails.yml, for a person to add")]
    evidence: Evidence


class Saving(_Shape, frozen=True):
    """What one node costs and what would make it cheaper."""

    node: UniqueId
    observed: Sentence
    suggestion: Sentence
    saves: Annotated[Short, Meta(description="how much, of what, and how it was estimated")]
    confidence: Sure


class CostFinding(_Shape, frozen=True):
    """What costs more than it has to."""

    summary: Sentence
    savings: Annotated[list[Saving], Meta(max_length=100)]
    evidence: Evidence
