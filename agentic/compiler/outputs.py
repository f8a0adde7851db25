"""Output schemas: the standard ones, and the project's own, each checked as a JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentic.compiler.inputs import Inputs
from agentic.config import OutputItem, YamlPath, did_you_mean
from agentic.outputs import (
    OutputFault,
    class_schema,
    fields_schema,
    file_schema,
    standard_outputs,
)
from agentic.project import tool_environment
from agentic.records import CompiledOutput


def compile_outputs(inputs: Inputs) -> tuple[CompiledOutput, ...]:
    """Standard outputs in their order, then the project's own by name; faults become issues."""
    found = dict(standard_outputs())
    own: dict[str, CompiledOutput] = {}
    for number, item in enumerate(inputs.specs.agents.outputs):
        compiled = _compile(inputs, item, ("outputs", number))
        if compiled is not None and item.config.enabled:
            own[item.name] = compiled
    kept = [output for name, output in found.items() if name not in own]
    return (*kept, *(own[name] for name in sorted(own)))


def _compile(inputs: Inputs, item: OutputItem, path: YamlPath) -> CompiledOutput | None:
    root = inputs.specs.root

    def of(source: str, code: str, make: Callable[[], dict[str, Any]]) -> CompiledOutput | None:
        try:
            schema = make()
        except OutputFault as fault:
            place = (*path, source, *(fault.place[:1] if source == "fields" else ()))
            message = f"output {item.name!r}: {fault.message}"
            inputs.error(inputs.specs.agents_document, place, code, message, fault.hint)
            return None
        return CompiledOutput(
            item.name, source, schema, description=item.description or "", entry=item.python or ""
        )

    if item.fields is not None:
        fields = item.fields
        return of("fields", "AC215", lambda: fields_schema(fields))
    if item.json_schema is not None:
        file = item.json_schema
        return of("json_schema", "AC215", lambda: file_schema(_inside(root, file), file))
    entry = item.python or ""
    return of("python", "AC216", lambda: class_schema(entry, root, tool_environment()))


def _inside(root: Path, name: str) -> Path:
    """The file of a schema; one outside the project is not read. Raises OutputFault."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise OutputFault(f"the file {name!r} lies outside the project")
    if not path.is_file():
        folder = path.parent
        near = [one.name for one in folder.glob("*.json")] if folder.is_dir() else []
        raise OutputFault(f"there is no file {name!r}", did_you_mean(path.name, near))
    return path
