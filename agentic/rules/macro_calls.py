"""Calls of a macro inside Jinja, with the places of their name and arguments."""

from __future__ import annotations

import ast
import re

import msgspec

from agentic.sql import jinja


class MacroCall(msgspec.Struct, frozen=True):
    """Positions in the raw text."""

    start: int
    """Of the package's name, or the macro's where it has none."""
    opened: int
    """Of the bracket."""
    closed: int
    """Of the bracket that closes the call."""


def calls_of(text: str, name: str, package: str = "") -> list[MacroCall]:
    """Every call of a macro, in order; what a comment holds is none."""
    prefix = rf"{re.escape(package)}\s*\.\s*" if package else r"(?<![\w.])"
    pattern = re.compile(rf"{prefix}{re.escape(name)}\s*\(")
    found = []
    for tag in jinja.tags(text):
        for hit in pattern.finditer(tag.inner) if tag.kind != "{#" else ():
            opened = tag.inner_start + hit.end() - 1
            closed = _closing(text, opened, tag.end)
            if closed > 0:
                found.append(MacroCall(tag.inner_start + hit.start(), opened, closed))
    return found


def _closing(text: str, opened: int, end: int) -> int:
    depth, position, quote = 0, opened, ""
    while position < end:
        char = text[position]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if not depth:
                return position
        position += 1
    return -1


def with_name(text: str, call: MacroCall, name: str) -> str:
    """The text with another macro called; the arguments stay."""
    return text[: call.start] + name + text[call.opened :]


def with_list(text: str, call: MacroCall, *, text_moved: str, package: str) -> str:
    """The arguments of a call, whose name was written anew, as one list; a list stays one."""
    shift = len(text_moved) if "." in text_moved else len(f"{package}.{text_moved}")
    opened = call.start + shift
    closed = opened + (call.closed - call.opened)
    inner = text[opened + 1 : closed]
    if len(_arguments(inner)) <= 1 and inner.strip().startswith("["):
        return text
    if not inner.strip() or (len(_arguments(inner)) == 1 and not _is_text(inner)):
        return text
    return f"{text[: opened + 1]}[{inner}]{text[closed:]}"


def _arguments(inner: str) -> list[ast.expr]:
    try:
        tree = ast.parse(f"f({inner.strip()})", mode="eval").body
    except SyntaxError:
        return []
    return list(tree.args) if isinstance(tree, ast.Call) else []


def _is_text(inner: str) -> bool:
    return inner.strip()[:1] in "'\""
