"""Every small repair that makes a text's Jinja parse again: a brace, a quote, a tag's name, an end.

Pure text; a repair is kept when Jinja takes the whole file, whatever tags dbt adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError

from agentic.rules.likeness import edit_distance
from agentic.rules.mends import Mend

_DBT_OPEN = re.compile(r"(\{%-?\s*)(?:snapshot|test|data_test|materialization|docs)\b[^%]*?(-?%\})")
_DBT_CLOSE = re.compile(r"(\{%-?\s*)end(?:snapshot|test|data_test|materialization|docs)\b")
_RETURNS = re.compile(r"(\{%-?\s*)do\b")
_TAG = re.compile(r"\{%[-+]?\s*(?P<word>\w+)[^\n]*?%\}")
_BLOCKS = ("if", "for", "macro", "set", "call", "filter", "snapshot", "test", "raw", "block")
_WORDS = (*_BLOCKS, *(f"end{one}" for one in _BLOCKS), "else", "elif", "do")
_ENVIRONMENT = Environment(autoescape=True, extensions=["jinja2.ext.do"])  # only parses


def jinja_fault(text: str) -> str:
    """What Jinja says of a text; empty when it takes it."""
    plain = _DBT_CLOSE.sub(r"\1endif ", _DBT_OPEN.sub(r"\1if dbt \2", text))
    try:
        _ENVIRONMENT.parse(plain)
    except TemplateError as error:
        return str(error.message or error)
    return ""


def jinja_mends(text: str) -> list[Mend]:
    """The repairs of a broken text, the likeliest first; empty for a text that Jinja takes."""
    if not jinja_fault(text):
        return []
    found: dict[str, Mend] = {}
    for one in _candidates(text):
        if one.text not in found and not jinja_fault(one.text):
            found[one.text] = one
    return sorted(found.values(), key=lambda one: one.cost)


def _candidates(text: str) -> Iterator[Mend]:
    start = 0
    for line in text.splitlines(keepends=True):
        if "{" in line or "}" in line:
            for old, new, why, cost in _line_mends(line):
                yield Mend(text[:start] + new + text[start + len(line) :], old, why, cost)
        start += len(line)
    yield from _ends(text)


def _line_mends(line: str) -> Iterator[tuple[str, str, str, int]]:
    yield from _braces(line)
    yield from _inside(line)
    for hit in _TAG.finditer(line):
        word = hit["word"]
        for meant in _WORDS if word not in _WORDS else ():
            off = edit_distance(word, meant)
            if off <= 2:
                at = hit.start("word")
                new = line[:at] + meant + line[at + len(word) :]
                yield word, new, f"write {meant} for {word}", 10 * off


def _braces(line: str) -> Iterator[tuple[str, str, str, int]]:
    for pattern, right, why in (
        (r"(?<!\})\}(?!\})", "}}", "close the expression with both braces"),
        (r"(?<!\{)\{(?![{%#])", "{{", "open the expression with both braces"),
        (r"(?<![%\}#])\}\}?", "%}", "close the tag with its own mark"),
        (r"%\}", "}}", "close the expression with its own braces"),
        (r"(?<!\{)%\}", "%}", "close the tag"),
    ):
        for hit in re.finditer(pattern, line):
            new = line[: hit.start()] + right + line[hit.end() :]
            yield hit[0], new, why, 5 if pattern.startswith(r"(?<!") else 12
    for opened, closed in (("{{", "}}"), ("{%", "%}")):
        if line.count(opened) > line.count(closed):
            body = line.rstrip()
            call = re.search(rf"{re.escape(opened)}[^{{}}]*\)", line)
            for end, cost in ((call.end() if call else 0, 6), (len(body), 9)):
                if end:
                    new = f"{line[:end]} {closed}{line[end:]}"
                    yield "", new, f"close the tag with {closed}", cost


def _inside(line: str) -> Iterator[tuple[str, str, str, int]]:
    """A quote or a bracket that is missing inside of a tag."""
    for hit in re.finditer(r"(['\"])([\w.]+)(?=\s*[),\]])", line):
        yield "", line[: hit.end()] + hit[1] + line[hit.end() :], f"close the quote of {hit[2]}", 6
    for hit in re.finditer(r"(?<=[(,\[ ])([\w.]+)(['\"])", line):
        new = line[: hit.start()] + hit[2] + line[hit.start() :]
        yield "", new, f"open the quote of {hit[1]}", 7
    for hit in re.finditer(r"(?<=[\w'\")\]])(?=\s*(?:-?%\}|\}\}))", line):
        yield "", line[: hit.start()] + ")" + line[hit.start() :], "close the call", 8
        yield "", line[: hit.start()] + "]" + line[hit.start() :], "close the list", 9
    for hit in re.finditer(r"\)(?=\s*\)?\s*(?:-?%\}|\}\}))", line):
        new = line[: hit.start()] + line[hit.end() :]
        yield ")", new, "drop the bracket too many", 9


def _ends(text: str) -> Iterator[Mend]:
    """A block without its end, or an end without its block."""
    for hit in re.finditer(r"^[ \t]*\{%-?\s*end\w+\s*-?%\}[ \t]*\r?\n?", text, re.MULTILINE):
        yield Mend(
            text[: hit.start()] + text[hit.end() :], hit[0].strip(), "drop the end too many", 14
        )
    newline = "\r\n" if "\r\n" in text else "\n"
    opened: list[re.Match[str]] = []
    for hit in _TAG.finditer(text):
        word = hit["word"]
        if word in _BLOCKS and not (word == "set" and "=" in hit[0]):
            opened.append(hit)
        elif word.startswith("end") and opened and opened[-1]["word"] == word[3:]:
            opened.pop()
    for one in opened:
        line_start = text.rfind("\n", 0, one.start()) + 1
        indent = re.match(r"[ \t]*", text[line_start:])
        tag = f"{indent[0] if indent else ''}{{% end{one['word']} %}}"
        for end, cost in _paragraphs(text, one.end()):
            glue = "" if end and text[end - 1] == "\n" else newline
            tail = newline if end < len(text) or text.endswith("\n") else ""
            new = text[:end] + glue + tag + tail + text[end:]
            yield Mend(new, "", f"end the {one['word']}", cost)


def _paragraphs(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Ends of the paragraphs after a position: the first is the likeliest end of a block."""
    for number, hit in enumerate(re.finditer(r"\n(?=[ \t]*\r?\n)|\Z", text[start:])):
        yield start + hit.end(), 10 + 4 * number
        if number > 3:
            return
