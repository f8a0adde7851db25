"""What a SQL text holds more of than before that could hide a symptom and leave its cause."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

from agentic.exceptions import SqlError
from agentic.sql import exp, parse
from agentic.sql.jinja import variants

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_WORDS = {
    "distinct": r"\bdistinct\b",
    "coalesce": r"\b(?:coalesce|ifnull|nvl|zeroifnull|isnull)\s*\(",
    "limit": r"\b(?:limit|fetch\s+first|top)\s+\d",
    "qualify": r"\bqualify\b|\brow_number\s*\(",
    "any_value": r"\b(?:any_value|first|last|arbitrary)\s*\(",
    "group by": r"\bgroup\s+by\b",
    "anti join": r"\b(?:anti|semi)\s+join\b|\bexcept\b",
    "on error": r"\btry\s*\(",
}
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In)
_PREDICATES: tuple[type[exp.Expression], ...] = (*_COMPARED, exp.Exists, exp.Like, exp.Between)


def hiding(was: str, now: str) -> list[str]:
    """Sentences, one for each kind of thing that was added. `was` is the text while it was green;
    an empty one is a new file, judged against nothing."""
    before, after = _counts(was), _counts(now)
    found = [f"{word} was added" for word in _WORDS if after[word] > before[word]]
    if after["inner join"] > before["inner join"] and after["joins"] <= before["joins"]:
        found.append("a join became an inner join")
    if after["inner join"] > before["inner join"] and after["joins"] > before["joins"]:
        found.append("an inner join was added")
    if after["predicates"] > before["predicates"]:
        found.append("rows are filtered out that were not")
    return found


def _counts(text: str) -> Counter[str]:
    bare = _COMMENT.sub(" ", text)
    counts = Counter({w: len(re.findall(pattern, bare, re.I)) for w, pattern in _WORDS.items()})
    tree = _tree(text)
    if tree is None:
        counts["inner join"] = len(
            re.findall(r"(?<!left )(?<!outer )(?<!full )\bjoin\b", bare, re.I)
        )
        counts["joins"] = len(re.findall(r"\bjoin\b", bare, re.I))
        counts["predicates"] = len(re.findall(r"\bwhere\b|\bhaving\b", bare, re.I)) + len(
            re.findall(r"\bis\s+not\s+null\b", bare, re.I)
        )
        return counts
    joins = list(tree.find_all(exp.Join))
    inner = [j for j in joins if not j.side and j.kind in ("", "INNER")]
    counts["joins"], counts["inner join"] = len(joins), len(inner)
    filters = [*tree.find_all(exp.Where), *tree.find_all(exp.Having), *tree.find_all(exp.Qualify)]
    counts["predicates"] = sum(len(list(one.find_all(*_PREDICATES))) for one in filters)
    counts["predicates"] += sum(
        len(list(on.find_all(*_PREDICATES))) for j in joins if (on := j.args.get("on"))
    )
    return counts


def _tree(text: str) -> exp.Expression | None:
    """The text's tree with its Jinja masked; None when it does not parse."""
    for masked in variants(text)[:1]:
        for dialect in ("duckdb", "postgres"):
            with suppress(SqlError):
                return parse(masked.text, dialect)
    return None
