"""AR034: a properties file is no YAML, or holds its entries in the wrong place."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from agentic.records import sentence_start
from agentic.rules.asking import text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.code_text import last
from agentic.rules.history import reversals
from agentic.rules.hunks import edit_change
from agentic.rules.mends import Mend
from agentic.rules.registry import rule
from agentic.rules.yaml_mends import declared, yaml_mends

_FAULT = re.compile(
    r"syntax error near line|raw error|mapping values are not allowed|could not find expected"
    r"|expected <block end>|did not find expected|found character '\\t'|while scanning"
    r"|while parsing a|error reading \S+\.ya?ml|invalid \w+ config given in"
    r"|additional properties are not allowed|is not of type|does not contain a name",
    re.IGNORECASE,
)
_FILE = re.compile(r"(?P<path>[\w./ -]+\.ya?ml)\b")
_LINE = re.compile(r"\bline (?P<line>\d+)")


@rule(code="AR034", cls="yaml_indent", order=9)
def yaml_indent(case: Case) -> Steps[Diagnosis | None]:
    """A properties file is no YAML, or an indent moved an entry.

    What it does:
        Makes every small repair around the line that dbt names (an indent, a tab, a colon, a
        quote, a bracket), and keeps the one with which the file says again what the last manifest
        knows of it: the same nodes, columns and tests.

    Why:
        One blank too many stops the whole project, or silently takes tests away.

    Example:
        `mapping values are not allowed here` in `_models.yml`, line 12.

    Fix:
        That line gets its place back; no entry and no test is lost.
    """
    text = next((t for t in case.messages if _FAULT.search(t)), None)
    if text is None or case.incident.kind not in ("parse_error", "compile_error"):
        return None
    named = [s.path for s in case.incident.signals if s.path.endswith((".yml", ".yaml"))]
    path = next(iter(named), "") or last(_FILE, text, "path").strip()
    code = yield from text_of(path)
    if not code:
        return None
    if _like(declared(code), _known(case, path)):
        return None  # the file is whole; the message speaks of something else in it
    line = int(last(_LINE, text, "line") or 0)
    best = yield from _best(case, path, code, line)
    node = next(iter(_nodes_of(case, path)), "")
    draft = Draft(case, node, None, None)
    draft.fact(text[:900], f"{path}:{line}" if line else path)
    summary = f"{path} cannot be read{f' at line {line}' if line else ''}."
    change = edit_change(path, code, best.text, best.why) if best is not None else None
    if best is None or change is None:
        step = f"Repair {path} by hand: no single repair gives back what it declared."
        return draft.escalate(summary, confidence=0.9, next_step=step)
    draft.observed = best.wrong or None
    draft.fact(f"Repaired: {best.why}; it declares the same nodes and tests as before.", path)
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.95),
        decision="fix",
        title=f"fix({path.rsplit('/', 1)[-1]}): {best.why}"[:120],
        rationale=f"{summary} {sentence_start(best.why)}; nothing else changes, no test is lost.",
        changes=(change,),
    )


def _best(case: Case, path: str, code: str, line: int) -> Steps[Mend | None]:
    found = yaml_mends(code, line)
    was = _known(case, path)
    if was["nodes"]:
        same = [one for one in found if _like(declared(one.text), was)]
        if same:
            return same[0]
    known = yield from reversals(path, code)
    known = [one for one in known if (said := declared(one.text)) and (not was or _like(said, was))]
    if known:
        return known[0]
    if not was["nodes"] and found:
        clear = len(found) == 1 or found[1].cost - found[0].cost >= 4
        return found[0] if clear else None
    return None


def _nodes_of(case: Case, path: str) -> list[str]:
    found = [
        uid
        for uid, node in case.manifest.all.items()
        if str(getattr(node, "patch_path", None) or "").partition("://")[2] == path
        or (uid.startswith("source.") and node.original_file_path == path)
    ]
    return sorted(found)


def _known(case: Case, path: str) -> dict[str, Any]:
    """What the last manifest knows of a file: its nodes with their columns, and their tests."""
    nodes = {
        case.node(uid).name: {str(name).lower() for name in case.node(uid).columns}
        for uid in _nodes_of(case, path)
    }
    tests: Counter[tuple[str, str]] = Counter()
    for uid, node in case.manifest.nodes.items():
        if uid.startswith("test.") and node.original_file_path == path:
            tested = case.node(node.attached_node or "")
            tests[(tested.name if tested else "", (node.column_name or "").lower())] += 1
    return {"nodes": nodes, "tests": tests}


def _like(said: dict[str, Any] | None, was: dict[str, Any]) -> bool:
    """The file says what was known; what it says beside (new nodes) is no fault."""
    if said is None:
        return False
    nodes = said["nodes"]
    tested = all(said["tests"][key] >= n for key, n in was["tests"].items() if key[0])
    return tested and all(
        name in nodes and columns <= nodes[name] for name, columns in was["nodes"].items()
    )
