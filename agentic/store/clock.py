"""Time and ids, so that everything else takes them as arguments."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def utc_now() -> str:
    """Now as ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_run_id(now: str) -> str:
    """`20261120-180512-3fa9c0`: sorts by time, and is unique enough for one project."""
    moment = datetime.fromisoformat(now)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
