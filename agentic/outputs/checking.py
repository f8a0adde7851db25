"""JSON Schema: whether a schema can be used here, and what is wrong with a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, FormatChecker

from agentic.records import dumps

SCHEMA_BYTES = 64_000
FAULTS = 8
FAULT_CHARS = 300
_FORMATS = FormatChecker(("regex",))
_BESIDE = frozenset({"$defs", "definitions", "$schema", "$id", "$comment"})


class OutputFault(Exception):
    """A schema that cannot be used: what is wrong, where in it, and what to do."""

    def __init__(self, message: str, hint: str = "", place: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


def _is_timestamp(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


_FORMATS.checks("date", raises=ValueError)(_is_date)
_FORMATS.checks("date-time", raises=ValueError)(_is_timestamp)


def check_schema(schema: object) -> dict[str, Any]:
    """The schema of an object, without references. Raises OutputFault for one that cannot be used.

    References may point into the schema itself alone, so that nothing is fetched to check a value.
    """
    if not isinstance(schema, dict):
        raise OutputFault("a JSON Schema is an object", 'begin with {"type": "object", ...}')
    if len(dumps(schema)) > SCHEMA_BYTES:
        raise OutputFault(f"the schema is longer than {SCHEMA_BYTES} bytes")
    try:
        Draft202012Validator.check_schema(schema, format_checker=_FORMATS)
    except jsonschema.SchemaError as error:
        where = "/".join(map(str, error.absolute_path)) or "its root"
        message = f"no JSON Schema: {error.message[:FAULT_CHARS]}, at {where}"
        raise OutputFault(message, place=tuple(error.absolute_path)) from error
    whole = inlined(schema)
    if whole.get("type") != "object":
        raise OutputFault("an output is an object", 'write "type": "object" at the root')
    return whole


def faults_of(value: object, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with a value, a sentence each with its place; empty if it fits."""
    checker = Draft202012Validator(schema, format_checker=_FORMATS)
    errors = sorted(checker.iter_errors(value), key=lambda one: list(map(str, one.absolute_path)))
    said = [f"{_place(error.absolute_path)}: {_cut(error.message)}" for error in errors]
    more = [f"and {len(said) - FAULTS} more"] if len(said) > FAULTS else []
    return said[:FAULTS] + more


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with each reference replaced by what it names. Raises OutputFault."""
    found: dict[str, Any] = _inline(schema, schema, ())
    return {key: value for key, value in found.items() if key not in _BESIDE}


def _inline(part: Any, root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_inline(one, root, within) for one in part]
    if not isinstance(part, dict):
        return part
    rest = {key: _inline(value, root, within) for key, value in part.items() if key not in _SKIP}
    ref = part.get("$ref")
    if not isinstance(ref, str):
        return rest
    if ref in within:
        raise OutputFault(f"the schema holds itself: {ref}", "say how deep it goes, level by level")
    return {**_inline(_named(ref, root), root, (*within, ref)), **rest}


_SKIP = frozenset({"$ref", "$defs", "definitions"})


def _named(ref: str, root: Mapping[str, Any]) -> Any:
    if not ref.startswith("#/"):
        raise OutputFault(f"the reference {ref!r} leads out of the schema", "write it under $defs")
    found: Any = root
    for step in ref[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise OutputFault(f"the reference {ref!r} names nothing")
        found = found[name]
    return found


def _place(path: Iterable[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"report{text}"


def _cut(text: str) -> str:
    return text if len(text) <= FAULT_CHARS else f"{text[: FAULT_CHARS - 3]}..."
