"""AR050: one file's SQL or Jinja cannot be parsed."""

from __future__ import annotations

import re

from agentic.records import sentence_start
from agentic.rules.asking import text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.code_text import file_in, line_in
from agentic.rules.history import restored, reversals
from agentic.rules.hunks import edit_change
from agentic.rules.jinja_mends import jinja_fault, jinja_mends
from agentic.rules.mends import Mend, mends
from agentic.rules.registry import rule
from agentic.rules.trying import chosen
from agentic.sql.fault import fault_at

_SYNTAX = re.compile(
    r"syntax error|parser error|sql compilation error: syntax|parse_syntax|unterminated quoted",
    re.IGNORECASE,
)
_JINJA = re.compile(
    r"unexpected (?:'[^']+'|char|end of template|end of file)|expected token|unknown tag"
    r"|jinja was looking for|reached eof|without finding a close tag|unclosed|got an unexpected"
    r"|missing end of (?:comment|raw)|tag name expected",
    re.IGNORECASE,
)
_NEAR = re.compile(
    r"at or near \"(?P<word>[^\"]+)\"|near '(?P<other>[^']+)'|unexpected '(?P<un>[^']+)'"
)


@rule(code="AR050", cls="syntax_error", order=14)
def syntax_error(case: Case) -> Steps[Diagnosis | None]:
    """One file's SQL or Jinja does not parse.

    What it does:
        Finds the place where parsing stops, makes every small repair there (a comma, a bracket, a
        quote, an `end`, a brace, a misspelt word), and keeps those with which the whole file
        parses. What the last good build had for columns, and the warehouse's planner, decide
        between them. Else the hunk of the latest change that broke it is taken back.

    Why:
        The fault is in one line of one file, and everything below the model is skipped.

    Example:
        `selct order_id from ...`, `sum(amount as total`, `{{ ref('orders') }`.

    Fix:
        That place is repaired; every other character of the file stays.
    """
    text = next((t for t in case.messages if _SYNTAX.search(t) or _JINJA.search(t)), None)
    if text is None or case.incident.kind in ("test_failure", "source_stale"):
        return None
    uid, path = _place(case, text)
    if not (uid or path):
        return None
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0] or uid
    near = _NEAR.search(text)
    word = next((w for w in near.groups() if w), "") if near else ""
    draft = Draft(case, uid, None, word or None)
    line = line_in(text)
    draft.fact(text[:800], f"{path}:{line}" if line and not _SYNTAX.search(text) else path)
    own = path and path.endswith(".sql") and not (case.node(uid) and case.vendored(uid))
    code = (yield from text_of(path)) if own else None
    best = (yield from _best(case, uid, path, code, word)) if code else None
    summary = f"The text of {name} does not parse{f' near {word}' if word else ''}."
    if best is not None and code:
        return _repaired(draft, path, code, best, summary)
    if case.node(uid) is None:
        step = f"Repair {path or 'the file that the message names'} by hand; nothing was changed."
        return draft.escalate(summary, confidence=0.9, next_step=step)
    return (yield from restored(case, draft, summary, "the text that parsed"))


def _place(case: Case, text: str) -> tuple[str, str]:
    """(`unique_id`, file) that the message speaks of; a macro's where the file is one."""
    uid = case.place
    named = next((s.path for s in case.incident.signals if s.path and s.node == uid), "")
    told = file_in(text)
    path = told if told.endswith(".sql") else case.path(uid) or named
    if path and path != case.path(uid):
        here = [u for u, m in case.manifest.macros.items() if m.original_file_path == path]
        nodes = [u for u, n in case.manifest.nodes.items() if n.original_file_path == path]
        uid = next(iter(sorted(nodes) or sorted(here)), uid if not path else "")
    return uid, path


def _best(case: Case, uid: str, path: str, code: str, word: str) -> Steps[Mend | None]:
    """The one repair; where small ones are many, the one that the history knows."""
    jinja = bool(jinja_fault(code)) or "{" in word
    found = jinja_mends(code) if jinja else mends(code, case.dialect, word=word)
    if jinja and not path.startswith(_macro_roots(case)):
        parsing = [one for one in found if fault_at(one.text, case.dialect) is None]
        found = parsing or found
    best = yield from chosen(case, uid, code, found)
    if best is not None:
        return best
    known = yield from reversals(path, code)
    known = [one for one in known if _parses(one.text, case.dialect)]
    agreed = [one for one in known if one.text in {mend.text for mend in found}]
    return next(iter(agreed or known), None)


def _parses(text: str, dialect: str) -> bool:
    return not jinja_fault(text) and fault_at(text, dialect) is None


def _macro_roots(case: Case) -> tuple[str, ...]:
    own = (m for m in case.manifest.macros.values() if m.package_name == case.project)
    return tuple({m.original_file_path.split("/")[0] + "/" for m in own}) or ("macros/",)


def _repaired(draft: Draft, path: str, code: str, best: Mend, summary: str) -> Diagnosis | None:
    change = edit_change(path, code, best.text, best.why)
    if change is None:
        return None
    draft.observed = best.wrong or draft.observed
    at = next((n for n, (a, b) in enumerate(zip(code, best.text, strict=False)) if a != b), 0)
    draft.fact(f"Repaired here: {best.why}.", f"{path}:{code.count(chr(10), 0, at) + 1}")
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.95),
        decision="fix",
        title=f"fix({name}): {best.why}"[:120],
        rationale=f"{summary} {sentence_start(best.why)}; nothing else changes.",
        changes=(change,),
    )
