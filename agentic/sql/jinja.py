"""Jinja SQL made parseable without moving a character.

Every tag is masked by text of the same length (an expression by a made-up name, everything else by
blanks), so that a position in the masked text is the same position in the raw text. An `if` offers
one branch at a time: `variants` gives masked texts that between them show every branch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise

import msgspec

_OPEN = re.compile(r"\{[{%#]")
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_KEYWORD = re.compile(r"\w+")
_CALL = re.compile(r"\s*(?:builtins\.)?(ref|source)\s*\((.*)\)\s*\Z", re.DOTALL)
_SET_RELATION = re.compile(r"\s*set\s+(\w+)\s*=\s*(.*)\Z", re.DOTALL)
_SILENT = re.compile(
    r"\s*(?:config|log|print|return|exceptions\.\w+|enable_\w+)\s*\(|.*\bloop\.(?:first|last)\b",
    re.S,
)
_EDGE_OF_LOOP = re.compile(r"\bloop\.(?:first|last)\b")
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_STATEMENT_BEFORE = re.compile(
    r"(?:\A|\bas\s*(?:(?:not\s+)?materialized\s*)?\(|\bunion(?:\s+all)?|;)\s*\Z", re.I
)
_STATEMENT_AFTER = re.compile(r"\s*(?:\Z|\)|\bunion\b|;)", re.I)
_HIDDEN_BLOCKS = ("set", "macro", "call", "docs", "materialization")
_BLOCKS = ("if", "for", "filter", "snapshot", "test", "data_test", *_HIDDEN_BLOCKS)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Tag(msgspec.Struct, frozen=True):
    """One `{{ }}`, `{% %}` or `{# #}` of a raw text."""

    kind: str
    """`{{`, `{%` or `{#`."""
    start: int
    end: int
    """Exclusive."""
    inner: str
    """What stands between the braces, whitespace marks removed."""
    inner_start: int

    @property
    def keyword(self) -> str:
        found = _KEYWORD.match(self.inner.strip())
        return found[0] if found else ""


class Masked(msgspec.Struct, frozen=True):
    """One masked text, and what its placeholders stand for."""

    text: str
    expressions: dict[int, Tag]
    """Placeholders by the position where they start."""
    hidden: tuple[tuple[int, int], ...]
    """Spans of raw SQL that this variant does not show."""


def tags(raw: str) -> list[Tag]:
    """Every Jinja tag of a text in order; what `{% raw %}` protects is text."""
    found: list[Tag] = []
    position = 0
    while (opening := _OPEN.search(raw, position)) is not None:
        start = opening.start()
        end = _end_of(raw, start)
        if end < 0:
            break
        inner_start = start + 2 + (raw[start + 2 : start + 3] in ("-", "+"))
        inner_end = end - 2 - (raw[end - 3 : end - 2] in ("-", "+"))
        tag = Tag(raw[start : start + 2], start, end, raw[inner_start:inner_end], inner_start)
        found.append(tag)
        position = end
        if tag.kind == "{%" and tag.keyword == "raw":
            close = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}").search(raw, end)
            position = close.start() if close else len(raw)
    return found


def _end_of(raw: str, start: int) -> int:
    """Where a tag ends (exclusive), strings and nested braces respected; -1 when it never does."""
    kind = raw[start : start + 2]
    if kind == "{#":
        close = raw.find("#}", start + 2)
        return close + 2 if close >= 0 else -1
    position, depth = start + 2, 0
    while position < len(raw):
        char = raw[position]
        if char in "'\"":
            literal = _STRING.match(raw, position)
            position = literal.end() if literal else position + 1
            continue
        if not depth and raw.startswith("%}" if kind == "{%" else "}}", position):
            return position + 2
        depth += (char == "{") - (char == "}" and depth > 0)
        position += 1
    return -1


def relation_marker(expression: str) -> str | None:
    """`ref('x')`, `ref('p','x')` or `source('a','b')` in one spelling; None for other text."""
    call = _CALL.match(expression)
    if call is None:
        return None
    try:
        tree = ast.parse(f"f({call[2]})", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(tree, ast.Call):
        return None
    parts = [one.value for one in tree.args if isinstance(one, ast.Constant)]
    if len(parts) != len(tree.args) or not all(isinstance(part, str) for part in parts):
        return None
    versions = [ast.unparse(one) for one in tree.keywords]
    return f"{call[1]}({','.join([*(repr(part) for part in parts), *versions])})"


def relation_variables(found: Sequence[Tag]) -> dict[str, str]:
    """Names that `{% set x = ref(..) %}` gives to relations, with their markers."""
    variables: dict[str, str] = {}
    for tag in found:
        match = _SET_RELATION.match(tag.inner) if tag.kind == "{%" else None
        marker = relation_marker(match[2]) if match else None
        if match and marker:
            variables[match[1]] = marker
    return variables


def string_literals(tag: Tag) -> Iterator[tuple[int, str]]:
    """Position (of the first character inside the quotes) and content of a tag's strings."""
    for literal in _STRING.finditer(tag.inner):
        yield tag.inner_start + literal.start() + 1, literal[0][1:-1]


def variants(raw: str) -> list[Masked]:
    """Masked texts that between them show every branch of every `if`, the first branches first."""
    found = tags(raw)
    blocks = _blocks(found)
    most = max((len(block.branches) for block in blocks), default=1)
    masked: dict[str, Masked] = {}
    for number in range(most):
        one = _mask(raw, found, blocks, number)
        masked.setdefault(one.text, one)
    return list(masked.values())


class _Block(msgspec.Struct, frozen=True):
    keyword: str
    branches: tuple[tuple[int, int], ...]
    """Spans of the bodies; an `if` without `else` has an empty last one."""
    silent: int
    """The branch that a separator (`if not loop.last`) leaves; -1 where the block is none."""


def _blocks(found: Sequence[Tag]) -> list[_Block]:
    blocks: list[_Block] = []
    stack: list[list[Tag]] = []
    for tag in found:
        if tag.kind != "{%":
            continue
        word = tag.keyword
        if word in _BLOCKS and not (word == "set" and "=" in _STRING.sub("", tag.inner)):
            stack.append([tag])
        elif word in ("elif", "else") and stack:
            stack[-1].append(tag)
        elif word.startswith("end") and stack and stack[-1][0].keyword == word[3:]:
            blocks.append(_block([*stack.pop(), tag]))
    return blocks


def _block(parts: Sequence[Tag]) -> _Block:
    first = parts[0]
    spans = [(left.end, right.start) for left, right in pairwise(parts)]
    has_else = any(part.keyword == "else" for part in parts)
    if first.keyword == "if" and not has_else:
        spans.append((parts[-1].start, parts[-1].start))
    separator = first.keyword == "if" and _EDGE_OF_LOOP.search(first.inner)
    return _Block(first.keyword, tuple(spans), len(spans) - 1 if separator else -1)


def _mask(raw: str, found: Sequence[Tag], blocks: Sequence[_Block], number: int) -> Masked:
    hidden: list[tuple[int, int]] = []
    for block in blocks:
        if block.keyword in _HIDDEN_BLOCKS:
            hidden += block.branches
        elif len(block.branches) > 1:
            shown = number if number < len(block.branches) else 0
            shown = block.silent if block.silent >= 0 else shown
            hidden += [span for index, span in enumerate(block.branches) if index != shown]
    text = list(raw)
    for start, end in [*hidden, *((tag.start, tag.end) for tag in found)]:
        text[start:end] = [char if char == "\n" else " " for char in text[start:end]]
    expressions: dict[int, Tag] = {}
    for tag in found:
        inside = any(start <= tag.start < end for start, end in hidden)
        if tag.kind == "{{" and not inside and not _SILENT.match(tag.inner):
            text[tag.start : tag.end] = _placeholder(tag.inner, tag.end - tag.start)
            expressions[tag.start] = tag
    result = _as_statements("".join(text), expressions)
    return Masked(result, expressions, tuple(span for span in hidden if span[0] < span[1]))


def _placeholder(inner: str, length: int) -> str:
    """A name of the given length; equal expressions give equal names, as they render equal text."""
    normal = relation_marker(inner) or "".join(inner.split())
    number = int.from_bytes(blake2b(normal.encode(), digest_size=8).digest())
    letters = ""
    while number and len(letters) < min(length - 2, 10):
        number, digit = divmod(number, len(_DIGITS))
        letters += _DIGITS[digit]
    return ("jx" + letters).ljust(length, "z")


def _as_statements(text: str, expressions: dict[int, Tag]) -> str:
    """A placeholder that stands where a whole query must becomes one: `select * from jx...`."""
    for start, tag in expressions.items():
        before = _COMMENTS.sub(lambda m: " " * len(m[0]), text[:start])
        after = _COMMENTS.sub(lambda m: " " * len(m[0]), text[tag.end :])
        if not (_STATEMENT_BEFORE.search(before) and _STATEMENT_AFTER.match(after)):
            continue
        length = tag.end - start
        star = "select * from "
        query = star + text[start : tag.end - len(star)]
        if length < len(star) + 2:
            query = "select 1".ljust(length)
        text = text[:start] + query + text[tag.end :]
    return text
