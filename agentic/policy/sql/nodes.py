"""The syntax that may be used: classes, arguments, properties, settings. All else is denied.

The lists themselves are in `lists/`, as text that can be read beside a grammar.
"""

from __future__ import annotations

from agentic.policy.sql.word_lists import sections

_ALLOWED = sections("syntax")
_DENIED = sections("denied_syntax")

QUERY_CLASSES = _ALLOWED["query classes"]
WRITE_CLASSES = _ALLOWED["write classes"]
TYPED_FUNCTIONS = _ALLOWED["typed functions"]
"""Functions that sqlglot has a class for."""
PROPERTIES = _ALLOWED["properties"]
"""Layout of a table or a view in a build schema."""
LOCKING_HINTS = _ALLOWED["locking hints"]
TABLE_HINTS = _ALLOWED["table hints"]
QUERY_HINTS = _ALLOWED["query hints"]

ARGUMENTS: dict[str, frozenset[str]] = {
    title.removeprefix("arguments "): words
    for title, words in _ALLOWED.items()
    if title.startswith("arguments ")
}
"""For classes whose arguments each carry a meaning of their own: those that may be set."""

VALUES: dict[str, tuple[frozenset[str], str]] = {
    "setting": (_ALLOWED["settings"], "ENVIRONMENT_CHANGE"),
    "option": (_ALLOWED["options"], "UNSUPPORTED_STATEMENT"),
    "session": (_ALLOWED["session values"], "SYSTEM_CATALOG"),
    "type": (_ALLOWED["user types"], "UNKNOWN_FUNCTION"),
    "property": (_ALLOWED["property names"], "UNSUPPORTED_STATEMENT"),
    "engine": (_ALLOWED["table engines"], "EXTERNAL_IO"),
    "describe": (_ALLOWED["describe styles"], "SYSTEM_CATALOG"),
    "kind": (_ALLOWED["kinds"], "UNSUPPORTED_STATEMENT"),
    "modifier": (_ALLOWED["modifiers"], "UNSUPPORTED_STATEMENT"),
}
"""Kind of a setting -> (names that may be used, the code of any other)."""


def _codes(kind: str) -> dict[str, str]:
    return {
        name: title.removeprefix(f"{kind} ")
        for title, names in _DENIED.items()
        if title.startswith(f"{kind} ")
        for name in names
    }


TYPED_DENIED = _codes("function")
"""Functions with a class of their own that must not be called -> code."""
CLASS_CODES = _codes("class")
"""Classes that are never part of a read or a plain write -> code."""
