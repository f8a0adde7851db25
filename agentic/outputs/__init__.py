"""What an agent reports: the standard shapes, the user's own, and whether a value fits one."""

from agentic.outputs.checking import OutputFault, check_schema, faults_of
from agentic.outputs.own import class_faults, class_schema, fields_schema, file_schema
from agentic.outputs.shapes import (
    Citation,
    CitedFact,
    CitedKind,
    IncidentReport,
    SaidCause,
    Severity,
)
from agentic.outputs.standard import INCIDENT_REPORT, standard_outputs

__all__ = [
    "INCIDENT_REPORT",
    "Citation",
    "CitedFact",
    "CitedKind",
    "IncidentReport",
    "OutputFault",
    "SaidCause",
    "Severity",
    "check_schema",
    "class_faults",
    "class_schema",
    "faults_of",
    "fields_schema",
    "file_schema",
    "standard_outputs",
]
