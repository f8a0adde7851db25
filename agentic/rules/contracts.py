"""AR051: a model breaks its enforced contract."""

from __future__ import annotations

import re

import msgspec

from agentic.rules.asking import text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import restored
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.registry import rule
from agentic.sql import rewrite

_ROW = re.compile(
    r"^\s*\|\s*(?P<column>[^|]*?)\s*\|\s*(?P<made>[^|]*?)\s*\|\s*(?P<promised>[^|]*?)\s*\|"
    r"\s*(?P<reason>(?:data type mismatch|missing in \w+)[^|]*?)\s*\|",
    re.MULTILINE,
)


class Breach(msgspec.Struct, frozen=True):
    """One line of dbt's contract report."""

    column: str
    made: str
    promised: str
    reason: str


@rule(code="AR051", cls="contract_violation", order=31)
def contract_violation(case: Case) -> Steps[Diagnosis | None]:
    """A column's type or presence breaks an enforced contract.

    What it does:
        Reads dbt's report of the contract, column by column, and finds the cast or the name in
        the model's SQL that changed.

    Why:
        The contract is what others rely on: loosening it breaks them later and elsewhere.

    Example:
        `amount` is `VARCHAR`, the contract says `DECIMAL(18,2)`.

    Fix:
        The model gives what it promised; the contract stays.
    """
    uid = case.incident.node
    breaches = [Breach(**hit.groupdict()) for text in case.messages for hit in _ROW.finditer(text)]
    if not breaches or case.node(uid) is None:
        return None
    head = next((b for b in breaches if b.reason != "missing in contract"), breaches[0])
    name, path = case.node(uid).name, case.path(uid)
    renamed = _renamed(breaches)
    draft = Draft(case, uid, head.column, renamed or head.made or None)
    for breach in breaches[:8]:
        made, promised = breach.made or "nothing", breach.promised or "nothing"
        draft.fact(f"{breach.column}: {breach.reason} ({made} for {promised}).", path)
    summary = f"{name} breaks its contract: {head.column}, {head.reason}."
    text = None if case.vendored(uid) else (yield from text_of(path))
    after = _mended(case, text, head, renamed) if text else None
    change = edit_change(path, text, after, "the contract stays") if text and after else None
    if change is None:
        return (yield from restored(case, draft, summary, "what its contract promises"))
    draft.fact("It is made here.", f"{path}:{line_of(text or '', head.column)}")
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.95),
        decision="fix",
        title=f"fix({name}): give {head.column} as its contract promises",
        rationale=f"{summary} The model is brought back to it; the contract is not loosened.",
        changes=(change,),
    )


def _renamed(breaches: list[Breach]) -> str:
    """The new name, when exactly one promised column is gone and one unpromised is there."""
    gone = [b for b in breaches if b.reason == "missing in definition"]
    new = [b for b in breaches if b.reason == "missing in contract"]
    return new[0].column if len(gone) == len(new) == 1 else ""


def _mended(case: Case, text: str, head: Breach, renamed: str) -> str | None:
    if renamed:
        return rewrite.rename_output_column(text, renamed, head.column, dialect=case.dialect)
    if head.reason != "data type mismatch":
        return None
    node = case.node(case.incident.node)
    declared = {n.lower(): c.data_type for n, c in node.columns.items()}.get(head.column.lower())
    return _recast(text, head.column, str(declared or head.promised))


def _recast(text: str, column: str, kind: str) -> str | None:
    """The one cast that makes a column, with another type; None when there is not exactly one."""
    pattern = re.compile(
        rf"(?P<head>cast\s*\([^;]*?\s+as\s+)(?P<type>\w+(?:\s*\([^)]*\))?)"
        rf"(?P<tail>\s*\)\s+as\s+[\"`]?{re.escape(column)}[\"`]?(?!\w))",
        re.IGNORECASE | re.DOTALL,
    )
    double = re.compile(
        rf"(?P<head>::\s*)(?P<type>\w+(?:\s*\([^)]*\))?)"
        rf"(?P<tail>\s+as\s+[\"`]?{re.escape(column)}[\"`]?(?!\w))",
        re.IGNORECASE,
    )
    hits = [*_innermost(pattern, text), *double.finditer(text)]
    if len(hits) != 1:
        return None
    start, end = hits[0].span("type")
    return text[:start] + kind + text[end:]


def _innermost(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Matches whose text before the type holds no later `cast(`: the cast that is meant."""
    found = []
    for start in (m.start() for m in re.finditer(r"cast\s*\(", text, re.IGNORECASE)):
        hit = pattern.match(text, start)
        if hit and hit["head"].count("(") - hit["head"].count(")") == 1:
            found.append(hit)
    # The last one that reaches the name is the cast around it; earlier ones span other outputs.
    return found[-1:]
