"""What compiling yields: agents and guardrails resolved against the lineage.

These shapes lie down here because the guardrails, which the compiler stands on, decide by them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.exceptions import Issue
from agentic.records.own_tool import OwnTool
from agentic.records.plan import CompiledPlan
from agentic.records.run import Limits
from agentic.records.tool import ToolSpec


class Rule(msgspec.Struct, frozen=True):
    """One line of a rule list, resolved: what it names today, in every form it can be asked in."""

    text: str
    """As written: `tag:gold`, `path:models/staging`, `relation:vault.*`, `column:raw.c.email`."""
    nodes: tuple[str, ...] = ()
    """`unique_id`s, sorted."""
    paths: tuple[str, ...] = ()
    """Folders, files or globs, relative to the project."""
    relations: tuple[str, ...] = ()
    """`schema.table`, `database.schema.table`, or patterns of them with `*`; lower case."""
    columns: tuple[str, ...] = ()
    """`schema.table.column`, or patterns with `*`; lower case."""


class NodeNote(msgspec.Struct, frozen=True):
    """What a dbt node says of itself in `config.meta.agentic`; its `change` is among the rules."""

    node: str
    """`unique_id`."""
    owner: str = ""
    """Who is told, before any other owner."""
    escalate: str = ""
    """Name of the connection that escalations of this node go to."""


class CompiledGuardrails(msgspec.Struct, frozen=True):
    """guardrails.yml with every default filled in and every selection resolved."""

    read_deny: tuple[Rule, ...] = ()
    read_mask: tuple[Rule, ...] = ()
    change_allow: tuple[Rule, ...] = ()
    change_ask: tuple[Rule, ...] = ()
    change_deny: tuple[Rule, ...] = ()
    build_target: str = ""
    build_schemas: tuple[str, ...] = ("agentic_*",)
    production_targets: tuple[str, ...] = ()
    sql_max_rows: int = 500
    sql_max_bytes_scanned: int = 10 * 1000**3
    sql_timeout_s: float = 60.0
    limits: Limits = Limits()
    escalate_after_s: float = 1800.0
    escalate_to: tuple[str, ...] = ()
    approve_by: tuple[str, ...] = ("git_review",)
    approve_for: tuple[str, ...] = ()
    pii_columns: tuple[str, ...] = ()
    """`unique_id.column` of columns that dbt marks (`meta.pii`, tag `pii`), lower-case columns."""
    nodes: tuple[NodeNote, ...] = ()


class CompiledAgent(msgspec.Struct, frozen=True):
    """One agent, ready to run."""

    name: str
    role: str = ""
    """The standard agent that it extends, without `agentic.`; its own name where it extends none.
    Keyless paths go by it."""
    description: str = ""
    engine: str = "auto"
    model: str = ""
    effort: str = ""
    instructions: str = ""
    """Static parts rendered; what needs `incident` or `memory` is still Jinja, already checked."""
    instructions_hash: str = ""
    """SHA-256 of the instructions as compiled."""
    tools: tuple[str, ...] = ()
    """Names of single tools, sorted."""
    delegates: tuple[str, ...] = ()
    output: str = "incident_report"
    when: tuple[str, ...] = ()
    select: str = ""
    scope: tuple[str, ...] = ()
    """`unique_id`s that it may see and propose to change, sorted; all of them if no select."""
    limits: Limits = Limits()


class PlaybookStep(msgspec.Struct, frozen=True):
    """One question of a playbook; texts of `input` are templates."""

    id: str
    tool: str
    input: dict[str, Any] = {}
    when: str = ""


class PlaybookEdit(msgspec.Struct, frozen=True):
    """One replacement of a playbook's fix, every text a template."""

    path: str
    old: str
    new: str
    why: str = ""


class CompiledPlaybook(msgspec.Struct, frozen=True):
    """A person's own rule, checked: names resolved, templates parsed."""

    name: str
    when: str
    """A Jinja expression."""
    decision: str
    summary: str
    after_rules: bool = False
    """It speaks of a finding, so that the rules are asked first."""
    agent: str = ""
    """Empty: every agent."""
    steps: tuple[PlaybookStep, ...] = ()
    holds: str = ""
    cls: str = ""
    node: str = ""
    column: str = ""
    owner: str = ""
    question: str = ""
    confidence: float = 0.9
    edits: tuple[PlaybookEdit, ...] = ()
    where: str = ""
    """`file:line` of its entry."""


class CompiledOutput(msgspec.Struct, frozen=True):
    """The schema of what an agent reports."""

    name: str
    source: str
    """standard, fields, json_schema or python."""
    schema: dict[str, Any]
    """JSON Schema (draft 2020-12) of an object, without references."""
    description: str = ""
    entry: str = ""
    """Of a pydantic class: `package.module:Class`, whose own validators are asked besides."""


class Compiled(msgspec.Struct, frozen=True):
    """The content of `target/agentic/manifest.json`."""

    project: str
    agents: tuple[CompiledAgent, ...]
    guardrails: CompiledGuardrails
    tools: tuple[ToolSpec, ...] = ()
    """What any agent may call, and all of the user's own."""
    own_tools: tuple[OwnTool, ...] = ()
    """What the boundary does for the user's own, by name."""
    connections: dict[str, dict[str, Any]] = {}
    """By name; secrets stay `env_var` references."""
    outputs: tuple[CompiledOutput, ...] = ()
    """The standard ones and the project's own; one of the same name takes a standard one's place.
    """
    triggers: tuple[str, ...] = ()
    plans: tuple[CompiledPlan, ...] = ()
    playbooks: tuple[CompiledPlaybook, ...] = ()
    """The project's own rules, in order."""
    rule_order: tuple[str, ...] = ()
    """Built-in rules that the project asks first."""
    warnings: tuple[Issue, ...] = ()
    """What is right and probably not meant: a tag or a path that matches nothing today."""
    content_hash: str = ""
    """SHA-256 of everything else here."""

    def output_named(self, name: str) -> CompiledOutput | None:
        """The output schema of this name."""
        return next((one for one in self.outputs if one.name == name), None)
