"""A unit test asked of the warehouse: which one-word change of a query gives its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agentic.rules.asking import Shape, ask, shapes_of
from agentic.rules.case import Case, Steps
from agentic.rules.likeness import edit_distance
from agentic.rules.mends import KEYWORDS, Mend, Token, tokens
from agentic.sql import jinja, quote
from agentic.sql.fault import fault_at, shown, text_sql

_AGGREGATES = ("sum", "max", "min", "avg", "count")
_COMPARED = ("=", "<>", ">", "<", ">=", "<=")
_SIGNS = {"+": "-", "-": "+", "*": "/", "/": "*"}
_INPUT = re.compile(r"(?:ref|source)\(\s*(?P<names>[^)]*)\)")
_CALL = re.compile(r"\{\{\s*((?:ref|source)\([^)]*\))\s*\}\}")
_MOST = 40
_ASKED = 5
"""Statements for one unit test; what they leave open counts as not fitting."""


def one_word_repair(case: Case, unit: Any, code: str) -> Steps[Mend | None]:
    """The one change of a word with which the query gives the rows that the unit test expects.

    None: more than one change does, or none, or the query as it stands already does, or it holds
    Jinja that only dbt can fill in.
    """
    given = yield from _given(case, unit)
    expected = (unit.expect or {}).get("rows")
    if given is None or not isinstance(expected, list) or not expected:
        return None
    made = [Mend(code, "", "", 0), *variants(code, unit, case.dialect)][:_MOST]
    names = list(expected[0])
    right = sorted(_row([row.get(name) for name in names]) for row in expected)
    queries = [_query(one.text, given, names, case.dialect) for one in made]
    if None in queries:
        return None
    rows = yield from _answers([str(one) for one in queries])
    fitting = [n for n in range(len(made)) if sorted(rows.get(n, ())) == right]
    return made[fitting[0]] if len(fitting) == 1 and fitting[0] else None


def _answers(queries: list[str]) -> Steps[dict[int, list[tuple[str, ...]]]]:
    """The rows of each query that the warehouse takes; a few statements for all of them."""
    rows: dict[int, list[tuple[str, ...]]] = {}
    waiting = [list(range(len(queries)))]
    for _ in range(_ASKED):
        if not waiting:
            break
        numbers = waiting.pop(0)
        parts = [
            f"select {n} as k, c.* from ({queries[n]}) as c"  # noqa: S608 -- quoted where made
            for n in numbers
        ]
        result = yield from ask("run_sql", sql="\nunion all\n".join(parts), max_rows=500)
        if result.is_error or not isinstance(result.content, dict):
            # One of them is no query: the halves are asked on their own.
            half = len(numbers) // 2
            waiting += [numbers[:half], numbers[half:]] if half else []
            continue
        for number, *values in result.content.get("rows", []):
            rows.setdefault(int(number), []).append(_row(values))
    return rows


def variants(code: str, unit: Any, dialect: str) -> list[Mend]:
    """The query with one word changed: an aggregate, a comparison, a sign, a join, a text."""
    stream = tokens(shown(code))
    found: dict[str, Mend] = {}
    for number, token in enumerate(stream):
        if code[token.start : token.end] != token.text:
            continue
        for new in _others(stream, number, unit, dialect):
            text = code[: token.start] + new + code[token.end :]
            if text not in found and fault_at(text, dialect) is None:
                found[text] = Mend(text, token.text, f"write {new} for {token.text}", 10)
    return list(found.values())


def _others(stream: Sequence[Token], number: int, unit: Any, dialect: str) -> Iterator[str]:
    token = stream[number]
    after = stream[number + 1].text if number + 1 < len(stream) else ""
    before = stream[number - 1] if number else None
    every = number + 2 < len(stream) and stream[number + 2].text == "*"
    if token.low in _AGGREGATES and after == "(" and not every:
        yield from (one for one in _AGGREGATES[:4] if one != token.low)
    elif token.text in _COMPARED or token.text == "!=":
        yield from (one for one in _COMPARED if one != token.text)
    elif token.text in _SIGNS and before is not None and _computes(before, after):
        yield _SIGNS[token.text]
    elif token.low in ("left", "inner") and after.lower() == "join":
        yield "inner" if token.low == "left" else "left"
    elif token.kind == "string" and token.text.startswith("'"):
        for value in sorted(_texts(unit)):
            near = edit_distance(value, token.text[1:-1])
            if 0 < near <= 3:
                yield text_sql(value, dialect)


def _computes(before: Token, after: str) -> bool:
    """A sign between two values; the star of a select list or of a count is none."""
    value = before.text == ")" or (before.kind == "word" and before.low not in KEYWORDS)
    return value and after not in ("", ")", ",") and after.lower() not in KEYWORDS


def _texts(unit: Any) -> set[str]:
    rows = [row for one in unit.given for row in one.get("rows") or [] if isinstance(row, dict)]
    return {value for row in rows for value in row.values() if isinstance(value, str)}


def _given(case: Case, unit: Any) -> Steps[dict[str, str] | None]:
    """Each input's rows as a query, by its Jinja without blanks."""
    inputs: dict[str, list[dict[str, Any]]] = {}
    nodes: dict[str, str] = {}
    for one in unit.given:
        rows, name = one.get("rows"), str(one.get("input") or "")
        hit = _INPUT.search(name)
        if not hit or not isinstance(rows, list) or one.get("format") not in (None, "dict"):
            return None
        last = hit["names"].split(",")[-1].strip(" '\"")
        key = _key(name)
        inputs[key] = rows
        known = [u for u in unit.depends_on_nodes if u.rsplit(".", 1)[-1] == last]
        known += [u for u in case.graph.parents(unit.tested) if u.rsplit(".", 1)[-1] == last]
        if not known:
            return None
        nodes[key] = known[0]
    shapes = yield from shapes_of(list(nodes.values()))
    if any(uid not in shapes or not shapes[uid].exists for uid in nodes.values()):
        return None
    return {k: _rows_sql(rows, shapes[nodes[k]], case.dialect) for k, rows in inputs.items()}


def _key(text: str) -> str:
    return re.sub(r"\s", "", text).replace('"', "'")


def _rows_sql(rows: list[dict[str, Any]], shape: Shape, dialect: str) -> str:
    selects = []
    for row in rows or [{}]:
        low = {str(name).lower(): value for name, value in row.items()}
        cells = [
            f"cast({_literal(low.get(key), dialect)} as {one.type}) as {quote(one.name, dialect)}"
            for key, one in shape.columns.items()
        ]
        selects.append(f"select {', '.join(cells)}")
    return "\nunion all\n".join(selects)


def _literal(value: Any, dialect: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return text_sql(str(value), dialect)


def _query(code: str, given: dict[str, str], names: list[str], dialect: str) -> str | None:
    """The query over the given rows; None where it holds other Jinja."""
    filled = _CALL.sub(lambda hit: f"({given.get(_key(hit[1]), '{{')})", _without_config(code))
    if "{{" in filled or "{%" in filled:
        return None
    columns = ", ".join(quote(name, dialect) for name in names)
    return f"select {columns} from ({filled.strip().rstrip(';')}\n) as q"  # noqa: S608 -- quoted


def _without_config(code: str) -> str:
    for tag in reversed(jinja.tags(code)):
        if tag.kind in ("{#", "{{") and (tag.kind == "{#" or tag.keyword == "config"):
            code = code[: tag.start] + code[tag.end :]
    return code


def _row(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_cell(value) for value in values)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    text = str(value).strip()
    try:
        return f"{float(text):.9g}"
    except ValueError:
        return text.lower().removesuffix(" 00:00:00")
