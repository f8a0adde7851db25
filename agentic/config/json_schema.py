"""The part of JSON Schema (draft 2020-12) that inputs and reports are declared in.

A keyword that is not known here is refused where a person writes it, so that nothing in a file
looks checked and is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any

from agentic.config.nearest import did_you_mean

MAX_DEPTH = 20
_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
_SAID = ("title", "description", "default", "examples", "$comment", "$schema", "deprecated")
_LISTS = ("anyOf", "oneOf", "allOf")
_NUMBERS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems",
)  # fmt: skip
_OTHERS = ("type", "enum", "const", "properties", "required", "additionalProperties", "items")
KEYWORDS = (*_SAID, *_LISTS, *_NUMBERS, *_OTHERS, "pattern", "format")
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", lt),
    "maximum": ("at most", gt),
    "exclusiveMinimum": ("above", le),
    "exclusiveMaximum": ("below", ge),
}
_NAMED: dict[str, dict[str, Any]] = {
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}


def schema_of(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Names with types or schemas as one object's schema: what has a `default` may be left out."""
    properties = {name: typed(kind) for name, kind in inputs.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, one in properties.items() if "default" not in one],
        "additionalProperties": False,
    }


def typed(kind: Any) -> dict[str, Any]:
    """The schema of an input type by its name: `date`, `string`, ...; a schema is its own."""
    if isinstance(kind, dict):
        return kind
    return dict(_NAMED.get(str(kind), {"type": str(kind)}))


def fault_in_schema(schema: Any, *, depth: int = 0) -> tuple[str, str] | None:
    """What is wrong with a schema that a person wrote, and a hint; None when it can be checked."""
    if depth > MAX_DEPTH:
        return "the schema is too deep", ""
    if not isinstance(schema, dict):
        return "a schema must be a mapping", ""
    for key, value in schema.items():
        if key not in KEYWORDS:
            return f"unknown keyword {key!r}", did_you_mean(str(key), KEYWORDS)
        fault = _fault_at(str(key), value)
        if fault is not None:
            return fault
    for part in _parts(schema):
        found = fault_in_schema(part, depth=depth + 1)
        if found is not None:
            return found
    return None


def fault_of(value: Any, schema: Mapping[str, Any], *, at: str = "") -> str | None:
    """Why a value does not fit a schema, where it is said first; None when it fits.

    Keywords that are not known say nothing: a foreign schema's owner checks those.
    """
    return next(_faults(value, schema, at, 0), None)


def with_defaults(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the defaults of what it leaves out."""
    known = schema.get("properties", {})
    given = {
        name: one["default"]
        for name, one in known.items()
        if isinstance(one, dict) and "default" in one
    }
    return {**given, **value}


def _fault_at(key: str, value: Any) -> tuple[str, str] | None:
    if key == "type":
        kinds = value if isinstance(value, list) else [value]
        wrong = [kind for kind in kinds if kind not in _TYPES]
        if wrong or not kinds:
            return f"unknown type {value!r}", did_you_mean(str((wrong or [""])[0]), _TYPES)
    elif key == "pattern":
        try:
            re.compile(str(value))
        except re.error as error:
            return f"pattern {value!r}: {error}", ""
    elif key in _NUMBERS and not _TYPES["number"](value):
        return f"{key} must be a number", ""
    elif key in ("enum", "required", *_LISTS) and not isinstance(value, list):
        return f"{key} must be a list", ""
    elif key == "properties" and not isinstance(value, dict):
        return "properties must be a mapping", ""
    return None


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from (schema.get("properties") or {}).values()
    for key in _LISTS:
        yield from schema.get(key) or ()
    for key in ("items", "additionalProperties"):
        if key in schema and not isinstance(schema[key], bool):
            yield schema[key]


def _faults(value: Any, schema: Any, at: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH or not isinstance(schema, Mapping):
        return
    name = f"`{at}`" if at else "the input"
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else [one for one in kinds if one in _TYPES]
    if kinds and not any(_TYPES[kind](value) for kind in kinds if kind in _TYPES):
        yield f"{name} must be {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{name} must be one of {', '.join(map(repr, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{name} must be {schema['const']!r}"
    if isinstance(value, str):
        yield from _of_text(value, schema, name)
    elif isinstance(value, dict):
        yield from _of_object(value, schema, at, depth)
    elif isinstance(value, list):
        yield from _of_list(value, schema, at, depth)
    elif _TYPES["number"](value):
        yield from _of_number(value, schema, name)
    yield from _of_choices(value, schema, at, depth)


def _of_text(value: str, schema: Mapping[str, Any], name: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{name} must have at least {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{name} must have at most {schema['maxLength']} characters"
    if "pattern" in schema and not re.search(str(schema["pattern"]), value):
        yield f"{name} does not match {schema['pattern']}"
    kind = schema.get("format")
    try:
        if kind == "date":
            date.fromisoformat(value)
        elif kind == "date-time":
            datetime.fromisoformat(value)
    except ValueError:
        shape = "2026-01-31" if kind == "date" else "2026-01-31T12:00:00"
        yield f"{name} must be a {kind}, as {shape}"


def _of_number(value: float, schema: Mapping[str, Any], name: str) -> Iterator[str]:
    if not isfinite(value):
        yield f"{name} must be a finite number"
    for key, (words, broken) in _BOUNDS.items():
        bound = schema.get(key)
        if _TYPES["number"](bound) and broken(value, bound):
            yield f"{name} must be {words} {bound}"


def _of_object(value: dict[str, Any], schema: Mapping[str, Any], at: str, depth: int) -> Any:
    known = schema.get("properties") or {}
    for key in schema.get("required") or ():
        if key not in value:
            yield f"`{_below(at, key)}` is missing"
    more = schema.get("additionalProperties", True)
    for key, item in value.items():
        if key in known:
            yield from _faults(item, known[key], _below(at, key), depth + 1)
        elif more is False:
            hint = did_you_mean(key, known)
            yield f"`{_below(at, key)}` is not known here" + (f"; {hint}" if hint else "")
        else:
            yield from _faults(item, more, _below(at, key), depth + 1)


def _of_list(value: list[Any], schema: Mapping[str, Any], at: str, depth: int) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"`{at}` must have at least {schema['minItems']} items"
    if len(value) > schema.get("maxItems", len(value)):
        yield f"`{at}` must have at most {schema['maxItems']} items"
    for number, item in enumerate(value):
        yield from _faults(item, schema.get("items"), f"{at}[{number}]", depth + 1)


def _of_choices(value: Any, schema: Mapping[str, Any], at: str, depth: int) -> Iterator[str]:
    for part in schema.get("allOf") or ():
        yield from _faults(value, part, at, depth + 1)
    for key in ("anyOf", "oneOf"):
        if key not in schema:
            continue
        tried = [next(_faults(value, one, at, depth + 1), None) for one in schema[key]]
        fits = tried.count(None)
        if not fits or (key == "oneOf" and fits > 1):
            told = "; ".join(dict.fromkeys(why for why in tried if why))
            yield told or f"`{at}` fits more than one of its forms"


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
