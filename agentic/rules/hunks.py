"""Text before and after as the fewest replacements whose old text is unique in the file."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

from agentic.rules.case import Change


def edit_change(path: str, before: str, after: str, why: str) -> Change | None:
    """The `edit_file` call that turns `before` into `after`; None when they are equal."""
    hunks = hunks_between(before, after)
    if not hunks:
        return None
    edits = [{"old": old, "new": new} for old, new in hunks]
    return Change("edit_file", {"path": path, "edits": edits, "why": why})


def hunks_between(before: str, after: str) -> list[tuple[str, str]]:
    """(old, new) pairs of whole lines; each old text occurs once in `before`, none overlap.

    Applied in order they give `after`. Falls back to one pair for the whole file.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    spans = [
        list(opcode[1:])
        for opcode in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
        if opcode[0] != "equal"
    ]
    widened = _merged([_unique(before, old, new, span) for span in spans])
    hunks = [("".join(old[a:b]), "".join(new[c:d])) for a, b, c, d in widened]
    if _applied(before, hunks) == after:
        return hunks
    return [(before, after)] if before != after else []


def undone(before: str, after: str) -> list[str]:
    """`after` with one changed place as it was in `before`, for each place."""
    return [mixed(before, after, {n}) for n in range(len(_places(before, after)))]


def mixed(before: str, after: str, back: Collection[int]) -> str:
    """`after` with the places of those numbers as they were in `before`."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    parts, at = [], 0
    for number, (a, b, c, d) in enumerate(_places(before, after)):
        parts += [*new[at:c], *(old[a:b] if number in back else new[c:d])]
        at = d
    return "".join([*parts, *new[at:]])


def _places(before: str, after: str) -> list[tuple[int, int, int, int]]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [one[1:] for one in found if one[0] != "equal"]


def places(before: str, after: str) -> int:
    """How many places of a text changed."""
    return len(_places(before, after))


def _unique(before: str, old: list[str], new: list[str], span: list[int]) -> list[int]:
    """Grow a span by equal lines on both sides until its old text is unique."""
    a, b, c, d = span
    while not _once(before, "".join(old[a:b])):
        if a > 0 and c > 0:
            a, c = a - 1, c - 1
        elif b < len(old) and d < len(new):
            b, d = b + 1, d + 1
        else:
            break
    return [a, b, c, d]


def _merged(spans: list[list[int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for span in spans:
        if found and span[0] <= found[-1][1]:
            found[-1][1], found[-1][3] = max(found[-1][1], span[1]), max(found[-1][3], span[3])
        else:
            found.append(span)
    return found


def _once(text: str, part: str) -> bool:
    return bool(part) and text.count(part) == 1


def _applied(text: str, hunks: list[tuple[str, str]]) -> str | None:
    for old, new in hunks:
        if not _once(text, old):
            return None
        text = text.replace(old, new)
    return text


def line_of(text: str, word: str) -> int:
    """1-based line where a word first stands; 1 when nowhere."""
    for number, line in enumerate(text.splitlines(), start=1):
        if word.lower() in line.lower():
            return number
    return 1
