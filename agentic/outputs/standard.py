"""The standard output schemas by name, as JSON Schema that stands alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from agentic.outputs import shapes
from agentic.outputs.checking import inlined
from agentic.records import CompiledOutput

INCIDENT_REPORT = "incident_report"
"""What an agent reports that names nothing else."""

_SHAPES: Mapping[str, type[msgspec.Struct]] = {
    INCIDENT_REPORT: shapes.IncidentReport,
    "ProposedDDL": shapes.ProposedDDL,
    "DBTModel": shapes.DbtNode,
    "ExpectationSuite": shapes.ExpectationSuite,
    "DAGChange": shapes.DagChange,
    "RemediationPlan": shapes.RemediationPlan,
    "MaskingPolicy": shapes.MaskingPolicy,
    "CostFinding": shapes.CostFinding,
}


@cache
def standard_outputs() -> Mapping[str, CompiledOutput]:
    """Every standard output by name, `incident_report` first."""
    return {name: _compiled(name, shape) for name, shape in _SHAPES.items()}


def _compiled(name: str, shape: type[msgspec.Struct]) -> CompiledOutput:
    (top,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = inlined({**parts[shape.__name__], "$defs": parts}) if parts else top
    schema.pop("title", None)
    described = " ".join((inspect.getdoc(shape) or "").split())
    return CompiledOutput(name, "standard", schema, description=described)
