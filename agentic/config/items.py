"""Items of guardrails.yml: dbt selections, and relation:, column: and path: for the rest."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

ItemKind = Literal["selection", "relation", "column", "path"]
_PART = r"[^\s.:,+@/\\\"']+"


class Item(msgspec.Struct, frozen=True):
    """One item, taken apart."""

    text: str
    """As written."""
    kind: ItemKind
    value: str
    """The pattern after the prefix; the whole text for a selection."""


def parse_item(text: str) -> Item:
    """An item by its kind. Raises ValueError that says what is wrong with it."""
    text = text.strip()
    method, _, value = text.partition(":")
    if not text:
        raise ValueError("an item is empty")
    if method == "relation":
        _match(value, (2, 3), "relation:schema.table")
        return Item(text, "relation", value)
    if method == "column":
        _match(value, (3, 4), "column:schema.table.column")
        return Item(text, "column", value)
    if method == "path" and not re.search(r"[\s,+@]", value):
        return Item(text, "path", _folder(value))
    if re.search(r"(^|[\s,+@])(relation|column):", text):
        raise ValueError(f"{text!r}: relation: and column: stand alone, without operators")
    return Item(text, "selection", text)


def _match(value: str, parts: tuple[int, int], form: str) -> None:
    low, high = parts
    if not re.fullmatch(rf"{_PART}(\.{_PART}){{{low - 1},{high - 1}}}", value):
        raise ValueError(f"{value!r} is not of the form {form} (`*` stands for any name)")


def _folder(value: str) -> str:
    clean = value.removeprefix("./").rstrip("/")
    absolute = clean.startswith(("/", "~")) or re.match(r"[A-Za-z]:", clean)
    if not clean or absolute or "\\" in clean or ".." in clean.split("/"):
        raise ValueError(f"path:{value} must be a path inside the dbt project")
    return clean
