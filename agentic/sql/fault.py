"""Where raw Jinja SQL stops being SQL, and what it says where it is."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from agentic.exceptions import SqlError
from agentic.sql import jinja
from agentic.sql.parsing import parse
from agentic.sql.reading import read


def fault_at(raw: str, dialect: str) -> int | None:
    """Position of the first character that no parser can take; None where every branch parses.

    The length of the text where the end is missing, or where even its words cannot be told apart.
    """
    for masked in jinja.variants(raw):
        try:
            sqlglot.parse_one(masked.text, dialect=dialect or None)
        except ParseError as error:
            return _position(raw, error)
        except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError):
            return len(raw)
    return None


def _position(raw: str, error: ParseError) -> int:
    first = error.errors[0] if error.errors else {}
    line, last = first.get("line"), first.get("col")
    if not isinstance(line, int) or not isinstance(last, int):
        return len(raw)
    starts = [0, *(at + 1 for at, char in enumerate(raw) if char == "\n")]
    if line > len(starts):
        return len(raw)
    return max(0, min(len(raw), starts[line - 1] + last - len(str(first.get("highlight") or "x"))))


def shown(raw: str) -> str:
    """The text with Jinja and its comments masked, every character where it was: the first branch
    of every `if`."""
    return jinja.variants(raw)[0].text


def spelt_out(raw: str, dialect: str) -> tuple[str, ...] | None:
    """Every branch in one spelling, so that two texts of one meaning are equal; None: no SQL."""
    try:
        trees = [parse(masked.text, dialect) for masked in jinja.variants(raw)]
    except SqlError:
        return None
    return tuple(tree.sql(dialect=dialect or None, comments=False) for tree in trees)


def outputs(raw: str, dialect: str) -> tuple[str, ...] | None:
    """Lower-case names of what the query yields, in order; None where a star hides some."""
    reading = read(raw, dialect)
    if not reading.variants or reading.variants[0].shape.is_open:
        return None
    return tuple(col.name.lower() for col in reading.variants[0].shape.cols)


def listed_outputs(raw: str, dialect: str) -> tuple[str, ...]:
    """The names that are written out in the text, whatever stars stand beside them."""
    reading = read(raw, dialect)
    cols = reading.variants[0].shape.cols if reading.variants else ()
    return tuple(col.name.lower() for col in cols)


def kinds_of(raw: str, dialect: str) -> dict[str, tuple[str, ...]]:
    """What a query is made of, by kind and sorted: `join`, `on`, `filter`, `aggregate`, `group`,
    `distinct`. Two texts that differ in one kind alone changed there. Empty: no SQL."""
    try:
        trees = [parse(masked.text, dialect) for masked in jinja.variants(raw)]
    except SqlError:
        return {}
    found: dict[str, list[str]] = {}
    for tree in trees:
        for node in tree.walk():
            for kind, text in _parts(node, dialect or None):
                found.setdefault(kind, []).append(text)
    return {kind: tuple(sorted(texts)) for kind, texts in found.items()}


def _parts(node: exp.Expr, dialect: str | None) -> list[tuple[str, str]]:
    if isinstance(node, exp.Join):
        kind = " ".join(str(node.args.get(one) or "") for one in ("method", "side", "kind"))
        on = node.args.get("on")
        using = ",".join(one.sql(dialect=dialect) for one in node.args.get("using") or ())
        key = on.sql(dialect=dialect, comments=False) if on is not None else using
        side = kind.upper().replace("OUTER", "").replace("INNER", "").strip()
        return [("join", f"{side} {node.this.sql(dialect=dialect, comments=False)}"), ("on", key)]
    if isinstance(node, exp.Where | exp.Having | exp.Qualify):
        return [("filter", node.sql(dialect=dialect, comments=False))]
    if isinstance(node, exp.Limit | exp.Offset):
        return [("filter", node.sql(dialect=dialect, comments=False))]
    if isinstance(node, exp.AggFunc):
        return [("aggregate", node.sql(dialect=dialect, comments=False))]
    if isinstance(node, exp.Group):
        return [("group", node.sql(dialect=dialect, comments=False))]
    if isinstance(node, exp.Distinct):
        return [("distinct", node.sql(dialect=dialect, comments=False))]
    return []


def text_sql(value: str, dialect: str) -> str:
    """A text as a quoted literal of the dialect, whatever it contains."""
    return exp.Literal.string(value).sql(dialect=dialect or None)
