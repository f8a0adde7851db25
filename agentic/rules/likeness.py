"""How alike two names or two types are: pure text, no project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FAMILIES = {
    "number": r"int|numeric|decimal|double|float|real|number|serial|money",
    "text": r"char|text|string|clob|name",
    "moment": r"timestamp|datetime",
    "date": r"^date$",
    "truth": r"bool",
    "tree": r"json|struct|map|list|array|\[\]|variant|object",
}


def words_of(name: str) -> list[str]:
    """`customerId`, `customer_id` and `CUSTOMER-ID` as the same two words."""
    text = name if any(c.islower() for c in name) else name.lower()
    return [word.lower() for word in _WORD.findall(text)]


def likeness(one: str, other: str) -> float:
    """0 to 1: how likely two names are one thing's; 1 when they hold the same words."""
    left, right = words_of(one), words_of(other)
    if not left or not right:
        return 0.0
    if left == right:
        return 1.0
    shared = set(left) & set(right)
    words = len(shared) / min(len(set(left)), len(set(right)))
    letters = SequenceMatcher(None, "".join(left), "".join(right)).ratio()
    initials = _abbreviated("".join(left), "".join(right))
    return round(min(0.99, max(letters, 0.9 * words, initials)), 3)


def _abbreviated(one: str, other: str) -> float:
    """`qty` for `quantity`: the same first letter, and all letters of the short one in order."""
    short, long = sorted((one, other), key=len)
    if len(short) < 2 or short[0] != long[0]:
        return 0.0
    letters = iter(long)
    return 0.75 if all(letter in letters for letter in short) else 0.0


def family(type_name: str) -> str:
    """What a type holds: number, text, moment, date, truth, tree; empty when unknown."""
    text = type_name.lower()
    for name, pattern in _FAMILIES.items():
        if name != "tree" and re.search(_FAMILIES["tree"], text):
            return "tree"
        if re.search(pattern, text):
            return name
    return ""


def same_family(one: str, other: str) -> bool | None:
    """True when two types hold the same kind of value; None when one of them is unknown."""
    left, right = family(one), family(other)
    if not left or not right:
        return None
    return left == right or {left, right} == {"date", "moment"}


def nearest(name: str, known: Iterable[str], *, distance: int = 2) -> str | None:
    """The one known name within an edit distance, if it is the only one that near."""
    allowed = min(distance, max(1, len(name) // 4))
    ranked = sorted((d, k) for k in set(known) if (d := edit_distance(name, k)) <= allowed)
    if not ranked or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
        return None
    return ranked[0][1]


def edit_distance(one: str, other: str) -> int:
    """Letters inserted, deleted, replaced or swapped with a neighbour; case is ignored."""
    a, b = one.lower(), other.lower()
    older: list[int] = []
    old = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            best = min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                best = min(best, older[j - 2] + 1)
            row.append(best)
        older, old = old, row
    return old[-1]


def mentions(text: str, name: str) -> bool:
    """True when a text holds a name as a whole word, whatever its case."""
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text, re.IGNORECASE) is not None


def mentioned(texts: Collection[str], name: str) -> bool:
    """True when one of the texts mentions the name."""
    return any(mentions(text, name) for text in texts)
