"""A document against its grammar: every pydantic error becomes an Issue with a position."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentic.config.document import Document, YamlPath
from agentic.config.fields import Spec
from agentic.config.nearest import did_you_mean
from agentic.exceptions import Issue

S = TypeVar("S", bound=Spec)

_KINDS = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "must be at least"),
    "less_than_equal": ("le", "must be at most"),
}


def validate(document: Document, grammar: type[S]) -> S | None:
    """The document as a spec; its faults are added to `document.issues`.

    After a fault the faulty parts are left out and the rest is returned, so that names in it can
    still be resolved and every fault is told at once. None when nothing usable is left.
    """
    value = copy.deepcopy(document.value)
    for attempt in range(4):
        try:
            return grammar.model_validate(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
            if attempt == 0:
                found = list(_issues(document, grammar, details))
                document.issues.extend(found)
            value = _prune(document, value, details)
    return None


def _issues(
    document: Document, grammar: type[Spec], details: list[ErrorDetails]
) -> Iterator[Issue]:
    for detail in details:
        path = _real_path(document.value, detail["loc"])
        code, message, hint = _explain(grammar, path, detail)
        by_key = detail["type"] == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
        told = document.told(path)
        if told and by_key:
            # That a key is empty was already told here; that it is unknown says more.
            document.issues[:] = [issue for issue in document.issues if issue not in told]
        elif told and detail["type"] != "missing":
            continue
        yield document.issue(path, code, message, hint=hint, key=by_key)


def _explain(grammar: type[Spec], path: YamlPath, detail: ErrorDetails) -> tuple[str, str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    name = _name(path)
    given = detail.get("input")
    if kind.startswith("AC"):
        message = detail["msg"]
        if kind not in ("AC111", "AC116"):
            joint = " " if message.startswith(("must", "needs")) else ": "
            message = f"{name}{joint}{message}"
        return kind, message, str(context.get("hint", ""))
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), keys_at(grammar, path[:-1]))
        return "AC110", f"unknown key {path[-1]!r}{_inside(path[:-1])}", hint
    if kind == "missing":
        missing = str(detail["loc"][-1])
        return "AC111", f"{missing!r} is missing{_inside(path)}", ""
    if kind in _KINDS:
        hint = f"write [{given}]" if kind == "tuple_type" and isinstance(given, str) else ""
        return "AC112", f"{name} must be {_KINDS[kind]}, not {_describe(given)}", hint
    if kind == "literal_error":
        return _literal(name, given, str(context.get("expected", "")))
    return "AC114", *_invalid(name, detail)


def _invalid(name: str, detail: ErrorDetails) -> tuple[str, str]:
    kind = detail["type"]
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"{name} {words} {detail['ctx'][bound]:.16g}", ""
    if kind == "string_pattern_mismatch":
        given = str(detail.get("input"))[:60]
        return f"{name}: {given!r} is not a name", "letters, digits and _, no digit first"
    if kind in ("string_too_short", "too_short"):
        return f"{name} must not be empty", ""
    return f"{name}: {detail['msg'].lower()}", ""


def _literal(name: str, given: Any, expected: str) -> tuple[str, str, str]:
    known = [part.strip(" '") for part in expected.replace(" or ", ", ").split(",")]
    if name == "'version'":
        return "AC117", f"version {given!r} is not one that this release reads", "write version: 1"
    if not isinstance(given, str):
        return "AC112", f"{name} must be text, not {_describe(given)}", ""
    return "AC113", f"{name}: unknown value {given[:60]!r}", did_you_mean(given, known)


def keys_at(grammar: type[Spec], path: YamlPath) -> tuple[str, ...]:
    """The keys that the grammar knows at a path, as they are written."""
    here: Any = grammar
    for part in path:
        spec = _inner(here)
        if spec is None:
            return ()
        if isinstance(part, int) or not _is_spec(here):
            # an item of a list or of a mapping: its type is the spec inside
            here = spec
            continue
        field = {(f.alias or name): f for name, f in spec.model_fields.items()}.get(part)
        if field is None:
            return ()
        here = field.annotation
        if _is_spec(_optional(here)):
            here = _optional(here)
    spec = _inner(here)
    return tuple(f.alias or name for name, f in spec.model_fields.items()) if spec else ()


def _is_spec(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _optional(annotation: Any) -> Any:
    arguments = [arg for arg in get_args(annotation) if arg is not type(None)]
    return (
        arguments[0] if len(arguments) == 1 and type(None) in get_args(annotation) else annotation
    )


def _inner(annotation: Any) -> type[BaseModel] | None:
    if _is_spec(annotation):
        return annotation  # type: ignore[no-any-return]
    for argument in get_args(annotation):
        found = _inner(argument)
        if found is not None:
            return found
    return None


def _real_path(value: Any, loc: tuple[str | int, ...]) -> YamlPath:
    """The part of pydantic's location that is in the file."""
    path: YamlPath = ()
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        path = (*path, part)
    return path


def _prune(document: Document, value: Any, details: list[ErrorDetails]) -> Any:
    """The value without what the errors are about; a missing key takes its whole item away."""
    if not isinstance(value, dict):
        return {"version": 1}
    paths = {_real_path(value, detail["loc"]) for detail in details}
    if () in paths or ("version",) in paths:
        value["version"] = 1
    inner = {path for path in paths if any(path[:n] in paths for n in range(1, len(path)))}
    for path in sorted(paths - inner - {(), ("version",)}, key=_order, reverse=True):
        _remove(document, value, path)
    return value


def _order(path: YamlPath) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def _remove(document: Document, value: Any, path: YamlPath) -> None:
    for part in path[:-1]:
        value = value[part]
    del value[path[-1]]
    if isinstance(path[-1], int):
        document.close_gap(path[:-1], path[-1])


def _name(path: YamlPath) -> str:
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return "the file"
    tail = path[-1]
    return f"an item of {names[-1]!r}" if isinstance(tail, int) else repr(names[-1])


def _inside(path: YamlPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f" in {text.lstrip('.')}" if text else ""


def _describe(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return (
        f"the text {str(value)[:40]!r}" if isinstance(value, str) else f"the number {value!s:.40}"
    )
