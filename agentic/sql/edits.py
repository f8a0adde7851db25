"""Spans of a text and what replaces them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Edit(msgspec.Struct, frozen=True, order=True):
    """Replace `start` to `end` (exclusive) by `text`."""

    start: int
    end: int
    text: str


class EditConflict(Exception):
    """Two edits want the same characters."""


def apply(raw: str, edits: Iterable[Edit]) -> str:
    """The text with every edit made; the same edit twice is one. Raises EditConflict on overlap."""
    result: list[str] = []
    position = 0
    for edit in sorted(set(edits)):
        if edit.start < position:
            raise EditConflict(f"edits overlap at character {edit.start}")
        result += [raw[position : edit.start], edit.text]
        position = edit.end
    return "".join([*result, raw[position:]])
