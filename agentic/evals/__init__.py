"""Fault injection, and the evals and the demonstration that stand on it."""

from agentic.evals import (
    code_faults,
    logic_faults,
    quiet_faults,
    raw_faults,
    row_faults,
    several_faults,
    shape_faults,
)
from agentic.evals.faults import inject
from agentic.evals.injection import FaultClass, Injected, NoPlace, Scene, fault_classes

__all__ = [
    "FaultClass",
    "Injected",
    "NoPlace",
    "Scene",
    "code_faults",
    "fault_classes",
    "inject",
    "logic_faults",
    "quiet_faults",
    "raw_faults",
    "row_faults",
    "several_faults",
    "shape_faults",
]
