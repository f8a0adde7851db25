"""What an agent reports against its output schema: offered with the tool, checked when it comes."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.outputs import (
    INCIDENT_REPORT,
    OutputFault,
    class_faults,
    faults_of,
    standard_outputs,
)
from agentic.project import tool_environment
from agentic.records import CodePage, CompiledOutput, ToolSpec, publish
from agentic.tools.bench import Bench
from agentic.tools.citing import citation_faults
from agentic.tools.making import may_be_made
from agentic.tools.registry import ToolError

publish(
    CodePage(
        "AC592",
        "invalid-output",
        "An agent's report does not fit its output schema.",
        why="It goes back to the engine with the faults, twice; the run escalates after that.",
        fix="Read the faults: each says where in the report and what is wrong. `agentic ls "
        "--resource-type output` shows the schemas.",
    ),
    CodePage(
        "AC593",
        "citation-of-nothing",
        "A report cites a file, line, query, node, run or tool call that does not exist in this "
        "project or in this run.",
        why="Evidence that nobody can look up is a guess. The report goes back, twice.",
        fix="Cite what was read: `path:line`, the id of a call, a unique_id, a run's id.",
    ),
)

INVALID_OUTPUT = frozenset({"AC590", "AC592", "AC593"})
"""Errors of `submit_report` that say: the report is not what was asked for."""
REPORT_TOOL = "submit_report"


def output_of(bench: Bench) -> CompiledOutput:
    """The schema of the agent's report."""
    return bench.output or standard_outputs()[INCIDENT_REPORT]


def check_report(bench: Bench, report: dict[str, Any] | None) -> None:
    """Raises ToolError for a report that is missing or does not fit its schema (AC592), or that
    cites what is not there (AC593)."""
    output = output_of(bench)
    if bench.accepted or (report is None and may_be_made(bench)):
        return
    if report is None:
        message = f"the report is missing: an object of the schema {output.name}"
        raise ToolError(message, code="AC592")
    faults = faults_of(report, output.schema)
    if not faults and output.entry:
        try:
            root = bench.project.root
            faults = class_faults(output.entry, root, tool_environment(), report)
        except OutputFault as error:
            raise ToolError(error.message, code="AC592") from error
    if faults:
        message = f"the report does not fit the schema {output.name}: {'; '.join(faults)}"
        raise ToolError(message, code="AC592", hint="Mend the report and submit it again.")
    if gone := citation_faults(bench, report):
        message = f"the report names what is not there: {'; '.join(gone)}"
        hint = "Cite only what exists: a file's line, a call's id, a unique_id, a run's id."
        raise ToolError(message, code="AC593", hint=hint)


def offered_report(
    spec: ToolSpec, output: CompiledOutput | None, *, request: bool, client: bool = False
) -> ToolSpec:
    """`submit_report` as an engine sees it: with the schema of its agent's report.

    `request`: nothing broke, so that a finding may be left out. `client`: it is somebody else's,
    who may leave out a report that the finding makes.
    """
    if spec.name != REPORT_TOOL or output is None:
        return spec
    schema = dict(spec.input_schema)
    parts = dict(schema["properties"])
    said = " ".join(filter(None, (f"{output.name}: {output.description}", _CITE)))
    parts["report"] = {**output.schema, "description": said}
    required = [*schema.get("required", ()), *(() if client else ("report",))]
    parts["finding"] = _FINDING if not request else {"anyOf": [_FINDING, {"type": "null"}]}
    parts["rename_undone"] = _RENAMES
    if not request:
        required.append("finding")
    schema.update(properties=parts, required=required)
    return msgspec.structs.replace(spec, input_schema=schema)


def _text(said: str = "") -> dict[str, Any]:
    return {"type": "string", "description": said} if said else {"type": "string"}


def _object(parts: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": parts,
        "required": list(required),
        "additionalProperties": False,
    }


# What a service can keep a call to strictly, and a model has to say: evidence stands in the report,
# and lineage, owner and impact are the project's to tell.
_NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_CAUSE = _object(
    {
        "node": _text("unique_id; for a fault in raw data the source or seed"),
        "column": {**_NULLABLE, "description": "the name that the project expects"},
        "observed": {**_NULLABLE, "description": "what is there now"},
    },
    "node",
)
_FINDING = _object(
    {
        "cls": _text("fault class, such as src_column_renamed"),
        "root_cause": _CAUSE,
        "confidence": {"type": "number", "description": "0 to 1"},
        "summary": _text("one sentence"),
    },
    "cls",
    "root_cause",
    "confidence",
    "summary",
)
_RENAMES = {
    "type": "array",
    "description": "[source unique_id, expected column, observed column] of each rename undone",
    "items": {"type": "array", "items": {"type": "string"}},
}
_CITE = (
    "What `citations` name must exist: file (path:line), query or call (the id of a tool call of "
    "this run), node (unique_id or unique_id.column), run (a run's id or dbt's invocation)."
)
