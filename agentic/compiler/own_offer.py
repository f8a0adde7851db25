"""What every tool of the user's has in common: a free name, time to end, `dry_run` if it writes."""

from __future__ import annotations

import msgspec

from agentic.compiler.inputs import Inputs
from agentic.config import YamlPath
from agentic.records import ToolSpec
from agentic.tools.own import DRY_RUN

GRACE_S = 5.0
"""What a body gets beyond its bound to end what it started, before the boundary gives it up."""
_DRY = {
    "type": "boolean",
    "default": True,
    "description": "true: only say what it would do; false: do it",
}


def offered_dry(spec: ToolSpec) -> ToolSpec:
    """A tool that writes takes `dry_run` besides, which is true until an engine says otherwise."""
    schema = dict(spec.input_schema)
    schema["properties"] = {**schema.get("properties", {}), DRY_RUN: dict(_DRY)}
    schema["required"] = [name for name in schema.get("required", ()) if name != DRY_RUN]
    return msgspec.structs.replace(spec, input_schema=schema)


def name_free(inputs: Inputs, name: str, path: YamlPath) -> bool:
    """Whether a name is not one of a built-in tool or toolset; an issue if it is (AC240)."""
    taken = "tool" if name in inputs.tools else "toolset" if name in inputs.toolsets else ""
    if taken:
        message = f"{name!r} is a built-in {taken}"
        inputs.error(inputs.specs.agents_document, (*path, "name"), "AC240", message, "rename it")
    return not taken
