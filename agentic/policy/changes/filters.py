"""jinja's filters and tests that have no side effect, on plain values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agentic.policy.changes.values import MAX_TEXT, Builtin, Opaque, Relation, known, text_of

# What a template may use. `attr` looks names up at run time and is not among them.
FILTERS = frozenset(
    [
        "abs",
        "batch",
        "capitalize",
        "center",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "filesizeformat",
        "first",
        "float",
        "forceescape",
        "format",
        "groupby",
        "indent",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "pprint",
        "random",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "safe",
        "select",
        "selectattr",
        "slice",
        "sort",
        "string",
        "striptags",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "wordcount",
        "wordwrap",
        "as_bool",
        "as_native",
        "as_number",
        "as_text",
        "fromjson",
        "fromyaml",
        "toyaml",
        "zip",
        "set",
    ]
)
TESTS = frozenset(
    [
        "boolean",
        "callable",
        "defined",
        "divisibleby",
        "eq",
        "equalto",
        "escaped",
        "even",
        "false",
        "filter",
        "float",
        "ge",
        "gt",
        "greaterthan",
        "in",
        "integer",
        "iterable",
        "le",
        "lessthan",
        "lower",
        "lt",
        "mapping",
        "ne",
        "none",
        "number",
        "odd",
        "sameas",
        "sequence",
        "string",
        "test",
        "true",
        "undefined",
        "upper",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
    ]
)


def _join(value: Any, separator: Any = "", attribute: Any = None) -> Any:
    if not isinstance(value, list | tuple):
        return Opaque(f"join({value})")
    parts = [
        one.get(attribute, one) if isinstance(one, dict) and attribute else one for one in value
    ]
    return text_of(separator).join(text_of(one) for one in parts)[:MAX_TEXT]


def _map(value: Any, *names: Any, attribute: Any = None, **_: Any) -> Any:
    if not isinstance(value, list | tuple):
        return Opaque("map")
    if attribute is not None:
        return [
            one.get(attribute, Opaque(str(attribute)))
            if isinstance(one, dict)
            else Opaque(f"{one}.{attribute}")
            for one in value
        ]
    if names and isinstance(names[0], str):
        return [apply(names[0], one, list(names[1:]), {}) for one in value]
    return Opaque("map")


def _select(value: Any, *names: Any, keep: bool = True) -> Any:
    if not isinstance(value, list | tuple):
        return Opaque("select")
    if not names:
        return [one for one in value if bool(one) is keep]
    return [one for one in value if check(str(names[0]), one, list(names[1:])) in (keep, None)]


def _selectattr(value: Any, attribute: Any, *names: Any, keep: bool = True) -> Any:
    if not isinstance(value, list | tuple) or not all(isinstance(one, dict) for one in value):
        return Opaque("selectattr")
    found = []
    for one in value:
        got = one.get(attribute)
        ok = check(str(names[0]), got, list(names[1:])) if names else bool(got)
        if ok in (keep, None):
            found.append(one)
    return found


def _default(value: Any, fallback: Any = "", boolean: Any = False) -> Any:
    if value is None or (isinstance(value, Opaque) and value.note.startswith("undefined:")):
        return fallback
    return fallback if boolean and known(value) and not value else value


def _indent(value: Any, *_: Any, **__: Any) -> Any:
    return value


def _replace(value: Any, old: Any, new: Any, *_: Any) -> Any:
    return text_of(value).replace(text_of(old), text_of(new))[:MAX_TEXT]


TABLE: dict[str, Callable[..., Any]] = {
    "join": _join,
    "map": _map,
    "select": _select,
    "selectattr": _selectattr,
    "reject": lambda value, *names: _select(value, *names, keep=False),
    "rejectattr": lambda value, attribute, *names: _selectattr(
        value, attribute, *names, keep=False
    ),
    "default": _default,
    "d": _default,
    "lower": lambda value: text_of(value).lower(),
    "upper": lambda value: text_of(value).upper(),
    "title": lambda value: text_of(value).title(),
    "capitalize": lambda value: text_of(value).capitalize(),
    "trim": lambda value, *chars: text_of(value).strip(*chars),
    "string": text_of,
    "safe": lambda value: value,
    "e": lambda value: value,
    "escape": lambda value: value,
    "forceescape": lambda value: value,
    "as_text": lambda value: value,
    "as_native": lambda value: value,
    "as_bool": lambda value: value,
    "as_number": lambda value: value,
    "replace": _replace,
    "indent": _indent,
    "wordwrap": _indent,
    "length": len,
    "count": len,
    "list": list,
    "items": lambda value: list(value.items()),
    "first": lambda value: value[0] if isinstance(value, str | list | tuple) else next(iter(value)),
    "last": lambda value: list(value)[-1],
    "unique": lambda value, *_: list(dict.fromkeys(value)),
    "sort": lambda value, *_, **__: sorted(value),
    "reverse": lambda value: value[::-1],
    "int": lambda value, *_: int(value),
    "float": lambda value, *_: float(value),
    "abs": abs,
    "round": lambda value, digits=0, *_: round(value, digits),
    "sum": lambda value, *_, **__: sum(value),
    "min": lambda value, *_: min(value),
    "max": lambda value, *_: max(value),
    "tojson": lambda value, *_, **__: json.dumps(value, sort_keys=True),
    "dictsort": lambda value, *_, **__: sorted(value.items()),
    "zip": lambda value, *more: [list(row) for row in zip(value, *more, strict=False)],
    "set": lambda value: list(dict.fromkeys(value)),
}


# Filters that say something even of a list whose items are not known here.
_OPEN_ENDED = frozenset(
    {
        "join",
        "map",
        "default",
        "d",
        "select",
        "reject",
        "selectattr",
        "rejectattr",
        "safe",
        "as_text",
        "as_native",
        "as_bool",
        "as_number",
        "indent",
        "length",
        "count",
        "list",
        "first",
        "last",
        "reverse",
        "items",
        "unique",
        "replace",
        "trim",
        "lower",
        "upper",
        "string",
        "zip",
    }
)
# Filters that say nothing of a value which is itself unknown; a changed case keeps it what it is.
_NEED_A_VALUE = frozenset(
    {
        "lower",
        "upper",
        "trim",
        "replace",
        "length",
        "count",
        "list",
        "first",
        "last",
        "reverse",
        "items",
        "unique",
        "title",
        "zip",
    }
)
_KEEP_THE_VALUE = frozenset({"lower", "upper", "trim"})


def apply(name: str, value: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A filter's result; opaque where it cannot be known here."""
    function = TABLE.get(name)
    note = Opaque(f"{name}({text_of(value)[:200]}, {args})")
    if function is None or (name not in _OPEN_ENDED and not known(value)):
        return note
    if isinstance(value, Opaque | Relation | Builtin) and name in _NEED_A_VALUE:
        return value if name in _KEEP_THE_VALUE else note
    try:
        return function(value, *args, **kwargs)
    except (
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        StopIteration,
        OverflowError,
    ):
        return note


def check(name: str, value: Any, args: list[Any]) -> bool | None:
    """A jinja test's answer; None where it cannot be known here."""
    if name in ("defined", "undefined"):
        missing = isinstance(value, Opaque) and value.note.startswith("undefined:")
        return missing is (name == "undefined")
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "mapping": (dict,),
        "number": (int, float),
        "boolean": (bool,),
        "iterable": (str, list, tuple, dict, range),
        "sequence": (str, list, tuple, dict),
        "integer": (int,),
        "float": (float,),
    }
    if name in kinds and not isinstance(value, Opaque):
        return isinstance(value, kinds[name])
    if name == "none":
        return value is None if not isinstance(value, Opaque) else None
    if not known(value) or not known(args):
        return None
    plain: dict[str, Callable[[], bool]] = {
        "true": lambda: value is True,
        "false": lambda: value is False,
        "even": lambda: value % 2 == 0,
        "odd": lambda: value % 2 == 1,
        "divisibleby": lambda: value % args[0] == 0,
        "in": lambda: value in args[0],
        "eq": lambda: bool(value == args[0]),
        "equalto": lambda: bool(value == args[0]),
        "==": lambda: bool(value == args[0]),
        "ne": lambda: bool(value != args[0]),
        "!=": lambda: bool(value != args[0]),
        "sameas": lambda: value is args[0],
        "gt": lambda: bool(value > args[0]),
        "lt": lambda: bool(value < args[0]),
        "ge": lambda: bool(value >= args[0]),
        "le": lambda: bool(value <= args[0]),
        "lower": lambda: str(value).islower(),
        "upper": lambda: str(value).isupper(),
    }
    try:
        return plain[name]() if name in plain else None
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
