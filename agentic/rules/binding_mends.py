"""Repairs of SQL that parses and names what is not there: pure text, one file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from agentic.rules.likeness import edit_distance, nearest
from agentic.rules.mends import KEYWORDS, Mend, Token, tokens
from agentic.sql.fault import fault_at, shown

_AGGREGATES = (
    "sum", "count", "min", "max", "avg", "any_value", "array_agg", "string_agg", "median", "stddev",
    "listagg", "bool_or", "bool_and", "first", "last", "mode", "approx_count_distinct",
)  # fmt: skip
_CONSTANT = re.compile(r"'[^']*'|[\d.]+|null", re.IGNORECASE)
_LISTED = ("using", "exclude", "except", "replace", "rename")
"""Words before a bracketed list of names that take no alias."""
_ENDS = ("group", "having", "order", "limit", "union", "qualify", "window", "except", "intersect")


class Query(msgspec.Struct, frozen=True):
    """One select of a text by its tokens: the list, then everything up to its end."""

    head: int
    """Index of `select`."""
    frm: int
    """Index of its `from`; the end where it has none."""
    end: int
    """Index after its last token."""


def words_named(code: str, name: str) -> list[Token]:
    """Where a name stands in the SQL itself, outside of strings and Jinja."""
    found = [t for t in tokens(shown(code)) if t.low == name.lower() and t.kind == "word"]
    return [t for t in found if code[t.start : t.end] == t.text]


def renamed(code: str, wrong: str, right: str, *, table: str = "") -> str:
    """The text with a misspelt name corrected; `table`: only where that alias stands before it."""
    result, at = [], 0
    for token in words_named(code, wrong):
        prefix = code[: token.start].rstrip()
        bare = not prefix.endswith(".")
        ours = prefix.lower().endswith(f"{table.lower()}.") if table else True
        if ours or (table and bare):
            result += [code[at : token.start], right]
            at = token.end
    return "".join([*result, code[at:]])


def names_in(code: str) -> set[str]:
    """Every word of the SQL that is no keyword and no placeholder."""
    found = tokens(shown(code))
    return {t.text for t in found if t.kind == "word" and code[t.start : t.end] == t.text}


def meant(wrong: str, known: Iterable[str], hints: Iterable[str] = ()) -> str | None:
    """The name that a misspelt one stands for: the nearest alone, the warehouse's hint if near."""
    options = {one for one in known if one.lower() != wrong.lower() and one.lower() not in KEYWORDS}
    for hint in hints:
        if edit_distance(wrong, hint) <= max(1, len(wrong) // 3):
            near = nearest(wrong, options | {hint})
            return hint if near in (None, hint) else None
    return nearest(wrong, options)


def queries(stream: list[Token]) -> list[Query]:
    """Every select of a text, the inner ones too, in the order of their heads."""
    found = []
    for number, token in enumerate(stream):
        if token.low != "select":
            continue
        depth, frm, end = 0, -1, len(stream)
        for index in range(number + 1, len(stream)):
            depth += (stream[index].text == "(") - (stream[index].text == ")")
            if depth < 0 or (depth == 0 and stream[index].low in ("union", "except", "intersect")):
                if depth < 0 or stream[index - 1].text not in ("*", "(", ","):
                    end = index
                    break
            elif depth == 0 and stream[index].low == "from" and frm < 0:
                frm = index
        found.append(Query(number, frm if frm >= 0 else end, end))
    return found


def items(stream: list[Token], query: Query) -> list[list[Token]]:
    """The select list, item by item."""
    found: list[list[Token]] = [[]]
    depth = 0
    first = query.head + 1 + (stream[query.head + 1].low == "distinct")
    for token in stream[first : query.frm]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text == ",":
            found.append([])
        else:
            found[-1].append(token)
    return [one for one in found if one]


def is_aggregate(item: list[Token]) -> bool:
    """True for an item that sums rows up; a window function does not."""
    for left, right in pairwise(item):
        if left.low in _AGGREGATES and right.text == "(":
            return "over" not in {one.low for one in item}
    return False


def grouped(code: str, dialect: str, column: str = "") -> list[Mend]:
    """The select that aggregates gets the `group by` that it lacks, or the column that it lacks."""
    stream = tokens(shown(code))
    found = []
    for query in queries(stream):
        listed = items(stream, query)
        if not any(is_aggregate(one) for one in listed):
            continue
        plain = [_expression(code, one) for one in listed if not is_aggregate(one)]
        plain = [
            one for one in plain if one and not re.fullmatch(r"'[^']*'|[\d.]+|null", one, re.I)
        ]
        if not plain or any(one.endswith("*") for one in plain):
            continue
        text = _with_group(code, stream, query, plain, column)
        if text and fault_at(text, dialect) is None:
            found.append(Mend(text, "", f"group by {', '.join(plain)}"[:90], 10))
    return found


def _expression(code: str, item: list[Token]) -> str:
    """An item without its alias, as written."""
    last = len(item)
    for number, token in enumerate(item):
        if token.low == "as" and number and _depth(item[:number]) == 0:
            last = number
            break
    return code[item[0].start : item[last - 1].end]


def _depth(stream: list[Token]) -> int:
    return sum((t.text == "(") - (t.text == ")") for t in stream)


def _with_group(
    code: str, stream: list[Token], query: Query, plain: list[str], column: str
) -> str | None:
    place = query.end
    for index in range(query.frm, query.end):
        if _depth(stream[query.frm : index]) == 0 and stream[index].low in _ENDS:
            place = index
            break
    if place < query.end and stream[place].low == "group":
        return _with_column(code, stream, query, place, plain, column)
    last = stream[place - 1]
    frm = stream[query.frm].start
    start = code.rfind("\n", 0, frm) + 1
    indent = code[start:frm] if not code[start:frm].strip() else ""
    newline = "\r\n" if "\r\n" in code else "\n"
    lead = f"{newline}{indent}" if start else " "
    return f"{code[: last.end]}{lead}group by {', '.join(plain)}{code[last.end :]}"


def _with_column(
    code: str, stream: list[Token], query: Query, group: int, plain: list[str], column: str
) -> str | None:
    """`group by a` becomes `group by a, b` where b is selected and not grouped."""
    stop = next(
        (n for n in range(group + 2, query.end) if stream[n].low in _ENDS and n > group + 1),
        query.end,
    )
    if stop <= group + 2:
        return None
    written = code[stream[group + 2].start : stream[stop - 1].end]
    if re.fullmatch(r"[\d,\s]+", written):
        count = len(written.split(","))
        added = ", ".join(str(number) for number in range(count + 1, len(plain) + 1))
    else:
        have = {" ".join(one.split()).lower() for one in written.split(",")}
        short = {one.rsplit(".", 1)[-1] for one in have}
        lacks = [p for p in plain if p.lower() not in have and p.lower() not in short]
        named = [p for p in lacks if column and p.lower().rsplit(".", 1)[-1] == column.lower()]
        added = ", ".join(named or lacks)
    at = stream[stop - 1].end
    return f"{code[:at]}, {added}{code[at:]}" if added else None


def qualified(code: str, dialect: str, column: str, aliases: Iterable[str] = ()) -> list[Mend]:
    """A bare name that two relations have gets the alias of the one that the query starts from."""
    stream = tokens(shown(code))
    found = []
    wanted = {one.lower() for one in aliases}
    for query in queries(stream):
        inner = [q for q in queries(stream) if query.head < q.head < query.end]
        own = [
            n for n in range(query.head, query.end) if not any(q.head <= n < q.end for q in inner)
        ]
        joins = [n for n in own if stream[n].low == "join"]
        alias = _alias(stream, query.frm)
        if not joins or not alias or (wanted and alias.lower() not in wanted):
            continue
        edits = [stream[n] for n in own if _is_bare(stream, n, column) and not _in_list(stream, n)]
        text, at = "", 0
        for token in edits:
            text += f"{code[at : token.start]}{alias}."
            at = token.start
        text += code[at:]
        if edits and fault_at(text, dialect) is None:
            found.append(Mend(text, column, f"say {alias}.{column}", 10))
    return found


def _alias(stream: list[Token], frm: int) -> str:
    """What the first relation after `from` is called; empty for a query in brackets."""
    rest = stream[frm + 1 : frm + 8]
    if not rest or rest[0].kind != "word":
        return ""
    number = 0
    while number + 2 < len(rest) and rest[number + 1].text == ".":
        number += 2
    following = rest[number + 1 :]
    if following and following[0].low == "as" and len(following) > 1:
        return following[1].text
    if following and following[0].kind == "word" and following[0].low not in KEYWORDS:
        return following[0].text
    name = rest[number].text
    return "" if name.startswith("jx") else name


def _is_bare(stream: list[Token], number: int, column: str) -> bool:
    token = stream[number]
    if token.low != column.lower() or token.kind != "word":
        return False
    before = stream[number - 1] if number else None
    after = stream[number + 1] if number + 1 < len(stream) else None
    named = before is not None and (before.text == "." or before.low == "as")
    return not named and not (after is not None and after.text in (".", "("))


def _in_list(stream: list[Token], number: int) -> bool:
    for index in range(number - 1, max(0, number - 12), -1):
        if stream[index].text == ")":
            return False
        if stream[index].text == "(":
            return stream[index - 1].low in _LISTED
    return False
