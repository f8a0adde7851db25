"""Every small repair that makes an SQL text parse again: one comma, bracket, quote or keyword.

Pure text: candidates are made near the place where parsing stops, and those that parse are kept.
Two that come to the same query count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from agentic.rules.likeness import edit_distance
from agentic.sql.fault import fault_at, shown, spelt_out

KEYWORDS = (
    "select", "from", "where", "group", "order", "having", "join", "left", "inner", "union",
    "with", "distinct", "case", "when", "then", "else", "end", "between", "and", "limit", "over",
    "partition", "values", "cross", "right", "full", "outer", "using", "by", "as", "on", "or",
    "not", "null", "is", "in", "like", "interval", "qualify", "exists", "all", "asc", "desc",
)  # fmt: skip
_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*|/\*.*?\*/)|(?P<string>'(?:[^']|'')*'|\"[^\"]*\")"
    r"|(?P<word>\w+)|(?P<mark>::|<=|>=|<>|!=|\|\||.)",
    re.DOTALL,
)
_BEFORE, _AFTER = 14, 3
"""Tokens on both sides of the fault that a repair may lie between."""
_STOPS = {"from", "where", "group", "order", "having", "union", "limit", "qualify", "select"}
TRIED = 120


class Mend(msgspec.Struct, frozen=True):
    """One repair."""

    text: str
    """The whole file."""
    wrong: str
    """What stood there; empty where something was missing."""
    why: str
    """In the imperative: `write select for selct`."""
    cost: int
    """The lower the likelier."""


class Token(msgspec.Struct, frozen=True):
    """A word, string or mark of the masked text."""

    text: str
    start: int
    end: int
    kind: str

    @property
    def low(self) -> str:
        return self.text.lower()


def tokens(masked: str) -> list[Token]:
    """The tokens of a masked text, whitespace and comments left out."""
    found = []
    for hit in _TOKEN.finditer(masked):
        kind = str(hit.lastgroup)
        if kind != "skip":
            found.append(Token(hit[0], hit.start(), hit.end(), kind))
    return found


def mends(code: str, dialect: str, *, word: str = "") -> list[Mend]:
    """The repairs that parse, the likeliest first; equal queries once. `word`: where the warehouse
    stumbled, for texts that only it refuses."""
    seen = shown(code)
    stream = tokens(seen)
    at = fault_at(code, dialect)
    places = [at] if at is not None else _places(stream, word)
    broken = spelt_out(code, dialect)
    found: dict[object, Mend] = {}
    for place in places[:3]:
        made = sorted(candidates(code, stream, place), key=lambda one: one.cost)
        for one in made[:TRIED]:
            if one.text == code or fault_at(one.text, dialect) is not None:
                continue
            # What the parser forgives and the warehouse does not, is one query in both texts.
            key: object = spelt_out(one.text, dialect)
            key = one.text if key == broken else key
            if key not in found or one.cost < found[key].cost:
                found[key] = one
    return sorted(found.values(), key=lambda one: one.cost)


def _places(stream: list[Token], word: str) -> list[int]:
    return [one.start for one in stream if word and one.low == word.lower()]


def candidates(code: str, stream: list[Token], at: int) -> Iterator[Mend]:
    """Every repair near a place, parsing or not."""
    here = next((n for n, one in enumerate(stream) if one.end > at), len(stream))
    near = range(max(0, here - _BEFORE), min(len(stream), here + _AFTER + 1))
    for number in near:
        distance = abs(here - number)
        yield from _keywords(code, stream, number, distance)
        yield from _commas(code, stream, number, distance)
        yield from _words(code, stream, number, distance)
    yield from _brackets(code, stream, here)
    yield from _quotes(code, at)
    yield from _ends(code, stream, here)
    if stream and stream[-1].text == ";":
        yield _cut(code, stream[-1], "drop the semicolon at the end", 1)


def _put(code: str, at: int, text: str, why: str, cost: int) -> Mend:
    return Mend(code[:at] + text + code[at:], "", why, cost)


def _cut(code: str, token: Token, why: str, cost: int) -> Mend:
    return Mend(code[: token.start] + code[token.end :], token.text, why, cost)


def _keywords(code: str, stream: list[Token], number: int, distance: int) -> Iterator[Mend]:
    token = stream[number]
    if token.kind != "word" or len(token.text) < 2 or token.low in KEYWORDS:
        return
    if code[token.start : token.end] != token.text:  # a placeholder for Jinja
        return
    allowed = 1 if len(token.text) < 5 else 2
    for meant in KEYWORDS:
        off = edit_distance(token.low, meant)
        if off <= allowed and len(meant) > 2 - (len(token.text) < 3):
            spelt = meant.upper() if token.text.isupper() else meant
            text = code[: token.start] + spelt + code[token.end :]
            cost = 10 * off + distance
            yield Mend(text, token.text, f"write {meant} for {token.text}", cost)


def _commas(code: str, stream: list[Token], number: int, distance: int) -> Iterator[Mend]:
    token = stream[number]
    after = stream[number + 1] if number + 1 < len(stream) else None
    if token.text == ",":
        ends = after is None or after.text in (")", ",") or after.low in _STOPS
        if ends:
            name = after.text if after is not None else "the end"
            yield _cut(code, token, f"drop the comma before {name}", 5 + distance)
        return
    if after is None or token.text in "(.,+-*/=<>|" or after.text in "),.;":
        return
    if "\n" in code[token.end : after.start] and after.kind != "mark":
        yield _put(code, token.end, ",", f"put a comma after {token.text}", 12 + distance)
    elif after.low in KEYWORDS or token.low in KEYWORDS:
        return
    elif after.kind == "word" and token.kind == "word":
        yield _put(code, token.end, ",", f"put a comma after {token.text}", 25 + distance)


def _words(code: str, stream: list[Token], number: int, distance: int) -> Iterator[Mend]:
    """Words that were left out: `on` of a join, `by`, `as (` of a query with a name."""
    token = stream[number]
    before = stream[number - 1].low if number else ""
    if before in ("group", "order", "partition") and token.low != "by":
        yield _put(code, token.start, "by ", f"write {before} by", 8 + distance)
    joined = any(one.low == "join" for one in stream[max(0, number - 4) : number])
    if joined and token.kind == "word" and token.low not in KEYWORDS:
        yield _put(code, token.start, "on ", f"put on before {token.text}", 18 + distance)
    if token.text == "(" and before not in KEYWORDS and number:
        yield _put(code, token.start, "as ", "put as before the query", 20 + distance)
    doubled = token.low == before and (token.text in ("=", ")", "(") or token.low in KEYWORDS)
    if doubled:
        yield _cut(code, token, f"drop the second {token.text}", 9 + distance)


def _brackets(code: str, stream: list[Token], here: int) -> Iterator[Mend]:
    """One bracket too few or too many; the file's own balance says which."""
    balance = sum((one.text == "(") - (one.text == ")") for one in stream)
    first = max(0, here - 60)
    for number in range(first, min(len(stream), here + 2)):
        token = stream[number]
        distance = abs(here - number)
        if balance < 0 and token.text == ")":
            yield _cut(code, token, "drop the bracket too many", 10 + distance)
        if balance > 0 and token.text == "(":
            yield _cut(code, token, "drop the bracket too many", 30 + distance)
        before = stream[number - 1] if number else None
        if balance > 0 and before is not None and before.text not in "(,.":
            yield from _closings(code, before, token, distance)
    if balance > 0 and stream:
        yield _put(code, stream[-1].end, ")", "close the bracket at the end", 30)


def _closings(code: str, before: Token, token: Token, distance: int) -> Iterator[Mend]:
    """A bracket closed between two tokens: before an alias, a comma, or on a line of its own."""
    between = code[before.end : token.start]
    if token.low == "as":
        yield _put(code, before.end, ")", f"close the bracket before {token.text}", 10 + distance)
    elif token.text == "," and between.count("\n") > 1:
        # `select ... \n\n,` : the query above ends here.
        yield _put(code, token.start, ")", "close the query's bracket", 11 + distance)
    elif token.text == ",":
        yield _put(code, before.end, ")", "close the bracket before the comma", 14 + distance)
    elif "\n" in between:
        gap = 24 if token.low in ("select", "from") else 18
        yield _put(code, before.end, ")", f"close the bracket after {before.text}", gap + distance)


def _quotes(code: str, at: int) -> Iterator[Mend]:
    """A string without its end: closed after the word that it opens."""
    if at < len(code):
        return
    for line in re.finditer(r"[^\n]*", shown(code)):
        text = line[0].split("--")[0]
        for quote in ("'", '"'):
            if text.count(quote) % 2 == 0:
                continue
            start = line.start() + text.rfind(quote)
            word = re.compile(r"['\"][\w .%-]*\w").match(code, start)
            if word:
                why = f"close the quote after {word[0][1:]}"
                first = re.compile(r"['\"][\w.%-]*\w").match(code, start)
                if first:
                    yield _put(code, first.end(), quote, f"close the quote after {first[0][1:]}", 8)
                yield _put(code, word.end(), quote, why, 9)
            opener = re.compile(r"\w[\w.%-]*$").search(code, line.start(), start)
            if opener:
                yield _put(code, opener.start(), quote, f"open the quote at {opener[0]}", 12)


def _ends(code: str, stream: list[Token], here: int) -> Iterator[Mend]:
    """A case without its end."""
    cases = sum((one.low == "case") - (one.low == "end") for one in stream)
    if cases <= 0:
        return
    opened = [one for one in stream[:here] if one.low == "case"][-3:]
    for number in range(max(1, here - 12), min(len(stream), here + 4)):
        before, token = stream[number - 1], stream[number]
        if not (token.low == "as" or token.text in "),") or before.low in KEYWORDS:
            continue
        own = "\n" in code[before.end : token.start] and opened
        indent = " " * _column(code, opened[-1].start) if own else ""
        text = f"\n{indent}end" if own else " end"
        yield _put(code, before.end, text, "end the case", 12 + abs(here - number))


def _column(code: str, at: int) -> int:
    return at - (code.rfind("\n", 0, at) + 1)
