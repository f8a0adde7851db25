"""Whether one written rule names at least what another one names, today and tomorrow.

Only what the texts themselves prove counts: two selections that match the same nodes today may
differ with the next commit.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from agentic.compiler.rules import path_matches

_RARE = frozenset("?[")


def covers(general: str, special: str) -> bool:
    """Whether the item `general` names all that `special` names, as far as the texts show."""
    if general == special:
        return True
    kind, _, wide = general.partition(":")
    other, _, narrow = special.partition(":")
    if kind != other or kind not in ("path", "relation", "column"):
        return set(special.split()) <= set(general.split())
    if kind == "path":
        plain = not any(char in wide for char in "*?[") and ".." not in narrow.split("/")
        return plain and path_matches(narrow, wide)
    parts = list(zip(wide.lower().split("."), narrow.lower().split("."), strict=False))
    return wide.count(".") == narrow.count(".") and all(covers_name(*pair) for pair in parts)


def covers_name(general: str, special: str) -> bool:
    """Whether a name's pattern matches every name that another pattern matches.

    With `*` alone in the wider one, a match of the narrower pattern's own text proves it.
    """
    if general == special:
        return True
    return not _RARE & set(general) and fnmatchcase(special, general)
