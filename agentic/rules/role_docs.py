"""Documentation of columns through lineage: what passes through unchanged is what it was."""

from __future__ import annotations

import json
import re

from agentic.lineage import ColumnLineage
from agentic.rules.case import Case, Steps
from agentic.rules.role_work import (
    MADE,
    ROOTS,
    Done,
    Wish,
    asked_about,
    counted,
    label,
    listed,
    live_shapes,
    own_nodes,
    report,
    traced,
    write,
)
from agentic.rules.routines import routine
from agentic.rules.yaml_added import Said

_PLAIN = re.compile(r"[A-Za-z][\w ,.()/'-]*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "~"})


@routine(
    "quality",
    when=lambda text: bool(re.search(r"(?i)\b(document|descri)", text)) and "test" not in text,
    order=20,
)
def document_columns(case: Case) -> Steps[None]:
    """Give columns without a description that of the column which they pass on unchanged."""
    done, found = yield from propose_documentation(case)
    if not done.written:
        text = "Every column that passes through unchanged has the description of its parent"
        said = f"{text}, or its parent has none. {done.rest()}".strip()
        yield from report(
            decision="escalate" if done.refused else "no_change",
            title="docs: nothing to inherit",
            rationale=said,
            said=None,
        )
        return
    yield from report(
        decision="fix",
        title=_title([wish.node for wish in done.written]),
        rationale=f"{told_of_documentation(done, found)} {done.rest()}".strip(),
        said=None,
    )


def propose_documentation(case: Case) -> Steps[tuple[Done, dict[str, str]]]:
    """What was proposed, and where each description comes from (`node.column` -> parent)."""
    shapes = yield from live_shapes(own_nodes(case, *ROOTS))
    lineage = traced(case, shapes)
    wishes, origins = [], {}
    known = described(case)
    for uid in own_nodes(case, *MADE):
        wish = Wish(uid, why="descriptions of the columns that are passed on unchanged")
        for column in lineage.columns(uid):
            if column == "*" or (uid, column.lower()) in known:
                continue
            parent, text = _inherited(lineage, uid, column, known)
            if not text:
                continue
            known[(uid, column.lower())] = text
            wish.said.append(Said(column, description=scalar(text)))
            origins[f"{uid}.{column}"] = parent
        wishes.append(wish)
    wanted = set(asked_about(case, [wish.node for wish in wishes]))
    done = yield from write(case, [wish for wish in wishes if wish.node in wanted])
    return done, origins


def told_of_documentation(done: Done, origins: dict[str, str]) -> str:
    """Which columns inherit what from where."""
    rows = [
        f"{label(wish.node)}.{one.column} from {origins[f'{wish.node}.{one.column}']}"
        for wish in done.written
        for one in wish.said
        if f"{wish.node}.{one.column}" in origins
    ]
    return f"Column lineage shows these columns unchanged: {listed(rows)}." if rows else ""


def described(case: Case) -> dict[tuple[str, str], str]:
    """(node, lower-case column) -> description, as far as one is written."""
    return {
        (uid, column.name.lower()): text
        for uid, node in case.manifest.all.items()
        for column in getattr(node, "columns", {}).values()
        if (text := " ".join((column.description or "").split()))
    }


def _inherited(
    lineage: ColumnLineage, uid: str, column: str, known: dict[tuple[str, str], str]
) -> tuple[str, str]:
    """(parent column, text) of a column that is its parents' own, where they say the same."""
    edges = [e for e in lineage.upstream(uid, column) if e.kind not in ("filter", "join")]
    if not edges or any(e.kind != "unchanged" for e in edges):
        return "", ""
    texts = {known.get((edge.node, edge.column.lower()), "") for edge in edges}
    text = texts.pop() if len(texts) == 1 else ""
    if not text or "{{" in text or "{%" in text or "{#" in text:
        return "", ""
    return f"{label(edges[0].node)}.{edges[0].column}", text


def scalar(text: str) -> str:
    """A text as YAML on one line: bare where that is safe, else in double quotes."""
    bare = _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _YAML_WORDS
    return text if bare else json.dumps(text, ensure_ascii=False)


def _title(nodes: list[str]) -> str:
    first = label(nodes[0])
    more = f", and {counted(len(nodes) - 1, 'more node')}" if len(nodes) > 1 else ""
    return f"docs({first}): describe columns as their parents do{more}"
