"""Values for the `:name` places of a statement, put in as literals of its tree.

The text of a value never meets the text of the statement: it becomes a literal, the writer of the
dialect quotes it, and the tokens of what comes out are compared with those of a harmless value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql.parsing import parse, tokens_of

_CASTS = {"date": "date", "date-time": "timestamp"}
_HARMLESS = "x"


def places(sql: str, dialect: str) -> tuple[str, ...]:
    """Names of the `:name` places of one statement, sorted. Raises SqlError.

    Other kinds of places (`?`, `$1`, `@x`) are an error: nothing could be bound to them.
    """
    found: set[str] = set()
    for node in parse(sql, dialect).walk():
        if isinstance(node, exp.Parameter | exp.SessionParameter):
            raise SqlError(f"{node.sql()} cannot be bound", hint="Write `:name` for an input.")
        if isinstance(node, exp.Placeholder):
            if not isinstance(node.this, str) or not re.fullmatch(r"[A-Za-z_]\w*", node.this):
                raise SqlError(f"{node.sql()} has no name", hint="Write `:name` for an input.")
            found.add(node.this)
    return tuple(sorted(found))


def bound(sql: str, values: Mapping[str, Any], formats: Mapping[str, str], *, dialect: str) -> str:
    """The statement with every place filled. `formats`: `date` or `date-time` by name.

    Raises SqlError for a place without a value, a value that is no scalar, or one that would not
    stay a literal.
    """
    written = _written(sql, values, formats, dialect)
    harmless = {name: _HARMLESS if isinstance(one, str) else one for name, one in values.items()}
    expected = tokens_of(_written(sql, harmless, formats, dialect), dialect)
    found = tokens_of(written, dialect)
    if [token.token_type for token in found] != [token.token_type for token in expected]:
        raise SqlError("an input would change what the statement says")
    return written


def _written(sql: str, values: Mapping[str, Any], formats: Mapping[str, str], dialect: str) -> str:
    def fill(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Placeholder):
            return node
        name = str(node.this)
        if name not in values:
            raise SqlError(f"`:{name}` has no value")
        return _literal(name, values[name], formats.get(name, ""))

    return parse(sql, dialect).transform(fill).sql(dialect=dialect or None)


def _literal(name: str, value: Any, kind: str) -> exp.Expression:
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | float):
        number = exp.Literal.number(f"{abs(Decimal(repr(value))):f}")
        return exp.Neg(this=number) if value < 0 else number
    if not isinstance(value, str):
        raise SqlError(f"`:{name}` must be text, a number, true or false")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise SqlError(f"`:{name}` holds control characters")
    text = exp.Literal.string(value)
    return exp.cast(text, _CASTS[kind]) if kind in _CASTS else text
