"""The shape of a message to people: plain words, masked, with a key that makes it one message."""

from __future__ import annotations

import msgspec


class Notice(msgspec.Struct, frozen=True):
    """All text in it is masked already."""

    key: str
    """The same for the same message: a service that keeps keys tells nobody twice."""
    title: str
    lines: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    """run_id, incident, node, ... for machines."""
