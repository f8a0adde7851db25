"""agents.yml and guardrails.yml to strict specs with positions; every fault is told at once."""

from agentic.config import codes as codes
from agentic.config.agents_spec import (
    CONNECTION_KINDS,
    AgentsFile,
    AgentSpec,
    ConnectionSpec,
    OutputItem,
    PlanItem,
    StepSpec,
)
from agentic.config.connections_spec import NOTIFIERS
from agentic.config.document import Document, Position, YamlPath, parse_document, read_document
from agentic.config.fields import LimitsSpec
from agentic.config.foreign import Unfit, fit_schema, plain, quoted
from agentic.config.guardrails_spec import GuardrailsFile
from agentic.config.items import Item, parse_item
from agentic.config.json_schema import (
    fault_in_schema,
    fault_of,
    schema_of,
    typed,
    with_defaults,
)
from agentic.config.load import (
    AGENTS_FILE,
    DEFAULT_AGENT,
    GUARDRAILS_FILE,
    Inspected,
    Specs,
    inspect_files,
    load_files,
    project_variables,
)
from agentic.config.lock import LOCK_FILE, LockFault, Pins, ServedTool, read_lock, write_lock
from agentic.config.nearest import did_you_mean, nearest
from agentic.config.schemas import agents_schema, guardrails_schema, playbooks_schema
from agentic.config.standard import (
    STANDARD_PREFIX,
    standard_agents,
    standard_dir,
    standard_guardrails,
)
from agentic.config.templates import (
    TemplateFault,
    check_template,
    fill_template,
    is_template,
    new_environment,
    parse_template,
    reference_functions,
    render_template,
    resolve_reference,
    template_functions,
    template_names,
    walk_template,
)
from agentic.config.units import format_duration, format_size, parse_duration, parse_size

__all__ = [
    "AGENTS_FILE",
    "CONNECTION_KINDS",
    "DEFAULT_AGENT",
    "GUARDRAILS_FILE",
    "LOCK_FILE",
    "NOTIFIERS",
    "STANDARD_PREFIX",
    "AgentSpec",
    "AgentsFile",
    "ConnectionSpec",
    "Document",
    "GuardrailsFile",
    "Inspected",
    "Item",
    "LimitsSpec",
    "LockFault",
    "OutputItem",
    "Pins",
    "PlanItem",
    "Position",
    "ServedTool",
    "Specs",
    "StepSpec",
    "TemplateFault",
    "Unfit",
    "YamlPath",
    "agents_schema",
    "check_template",
    "did_you_mean",
    "fault_in_schema",
    "fault_of",
    "fill_template",
    "fit_schema",
    "format_duration",
    "format_size",
    "guardrails_schema",
    "inspect_files",
    "is_template",
    "load_files",
    "nearest",
    "new_environment",
    "parse_document",
    "parse_duration",
    "parse_item",
    "parse_size",
    "parse_template",
    "plain",
    "playbooks_schema",
    "project_variables",
    "quoted",
    "read_document",
    "read_lock",
    "reference_functions",
    "render_template",
    "resolve_reference",
    "schema_of",
    "standard_agents",
    "standard_dir",
    "standard_guardrails",
    "template_functions",
    "template_names",
    "typed",
    "walk_template",
    "with_defaults",
    "write_lock",
]
