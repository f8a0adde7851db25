"""The grammar of agents.yml (design.md section 4)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from agentic.config.connections_spec import CONNECTION_KINDS, ConnectionSpec
from agentic.config.fields import (
    NAME_PATTERN,
    Count,
    Duration,
    Flag,
    LimitsSpec,
    Name,
    NamedItem,
    Spec,
    Text,
    Texts,
    invalid,
    one_of,
)
from agentic.config.nearest import did_you_mean
from agentic.records import Effect

INPUT_TYPES = ("string", "integer", "number", "boolean", "date", "timestamp")
_TOOL_KINDS = ("http", "sql", "python", "macro", "mcp")
_OUTPUT_KINDS = ("fields", "json_schema", "python")
_TRIGGER_KINDS = ("schedule", "webhook")
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def _input_type(value: Any) -> Any:
    if isinstance(value, str):
        if value not in INPUT_TYPES:
            raise invalid(f"unknown type {value!r}", did_you_mean(value, INPUT_TYPES), "AC113")
        return value
    if isinstance(value, dict):
        return value
    raise invalid("must be a type or a JSON Schema", did_you_mean("", INPUT_TYPES), "AC112")


def _entry_point(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise invalid(f"{text!r} is not of the form package.module:name")
    return text


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != 5:
        raise invalid(f"{text!r} is not a schedule", "five fields, as in '0 3 * * *'")
    for field, (low, high) in zip(fields, _CRON_RANGES, strict=True):
        for part in field.split(","):
            found = re.fullmatch(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
            numbers = [int(n) for n in found.groups()[:2] if n] if found else [-1]
            if not all(low <= n <= high for n in numbers) or numbers != sorted(numbers):
                raise invalid(f"{field!r} in {text!r} is out of range", f"{low} to {high}")
    return text


_Any = WithJsonSchema({"type": ["string", "object"], "minLength": 1})
InputType = Annotated[Any, BeforeValidator(_input_type), _Any]
EntryPoint = Annotated[Text, AfterValidator(_entry_point)]
Action = Annotated[Text, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)?$")]


class AgentSpec(NamedItem):
    """One agent: when it works, on what, with which tools, within which limits."""

    extends: Text | None = None
    """A standard agent, as `agentic.triage`: its instructions, tools, output and limits."""
    engine: Literal["auto", "anthropic", "rules", "scripted"] | None = None
    """auto: anthropic with a key and a live service, else rules."""
    model: Text | None = None
    """Which of the service's ids the engine asks for."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How much the service should think."""
    instructions: Text | None = None
    """A file (.md, .txt, .j2) in the project, or the text; Jinja with incident, lineage, memory."""
    tools: tuple[Action, ...] | None = None
    """Toolsets and single tools."""
    delegates: tuple[Name, ...] | None = None
    """Agents that this one may start."""
    output: Name | None = None
    """incident_report, or a name under `outputs`."""
    when: tuple[Name, ...] | None = None
    """Incident kinds, or names under `triggers`; without it the agent works only when called."""
    select: Text | None = None
    """dbt node selection: what it may see and propose to change; default: the whole project."""
    limits: LimitsSpec = LimitsSpec()
    """Can only tighten guardrails.yml."""


class HttpSpec(Spec):
    """One HTTP request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """HTTP method."""
    url: Text
    """Address; env_var() stays a reference."""
    headers: dict[str, Text] = Field(default_factory=dict)
    """env_var() stays a reference."""
    body: Any = None
    """JSON body."""


class McpSpec(Spec):
    """A server of the Model Context Protocol."""

    command: Annotated[Texts, Field(min_length=1)] | None = None
    """How to start it."""
    url: Text | None = None
    """Where it is."""
    env: dict[str, Text] = Field(default_factory=dict)
    """What the environment of a command holds besides; env_var() stays a reference."""
    headers: dict[str, Text] = Field(default_factory=dict)
    """For url: headers of every request; env_var() stays a reference."""

    @model_validator(mode="after")
    def _one_way(self) -> McpSpec:
        one_of(self, ("command", "url"), "an MCP server")
        return self


class ToolItem(NamedItem):
    """A tool of your own: exactly one of http, sql, python, macro, mcp."""

    http: HttpSpec | None = None
    """A request."""
    sql: Text | None = None
    """A query; Jinja with ref and source, `:name` for inputs."""
    python: EntryPoint | None = None
    """package.module:function."""
    macro: Name | None = None
    """A dbt macro."""
    mcp: McpSpec | None = None
    """A server and its tools."""
    input: dict[Name, InputType] = Field(default_factory=dict)
    """Name to type."""
    effect: Effect | None = None
    """read, workspace or external."""
    effects: dict[str, Effect] = Field(default_factory=dict)
    """For mcp: tool name to effect; tools that are not named are not offered."""
    env: dict[str, Text] = Field(default_factory=dict)
    """For python: what its environment holds besides; env_var() stays a reference."""
    timeout_s: Duration | None = Field(default=None, alias="timeout")
    """How long a call may take: 60s."""

    @model_validator(mode="after")
    def _one_kind(self) -> ToolItem:
        kind = one_of(self, _TOOL_KINDS, f"tool {self.name!r}")
        if kind in ("python", "macro") and self.effect is None:
            raise invalid(
                f"tool {self.name!r} needs its effect", "read, workspace, external", "AC111"
            )
        if self.effects and kind != "mcp":
            raise invalid("effects belongs to mcp tools", "write effect", "AC116")
        if self.env and kind != "python":
            raise invalid("env belongs to python tools and to mcp servers", "", "AC116")
        if kind == "mcp" and (self.effect or self.input):
            raise invalid("an mcp server's tools have their own input", "write effects", "AC116")
        return self


class WebhookSpec(Spec):
    """A webhook that starts runs."""

    secret: Text
    """Signs each delivery; env_var() stays a reference."""


class TriggerItem(NamedItem):
    """What starts runs besides dbt: exactly one of schedule, webhook."""

    schedule: Annotated[Text, AfterValidator(_cron)] | None = None
    """Five cron fields, UTC."""
    webhook: WebhookSpec | None = None
    """Deliveries over HTTP."""
    where: Text | None = None
    """A Jinja expression over the event."""
    cooldown_s: Duration | None = Field(default=None, alias="cooldown")
    """Shortest time between two runs: 1h."""
    approve: Literal["before_run"] | None = None
    """Wait for a person before the run."""

    @model_validator(mode="after")
    def _one_kind(self) -> TriggerItem:
        one_of(self, _TRIGGER_KINDS, f"trigger {self.name!r}")
        return self


class OutputItem(NamedItem):
    """A shape for what an agent reports: exactly one of fields, json_schema, python."""

    fields: dict[Name, InputType] | None = None
    """Name to type."""
    json_schema: Text | None = None
    """A JSON Schema file in the project."""
    python: EntryPoint | None = None
    """package.module:Class."""

    @model_validator(mode="after")
    def _one_kind(self) -> OutputItem:
        one_of(self, _OUTPUT_KINDS, f"output {self.name!r}")
        return self


class StepSpec(Spec):
    """One step of a plan."""

    id: Name
    """Unique in its plan."""
    agent: Name | None = None
    """An agent of this file."""
    tool: Action | None = None
    """A tool."""
    task: Text | None = None
    """For an agent: what it is to do, besides the plan's request."""
    input: dict[str, Any] = Field(default_factory=dict)
    """For a tool."""
    on_success: Name | None = None
    """The next step; without it the plan ends well."""
    on_failure: Name | None = None
    """The next step, or `escalate`, which it is without one."""
    on_review: Name | None = None
    """The next step after a person's no, or `escalate`, which it is without one."""
    review: Flag = False
    """A person looks before the plan goes on."""
    retries: Annotated[Count, Field(le=10)] = 0
    """How often the step may start again, after a failure or because a route leads back to it."""

    @model_validator(mode="after")
    def _one_kind(self) -> StepSpec:
        one_of(self, ("agent", "tool"), f"step {self.id!r}")
        return self


class PlanItem(NamedItem):
    """A plan: steps and the routes between them."""

    steps: Annotated[tuple[StepSpec, ...], Field(min_length=1)]
    """The first one starts."""
    limits: LimitsSpec = LimitsSpec()
    """Of all steps together; can only tighten guardrails.yml."""


class AgentsFile(Spec):
    """agents.yml: which agents there are, when they work and with what."""

    version: Literal[1]
    """Version of this grammar: 1."""
    agents: tuple[AgentSpec, ...] | None = None
    """In order: the first whose `when` and `select` match handles an incident."""
    connections: dict[Name, ConnectionSpec] = Field(default_factory=dict)
    """Names that escalation, tools and notifications use."""
    tools: tuple[ToolItem, ...] = ()
    """Tools of your own, beside the built-in ones."""
    triggers: tuple[TriggerItem, ...] = ()
    """What starts runs besides dbt."""
    outputs: tuple[OutputItem, ...] = ()
    """Shapes of reports."""
    plans: tuple[PlanItem, ...] = ()
    """Plans of several steps."""


__all__ = ["CONNECTION_KINDS", "NAME_PATTERN", "AgentSpec", "AgentsFile", "ConnectionSpec"]
