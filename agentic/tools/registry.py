"""The register of tools: `@tool` makes a ToolSpec from a function's signature.

Nothing here calls a tool body on its own; the boundary does, through `registry_function`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec

from agentic.exceptions import AgenticError
from agentic.records import CodePage, Effect, ToolSpec, publish

publish(
    CodePage(
        "AC590",
        "tool-input",
        "A tool was called with input that its schema does not allow.",
        fix="Call it again with the arguments that the message names.",
    ),
    CodePage(
        "AC591",
        "tool-failed",
        "A tool could not do what was asked; the message holds the whole upstream error.",
        fix="Read the message: it says what was asked and what came back.",
    ),
)

Body = Callable[..., dict[str, Any]]
F = TypeVar("F", bound=Body)


class ToolError(AgenticError):
    """A tool could not answer; the message carries the upstream error in full."""

    code = "AC591"


class _Entry(msgspec.Struct, frozen=True):
    spec: ToolSpec
    function: Body
    shape: type[msgspec.Struct]


_REGISTRY: dict[str, _Entry] = {}


def tool(*, toolset: str, effect: Effect, timeout_s: float = 60.0) -> Callable[[F], F]:
    """Register a function as a tool and return it unchanged.

    The first parameter is the bench; the keyword-only ones are the input. Their annotations make
    the JSON Schema, `Annotated[..., msgspec.Meta(description=...)]` its descriptions, the first
    paragraph of the docstring the tool's description. Raises ValueError on a duplicate name.
    """

    def register(function: F) -> F:
        name = function.__name__
        if name in _REGISTRY:
            raise ValueError(f"tool {name!r} is registered twice")
        shape = _input_shape(function)
        spec = ToolSpec(
            name=name,
            description=_first_paragraph(function),
            input_schema=_schema_of(shape),
            effect=effect,
            toolset=toolset,
            timeout_s=timeout_s,
        )
        _REGISTRY[name] = _Entry(spec, function, shape)
        return function

    return register


def registry() -> dict[str, ToolSpec]:
    """Every built-in tool's spec by name, sorted."""
    return {name: _REGISTRY[name].spec for name in sorted(_REGISTRY)}


def toolsets() -> dict[str, tuple[str, ...]]:
    """Tool names by toolset, both sorted."""
    found: dict[str, list[str]] = {}
    for name, spec in registry().items():
        found.setdefault(spec.toolset, []).append(name)
    return {toolset: tuple(found[toolset]) for toolset in sorted(found)}


def registry_function(name: str) -> Body:
    """What the boundary calls: `registry_function(name)(bench, **raw_input)`.

    The input is converted to the signature's types first. Raises ToolError for an unknown tool
    (AC590), and the returned callable for input that does not fit the schema (AC590).
    """
    entry = _entry(name)

    def call(bench: object, **raw: Any) -> dict[str, Any]:
        return entry.function(bench, **check_input(name, raw))

    return call


def check_input(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Input as the tool's parameters, defaults filled in. Raises ToolError (AC590)."""
    entry = _entry(name)
    try:
        value = msgspec.convert(dict(raw), entry.shape)
    except msgspec.ValidationError as error:
        raise ToolError(f"{name}: {error}", code="AC590", hint=_usage(entry.spec)) from error
    return {field: getattr(value, field) for field in entry.shape.__struct_fields__}


def _entry(name: str) -> _Entry:
    entry = _REGISTRY.get(name)
    if entry is None:
        raise ToolError(f"there is no tool {name!r}", code="AC590", hint=", ".join(_REGISTRY))
    return entry


def _usage(spec: ToolSpec) -> str:
    required = spec.input_schema.get("required", [])
    names = [key if key in required else f"{key}?" for key in spec.input_schema["properties"]]
    return f"{spec.name}({', '.join(names)})"


def _first_paragraph(function: Body) -> str:
    text = inspect.getdoc(function) or ""
    if not text:
        raise ValueError(f"tool {function.__name__!r} has no docstring")
    return " ".join(text.split("\n\n")[0].split())


def _input_shape(function: Body) -> type[msgspec.Struct]:
    hints = get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise ValueError(f"tool {function.__name__!r}: {name!r} must be keyword-only")
        if parameter.default is inspect.Parameter.empty:
            fields.append((name, hints[name]))
        else:
            fields.append((name, hints[name], parameter.default))
    return msgspec.defstruct(
        f"{function.__name__}_input", fields, kw_only=True, forbid_unknown_fields=True, frozen=True
    )


def _schema_of(shape: type[msgspec.Struct]) -> dict[str, Any]:
    (top,), parts = msgspec.json.schema_components(
        [shape], schema_hook=_anything, ref_template="{name}"
    )
    schema: dict[str, Any] = _inline(top, parts)
    schema.pop("title", None)
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    return schema


def _anything(kind: type) -> dict[str, Any]:
    """`object` is any JSON value: a cell of a sample row."""
    if kind is object:
        return {"description": "any value"}
    raise NotImplementedError(kind)


def _inline(schema: Any, parts: Mapping[str, Any]) -> Any:
    """References replaced by what they name: providers want one self-contained object."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return {**_inline(parts[schema["$ref"]], parts), **rest}
        return {key: _inline(value, parts) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inline(item, parts) for item in schema]
    return schema
