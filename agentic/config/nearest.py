"""The nearest legal name to a mistyped one, for `did you mean` hints."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name with at most a third of it changed, three letters at most; or None."""
    scored = sorted((distance(name.lower(), other.lower()), other) for other in set(known))
    if not scored:
        return None
    best, other = scored[0]
    return other if best <= min(3, max(1, max(len(name), len(other)) // 3)) else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint: the nearest name, else the whole list when it is short, else nothing."""
    names = sorted(set(known))
    other = nearest(name, names)
    if other is not None:
        return f"did you mean {other!r}?"
    listed = ", ".join(names)
    return f"known: {listed}" if names and len(listed) <= 240 else ""


def distance(left: str, right: str) -> int:
    """Edit distance with swapped neighbours as one edit; names longer than 64 are far from all."""
    if max(len(left), len(right)) > 64:
        return 0 if left == right else 99
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
