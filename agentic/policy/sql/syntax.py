"""Judges what a statement is made of: every class, argument, property, setting and function."""

from __future__ import annotations

from agentic.policy.sql.functions import judge_call
from agentic.policy.sql.nodes import (
    ARGUMENTS,
    CLASS_CODES,
    LOCKING_HINTS,
    PROPERTIES,
    QUERY_CLASSES,
    QUERY_HINTS,
    TABLE_HINTS,
    TYPED_DENIED,
    TYPED_FUNCTIONS,
    VALUES,
    WRITE_CLASSES,
)
from agentic.sql.effects import Facts
from agentic.sql.tables import Refusal

_OUTSIDE = frozenset({"format", "pattern", "is_function"})
_PLACES = frozenset(
    {"path", "url", "uri", "uris", "location", "external_location", "dbtable", "connection"}
)
_STATEMENTS = frozenset({"Describe", "Summarize", "Returning"})


def judge_facts(facts: Facts, dialect: str) -> list[Refusal]:
    """Every part of a statement against its list."""
    found = judge_classes(facts)
    for owner, argument in facts.arguments:
        if owner in ARGUMENTS and argument not in ARGUMENTS[owner]:
            code = "EXTERNAL_IO" if argument in _OUTSIDE else "UNSUPPORTED_STATEMENT"
            found.append(Refusal(code, f"{owner} with {argument} is not on the list of syntax"))
    judged = [judge_setting(setting, dialect) for setting in facts.settings]
    judged += [judge_call(call, dialect) for call in dict.fromkeys(facts.calls)]
    found.extend(refusal for refusal in judged if refusal is not None)
    return found


def judge_classes(facts: Facts) -> list[Refusal]:
    """Syntax, properties and typed functions; a class on no list is refused.

    Writing classes are syntax like any other: what they write is judged as a write, wherever it
    stands.
    """
    found = []
    known = QUERY_CLASSES | WRITE_CLASSES | _STATEMENTS
    for name in facts.classes - known - facts.typed - facts.properties:
        code = CLASS_CODES.get(name, "UNSUPPORTED_STATEMENT")
        found.append(Refusal(code, f"{name} is not on the list of syntax"))
    for name in facts.typed - TYPED_FUNCTIONS:
        code = TYPED_DENIED.get(name, "UNKNOWN_FUNCTION")
        found.append(Refusal(code, f"function {name} does more than compute"))
    for name in facts.properties - PROPERTIES:
        code = CLASS_CODES.get(name, "UNSUPPORTED_STATEMENT")
        found.append(Refusal(code, f"{name} is not on the list of properties"))
    return found


def judge_setting(setting: str, dialect: str) -> Refusal | None:
    """One setting, option, hint or session value, as `kind:name`."""
    kind, _, name = setting.partition(":")
    if kind == "hint":
        return judge_hint(name, dialect)
    if kind == "assign":
        return Refusal("SESSION_STATE", "it sets a variable of the session")
    if kind == "property" and name in _PLACES:
        return Refusal("EXTERNAL_IO", f"property {name} is a place outside the warehouse")
    names, code = VALUES.get(kind, (frozenset({name}), ""))
    if name in names or (kind == "type" and name.split("(")[0] in names):
        return None
    return Refusal(code, f"{kind} {name} is not on the list")


def judge_hint(name: str, dialect: str) -> Refusal | None:
    """One hint: those that steer the planner may stay, those that lock may not."""
    if name in LOCKING_HINTS:
        return Refusal("LOCKING", f"hint {name} takes locks")
    known = TABLE_HINTS if dialect == "tsql" else TABLE_HINTS | QUERY_HINTS
    if name in known or name.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0].strip() in known:
        return None
    return Refusal("UNSUPPORTED_STATEMENT", f"hint {name} is not on the list")
