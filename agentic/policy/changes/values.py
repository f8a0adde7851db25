"""What expressions are worth while a template is read without dbt: plain values, and unknown
ones."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MAX_TEXT = 2_000_000
MAX_RANGE = 1_000_000

QUOTES = {
    "bigquery": "`",
    "databricks": "`",
    "spark": "`",
    "mysql": "`",
    "clickhouse": '"',
}

REF, SOURCE, THIS = "agentic_ref", "agentic_source", "agentic_this"
OPAQUE = "agentic_opaque_"
SEPARATOR = "~"


class Opaque(msgspec.Struct, frozen=True):
    """A value that only dbt or the warehouse knows; `note` says where it comes from."""

    note: str

    def __str__(self) -> str:
        return f"{OPAQUE}{zlib.crc32(self.note.encode()):08x}"


class Relation(msgspec.Struct, frozen=True):
    """What ref(), source() and this stand for."""

    place: str
    """REF, SOURCE or THIS."""
    name: str
    """Node name, or `source~table`."""
    quote: str = '"'

    def __str__(self) -> str:
        return f"{self.place}.{self.quote}{self.name}{self.quote}"


class Builtin(msgspec.Struct, frozen=True):
    """Something of dbt's, by its dotted name: `adapter.dispatch`, `dbt.date_trunc`."""

    name: str

    def __str__(self) -> str:
        return str(Opaque(self.name))


class Callee(msgspec.Struct, frozen=True):
    """A macro that a template can call."""

    package: str
    name: str
    block: Any
    """The jinja2 Macro node."""

    def __str__(self) -> str:
        return str(Opaque(self.name))


class Package(msgspec.Struct, frozen=True):
    """A namespace of macros: `dbt_utils`."""

    name: str


class Box:
    """jinja's namespace(): attributes that a loop may set."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = dict(fields)


class Return(Exception):
    """A macro ended early with a value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class TooMuch(Exception):
    """A template does more work than a template should."""


def known(value: Any) -> bool:
    """Is the value a plain one, all the way down?"""
    if isinstance(value, str | int | float | bool) or value is None:
        return True
    if isinstance(value, list | tuple | range):
        return isinstance(value, range) or all(known(one) for one in value)
    if isinstance(value, dict):
        return all(known(key) and known(one) for key, one in value.items())
    return False


def text_of(value: Any) -> str:
    """The value as a template prints it."""
    if value is None:
        return "None"
    return str(value)[:MAX_TEXT]


def _text_method(name: str) -> Callable[..., Any]:
    def call(text: str, *args: Any) -> Any:
        return getattr(text, name)(*args)

    return call


TEXT_METHODS: dict[str, Callable[..., Any]] = {
    name: _text_method(name)
    for name in [
        "upper",
        "lower",
        "title",
        "capitalize",
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "replace",
        "startswith",
        "endswith",
        "find",
        "rfind",
        "count",
        "index",
        "isdigit",
        "isalpha",
        "isnumeric",
        "isalnum",
        "isupper",
        "islower",
        "splitlines",
        "removeprefix",
        "removesuffix",
        "partition",
        "rpartition",
        "swapcase",
        "zfill",
    ]
}
LIST_METHODS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "remove",
        "index",
        "count",
        "sort",
        "reverse",
        "copy",
        "clear",
    ]
)
DICT_METHODS = frozenset(
    ["items", "keys", "values", "get", "update", "pop", "setdefault", "copy", "clear"]
)
OTHER_METHODS = frozenset(
    [
        "join",
        "format",
        "strftime",
        "isoformat",
        "date",
        "time",
        "timestamp",
        "weekday",
        "isoweekday",
        "timetuple",
        "total_seconds",
        "astimezone",
        "localize",
        "normalize",
        "replace_path",
        "include",
        "incorporate",
        "without_identifier",
        "quote",
        "render",
        "columns",
        "rows",
        "print_table",
        "where",
        "rename",
        "is_string",
        "is_number",
        "is_numeric",
        "is_integer",
        "is_float",
        "string_size",
        "literal",
        "add",
        "union",
        "difference",
        "intersection",
        "issubset",
        "issuperset",
        "data_type_for",
        "dict",
    ]
)
METHODS = frozenset(TEXT_METHODS) | LIST_METHODS | DICT_METHODS | OTHER_METHODS

_FIELD = re.compile(r"\{[^{}]*[.\[][^{}]*\}")


_RISKY = re.compile(r"[;'\"()\\\s]|--|/\*")


def risky(value: Any) -> bool:
    """Could this text become more than a name, if a function that is not followed here printed
    it?"""
    if isinstance(value, str):
        return bool(_RISKY.search(value)) and not value.startswith("agentic_")
    if isinstance(value, dict):
        return any(risky(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return any(risky(one) for one in value)
    return False


def ends_statement(value: Any) -> bool:
    """Does a text, at any depth, hold what could end a statement or hide the rest of it?"""
    if isinstance(value, str):
        return any(mark in value for mark in (";", "--", "/*"))
    if isinstance(value, dict):
        return any(ends_statement(one) for pair in value.items() for one in pair)
    return isinstance(value, list | tuple) and any(map(ends_statement, value))


def unsafe_format(text: str) -> bool:
    """Does a format string reach into its arguments (`{0.__class__}`)?"""
    return bool(_FIELD.search(text))
