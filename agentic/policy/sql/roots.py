"""Statements that are never read or plain write, told by their first words.

Only the code and the sentence come from here: none of these is allowed, whatever they look like.
"""

from __future__ import annotations

import re

from agentic.policy.sql.word_lists import phrases

_COMMENTS = re.compile(r"\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|#[^\n]*(?:\n|$)", re.S)
_WORD = re.compile(r"[A-Za-z_]+")

# First words -> code; longer ones win.
_CODES: dict[str, str] = {
    phrase: code for code, group in phrases("roots").items() for phrase in group
}
_LONGEST = max(phrase.count(" ") for phrase in _CODES) + 1
_FILLERS = frozenset({"or", "replace", "if", "not", "exists", "alter"})

_REFRESH = re.compile(r"REFRESH\s+(MATERIALIZED|DYNAMIC|TABLE|STREAMING)\b", re.I)
_INSERT_CALL = re.compile(r"\bINSERT\b.*\b(EXEC|EXECUTE|CALL)\b", re.I | re.S)

_SENTENCES = {
    "TRANSACTION_CONTROL": "transactions are the caller's",
    "SESSION_STATE": "it changes the session",
    "PRIVILEGE_CHANGE": "it changes who may do what",
    "EXTERNAL_IO": "it moves data in or out of the warehouse",
    "DYNAMIC_SQL": "it runs SQL that cannot be read here",
    "CODE_DEFINITION": "it defines code that runs later",
    "ENVIRONMENT_CHANGE": "it changes the warehouse itself",
    "LOCKING": "it takes locks",
    "WRITE_OUT_OF_SCOPE": "schemas and databases are not an agent's to change",
    "MULTI_STATEMENT": "only one statement at a time is judged",
    "SYSTEM_CATALOG": "it shows settings, definitions or sessions",
    "WRITE_PROTECTED": "it swaps, renames or brings back what others read",
    "UNSUPPORTED_STATEMENT": "this kind of statement is not on the list",
}


def words(sql: str, count: int) -> list[str]:
    """The first words of a statement in lower case, without comments."""
    found: list[str] = []
    place = 0
    while place < len(sql) and len(found) < count:
        blank = _COMMENTS.match(sql, place)
        if blank is not None:
            place = blank.end()
            continue
        word = _WORD.match(sql, place)
        if word is None:
            break
        found.append(word.group().lower())
        place = word.end()
    return found


def code_by_words(sql: str) -> tuple[str, str] | None:
    """(code, sentence) of a statement that is told by its first words; None for others."""
    if _REFRESH.match(sql.lstrip()):
        return "WRITE_PROTECTED", "refreshing rewrites what others read"
    if len(sql) < 10_000 and _INSERT_CALL.match(sql.lstrip()):
        return "DYNAMIC_SQL", _SENTENCES["DYNAMIC_SQL"]
    first = words(sql, _LONGEST + 4)
    plain = first[:1] + [one for one in first[1:] if one not in _FILLERS] if first else []
    for candidate in (first, plain):
        for length in range(min(_LONGEST, len(candidate)), 0, -1):
            code = _CODES.get(" ".join(candidate[:length]))
            if code is not None:
                return code, _SENTENCES[code]
    return None
