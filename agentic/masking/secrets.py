"""Secrets that this process knows by value: they are masked wherever they turn up."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any, NamedTuple

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


class _Seen(NamedTuple):
    """What the environment held when it was read last."""

    raw: dict[Any, Any]
    remembered: int
    secrets: tuple[str, ...]


_SEEN = [_Seen({}, -1, ())]
"""One, replaced whole: several threads mask."""


def known_secrets() -> tuple[str, ...]:
    """Values to mask, longest first so that one inside another leaves nothing behind."""
    # Asked for every text that is masked: the environment is read again only when it changed.
    (seen,) = _SEEN
    raw = getattr(os.environ, "_data", None)
    if raw is None or raw != seen.raw or seen.remembered != len(_REMEMBERED):
        kept, remembered = dict(raw or {}), len(_REMEMBERED)
        _SEEN[0] = seen = _Seen(kept, remembered, _read())
    return seen.secrets


def _read() -> tuple[str, ...]:
    found = set(_REMEMBERED)
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and looks_secret(name) and value[0] != "/":
            found.add(value)
    return tuple(sorted(found, key=len, reverse=True))
