"""How what is said begins."""

from __future__ import annotations

import re

_PLAIN_WORD = re.compile(r"[a-z]+(?=[ ,;:.]|$)(?!\.\w)")


def sentence_start(text: str) -> str:
    """The text with a capital letter first, but for a name: `raw.orders is not ...` stays."""
    return text[:1].upper() + text[1:] if _PLAIN_WORD.match(text) else text
