"""Answers of few tokens: the most relevant first, a budget a call, and a handle for the rest.

The handle is the place where the next part begins. It holds no state, so a replayed or resumed run
reopens the same rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from agentic.records import dumps
from agentic.tools.registry import ToolError

CHARS_A_TOKEN = 4
"""The rule of thumb that budgets are counted by."""
TOKENS = 1_000
"""What the list of one answer may cost."""

More = Annotated[
    str, Meta(description="the `more` of an earlier answer: what follows it", max_length=12)
]


def tokens_of(value: object) -> int:
    """What a value costs as JSON."""
    return -(-len(dumps(value)) // CHARS_A_TOKEN)


def page(
    items: Sequence[Any], more: str = "", *, name: str = "rows", tokens: int = TOKENS
) -> dict[str, Any]:
    """`{name: the items that fit, total}` and, where some are left, `more`. At least one fits.

    Raises ToolError when `more` is none that a tool gave.
    """
    if more and not more.isdigit():
        raise ToolError(f"{more!r} is no `more` of an answer", hint="Leave it out to start over.")
    start, spent = int(more or 0), 0
    end = start
    while end < len(items):
        spent += tokens_of(items[end])
        if spent > tokens and end > start:
            break
        end += 1
    answer: dict[str, Any] = {name: list(items[start:end]), "total": len(items)}
    return {**answer, "more": str(end)} if end < len(items) else answer


def lean(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing: None, empty texts and empty lists; zero and false stay."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (isinstance(value, str | list | dict | tuple) and not value)
    }


def moment(text: str) -> str:
    """A time to the second, without the zone that is always UTC."""
    return text[:19]


def short(value: float) -> float | int:
    """A number to four figures: an engine reads no more of it."""
    if value == 0 or abs(value) >= 1000:
        return round(value)
    return float(f"{value:.4g}")
