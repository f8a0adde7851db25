"""The registry of published codes; each room publishes its own, `agentic explain` prints them.

Prefixes: AC configuration and set-up, AP proposal checks, AG guardrails, AR rules. The policy's
verdict names (OK_READ, TEST_WEAKENED, ...) are published the same way. A code is never renumbered.
"""

from __future__ import annotations

import msgspec


class CodePage(msgspec.Struct, frozen=True):
    """One code's documentation, readable offline."""

    code: str
    name: str
    what: str
    """What it means, one or two sentences."""
    why: str = ""
    """Why it is so."""
    fix: str = ""
    """What to do next."""
    example: str = ""


_PAGES: dict[str, CodePage] = {}


def publish(*pages: CodePage) -> None:
    """Register pages. Raises ValueError when a code is published twice."""
    for entry in pages:
        if entry.code in _PAGES and _PAGES[entry.code] != entry:
            raise ValueError(f"code {entry.code!r} is published twice")
        _PAGES[entry.code] = entry


def page(code: str) -> CodePage | None:
    """The page of a code, or None when no such code was published by a room imported so far."""
    return _PAGES.get(code.upper())


def all_pages() -> tuple[CodePage, ...]:
    """Every page published by the rooms imported so far, by code."""
    return tuple(_PAGES[code] for code in sorted(_PAGES))
