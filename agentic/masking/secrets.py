"""Secrets that this process knows by value: they are masked wherever they turn up."""

from __future__ import annotations

import os
import re
from functools import lru_cache

_NAME = re.compile(
    r"(?:^|_)(?:(?<!unique_)(?<!primary_)(?<!foreign_)(?<!sort_)(?<=_)key|api_?key|token|secret|secrets|password|passwd|pwd|passphrase|credential"
    r"|credentials|private|dsn|webhook_url)(?:_|$)",
    re.IGNORECASE,
)
_SHORTEST = 6
"""Shorter values (`dbt`, `ci`) would mask ordinary words; they are no secrets either."""

_REMEMBERED: set[str] = set()


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """True when a setting or an environment variable of this name holds a secret."""
    return bool(_NAME.search(name))


def remember_secret(value: object) -> None:
    """Mask this value from now on; called with every password that a profile yields."""
    text = str(value)
    if len(text) >= _SHORTEST:
        _REMEMBERED.add(text)


def known_secrets() -> tuple[str, ...]:
    """Values to mask, longest first so that one inside another leaves nothing behind."""
    found = set(_REMEMBERED)
    for name in os.environ:
        if looks_secret(name):
            value = os.environ.get(name, "")
            if len(value) >= _SHORTEST and value[0] != "/":
                found.add(value)
    return tuple(sorted(found, key=len, reverse=True))
