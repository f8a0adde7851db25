"""Rows of a query: named columns masked whole, every other text by pattern."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from agentic.masking.text import mask_text

MASK = "[masked]"


def mask_value(value: Any) -> Any:
    """One value masked by pattern; what is not text is returned as it is."""
    return mask_text(value) if isinstance(value, str) else value


def mask_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], masked: Collection[str] = ()
) -> list[list[Any]]:
    """Rows with the columns named in `masked` (any case) replaced; nulls stay visible as null."""
    hidden = {name.casefold() for name in masked}
    flags = [name.casefold() in hidden for name in columns]
    return [
        [
            (None if value is None else MASK) if flag else mask_value(value)
            for flag, value in zip(flags, row, strict=True)
        ]
        for row in rows
    ]
