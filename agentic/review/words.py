"""Text from outside in a Markdown body: nothing in it becomes markup."""

from __future__ import annotations

import re

from agentic.masking import mask_text


def plain_text(text: str) -> str:
    """Outside text as plain words: no markup, no mention, no link, no line break, no comment."""
    return escaped(mask_text(text))


def escaped(text: str) -> str:
    text = " ".join(text.split())
    # an underscore inside a word is no emphasis (GitHub Flavored Markdown 0.29, 6.4): names stay
    text = re.sub(r"([\\`*{}\[\]<>|#~]|(?<!\w)_|_(?!\w))", r"\\\1", text)
    # `@name` would call somebody; inside an address it does not, and the address can be copied
    return re.sub(r"(?<!\w)@", "@\u2060", text)


def inline(text: str) -> str:
    """Outside text inside a code span."""
    return mask_text(" ".join(text.split())).replace("`", "'").replace("|", "¦").replace('"', "")


def whole(text: str) -> str:
    """As `_quoted`, and nothing is left out: somebody runs it."""
    return "\n".join(f"    {line}" for line in mask_text(text.strip()).splitlines())


def masked(text: str) -> bool:
    """Whether `whole` shows something else than the text."""
    return mask_text(text.strip()) != text.strip()
