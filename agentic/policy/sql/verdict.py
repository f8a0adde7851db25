"""The shape of an answer."""

from __future__ import annotations

import msgspec

from agentic.records import Verdict


class SqlVerdict(msgspec.Struct, frozen=True):
    """What was decided about one statement, and the text that may be sent."""

    verdict: Verdict
    code: str
    reason: str
    """One sentence; on a denial it also says what would be allowed."""
    reads: tuple[str, ...] = ()
    """Relations it reads, `schema.table`."""
    writes: tuple[str, ...] = ()
    """Relations it writes."""
    sql: str = ""
    """The statement generated from the tree that was checked: send this, never the original. Empty
    on a denial."""
    masked: tuple[str, ...] = ()
    """Output columns whose values must leave masked; `*` for all of them."""
