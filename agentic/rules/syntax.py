"""AR050: one model's SQL cannot be parsed by the warehouse."""

from __future__ import annotations

import re

from agentic.rules.asking import text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.code_text import line_in
from agentic.rules.history import restored
from agentic.rules.hunks import edit_change
from agentic.rules.likeness import edit_distance
from agentic.rules.registry import rule

_SYNTAX = re.compile(r"syntax error|parser error|sql compilation error: syntax|parse_syntax", re.I)
_NEAR = re.compile(
    r"at or near \"(?P<word>[^\"]+)\"|near '(?P<other>[^']+)'|unexpected '(?P<un>[^']+)'"
)
_WORDS = (
    "select", "from", "where", "group", "order", "having", "join", "left", "inner", "union",
    "with", "distinct", "case", "when", "then", "else", "end", "between", "and", "limit", "over",
    "partition", "values", "cross", "right", "full", "outer", "using", "coalesce", "cast",
)  # fmt: skip
_COMMENT = re.compile(
    r"--[^\n]*|/\*.*?\*/|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|'(?:[^']|'')*'", re.DOTALL
)


@rule(code="AR050", cls="syntax_error", order=32)
def syntax_error(case: Case) -> Steps[Diagnosis | None]:
    """One model's SQL does not parse.

    What it does:
        Takes the word that the warehouse stumbled over and looks for the one repair at that place:
        a misspelt keyword, or a comma too many. Else it takes back the file's latest change.

    Why:
        The fault is in one line of one file, and everything below the model is skipped.

    Example:
        `selct order_id from ...`.

    Fix:
        That line is repaired; nothing else changes.
    """
    text = next((one for one in case.messages if _SYNTAX.search(one)), None)
    uid = case.place
    if text is None or not uid.startswith(("model.", "snapshot.", "test.")):
        return None
    path, name = case.path(uid), case.node(uid).name if case.node(uid) else uid
    near = _NEAR.search(text)
    word = next((w for w in near.groups() if w), "") if near else ""
    draft = Draft(case, uid, None, word or None)
    line = line_in(text)
    draft.fact(text[:800], f"{path}:{line}" if line else path)
    summary = f"The SQL of {name} does not parse{f' near {word}' if word else ''}."
    code = None if case.vendored(uid) else (yield from text_of(path))
    repairs = _repairs(code, word) if code and word else []
    if len(repairs) == 1 and code:
        wrong, why, after = repairs[0]
        draft.observed = wrong
        change = edit_change(path, code, after, why)
        if change is not None:
            return Diagnosis(
                finding=draft.finding(summary, confidence=0.95),
                decision="fix",
                title=f"fix({name}): {why}",
                rationale=f"{summary} {why.capitalize()}; nothing else changes.",
                changes=(change,),
            )
    return (yield from restored(case, draft, summary, "the SQL that parsed"))


def _repairs(code: str, word: str) -> list[tuple[str, str, str]]:
    """(what is wrong, the repair, new text) of every single repair at the word."""
    shown = _COMMENT.sub(lambda hit: " " * len(hit[0]), code)
    places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", shown, re.I)]
    found = []
    for at in places:
        if (comma := re.search(r",(\s*)$", shown[:at])) and word.lower() in ("from", ")"):
            after = code[: comma.start()] + code[comma.start() + 1 :]
            found.append((f", {word}", f"drop the comma before {word}", after))
        meant = _keyword(word)
        if meant:
            end = at + len(word)
            spelt = meant.upper() if word.isupper() else meant
            after = code[:at] + spelt + code[end:]
            found.append((word, f"write {meant} for {word}", after))
    if not found:
        found = _misspelt_before(code, shown, places)
    return found


def _misspelt_before(code: str, shown: str, places: list[int]) -> list[tuple[str, str, str]]:
    """Warehouses often stumble over the word after the misspelt one."""
    found = []
    for at in places:
        before = re.search(r"(\w+)\s+$", shown[:at])
        meant = _keyword(before[1]) if before else ""
        if before and meant:
            start, end = before.span(1)
            after = code[:start] + meant + code[end:]
            found.append((before[1], f"write {meant} for {before[1]}", after))
    return found


def _keyword(word: str) -> str:
    """The one keyword that a word misspells; empty for a keyword or anything further away."""
    low = word.lower()
    if low in _WORDS or len(low) < 3:
        return ""
    near = [one for one in _WORDS if len(one) > 3 and edit_distance(low, one) == 1]
    return near[0] if len(near) == 1 else ""
