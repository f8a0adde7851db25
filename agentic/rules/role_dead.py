"""Dead columns: made, and read by nothing that this project knows of.

They are reported. Only a request that says so has them taken out, and a person is asked then: that
nobody outside of dbt reads them is not for this project to know.
"""

from __future__ import annotations

import re
from typing import Any

from agentic.lineage import ColumnLineage, Impact, impact
from agentic.rules.asking import ask, text_of
from agentic.rules.case import Case, Steps
from agentic.rules.hunks import edit_change
from agentic.rules.role_work import (
    ROOTS,
    asked_about,
    counted,
    label,
    listed,
    live_shapes,
    own_nodes,
    report,
    seen_at,
    traced,
)
from agentic.rules.routines import routine

MOST = 60
_REMOVE = re.compile(r"(?i)\b(?:remove|drop|take out|delete)\b")
_READERS = ("model.", "snapshot.")


@routine("cost", order=50)
def report_dead_columns(case: Case) -> Steps[None]:
    """Report columns of inner nodes that no node, test, exposure or contract reads."""
    dead, open_ends = yield from _found(case)
    yield from _told(case, dead, open_ends)


@routine("cost", when=lambda text: bool(_REMOVE.search(text)), order=20)
def remove_dead_columns(case: Case) -> Steps[None]:
    """Propose to take them out of the select, where that is a line of its own."""
    dead, open_ends = yield from _found(case)
    by_node: dict[str, list[str]] = {}
    for uid, column in dead:
        by_node.setdefault(uid, []).append(column)
    gone: list[tuple[str, str]] = []
    for uid in list(by_node)[: case.nodes_changed]:
        gone += yield from _taken_out(case, uid, by_node[uid])
    rest = [one for one in dead if one not in gone]
    if not gone:
        yield from _told(case, rest, open_ends)
        return
    names = [f"{uid}.{column}" for uid, column in gone]
    left = f" Left as they are: {_names(rest)}." if rest else ""
    yield from report(
        decision="fix",
        title=f"perf({label(gone[0][0])}): drop {counted(len(gone), 'column')} that nothing reads",
        rationale=f"No node, test, exposure, metric or contract of this project reads "
        f"{_names(gone)}. Somebody outside of dbt still may: ask before the merge.{left} "
        f"{_unknown(open_ends)}".strip(),
        said=_finding(gone, names),
    )


def _taken_out(case: Case, uid: str, columns: list[str]) -> Steps[list[tuple[str, str]]]:
    path = case.path(uid)
    text = yield from text_of(path)
    after, gone = text or "", []
    for column in columns:
        line = re.compile(
            rf"^[ \t]*(?:[^\n()]*\bas[ ]+|\w+\.)?{re.escape(column)}[ ]*,[ \t]*\r?\n",
            re.MULTILINE | re.IGNORECASE,
        )
        if len(line.findall(after)) == 1 and len(re.findall(rf"(?i)\b{column}\b", after)) == 1:
            after = line.sub("", after)
            gone.append((uid, column))
    change = edit_change(path, text or "", after, "columns that nothing reads") if gone else None
    if change is None:
        return []
    result = yield from ask(change.name, **change.input)
    return [] if result.is_error or result.decision is not None else gone


def _names(columns: list[tuple[str, str]]) -> str:
    return listed([f"{label(uid)}.{column}" for uid, column in columns])


def _found(case: Case) -> Steps[tuple[list[tuple[str, str]], list[str]]]:
    """Dead columns, and those whose readers cannot all be followed."""
    shapes = yield from live_shapes(own_nodes(case, *ROOTS))
    lineage = traced(case, shapes)
    dead: list[tuple[str, str]] = []
    open_ends: list[str] = []
    for uid in asked_about(case, own_nodes(case, "model.")):
        if not _inner(case, uid):
            continue
        for column in lineage.columns(uid) or ("*",):
            found = _reach(case, lineage, uid, column)
            if found is not None and (found.exposures or found.metrics):
                continue
            if found is None or found.verdict == "unknown":
                open_ends.append(f"{uid}.{column}")
            elif found.verdict == "non_breaking" and not _rows_depend(lineage, uid, column):
                dead.append((uid, column))
    return dead, open_ends


def _inner(case: Case, uid: str) -> bool:
    """A node that others of the project read, and that nothing says is read from outside.

    What ends the lineage is read by people or not at all: nobody here can know.
    """
    node = case.node(uid)
    below = case.graph.children(uid)
    if node.access == "public" or node.contract_enforced:
        return False
    return any(one.startswith(_READERS) for one in below) and not any(
        one.startswith("exposure.") for one in below
    )


def _reach(case: Case, lineage: ColumnLineage, uid: str, column: str) -> Impact | None:
    if column == "*":
        return None
    return impact(uid, column, manifest=case.manifest, graph=case.graph, lineage=lineage)


def _rows_depend(lineage: ColumnLineage, uid: str, column: str) -> bool:
    """Whether some node filters or joins by it."""
    return any(edge.node for edge in lineage.downstream(uid, column))


def _unknown(open_ends: list[str]) -> str:
    """Columns (`*`: some that cannot be listed) of which nothing is claimed, in words."""
    told = f"they or a reader of them cannot be followed: {listed(open_ends)}"
    return f"Not known, since {told}." if open_ends else ""


def _told(case: Case, dead: list[tuple[str, str]], open_ends: list[str]) -> Steps[None]:
    unknown = _unknown(open_ends)
    if not dead:
        text = "every column of an inner node is read by something."
        text = f"Where it can be followed, {text} {unknown}" if unknown else f"E{text[1:]}"
        yield from report(
            decision="escalate" if unknown else "no_change",
            title="not every column can be followed" if unknown else "no dead column",
            rationale=text,
            said=None,
            step="A person says whether anything reads these columns." if unknown else "",
        )
        return
    title = f"{counted(len(dead), 'column')} that nothing here reads"
    if len(dead) > MOST:
        unknown = f"{len(dead) - MOST} more are not listed here. {unknown}"
        dead = dead[:MOST]
    names = [f"{uid}.{column}" for uid, column in dead]
    nodes = sorted({uid for uid, _ in dead})
    owners = sorted({owner for uid in nodes if (owner := case.owner(uid))})
    asked = f" Ask {', '.join(owners)} first." if owners else ""
    yield from report(
        decision="escalate",
        title=title,
        rationale=(
            f"{'; '.join(f'{label(uid)}.{column}' for uid, column in dead)} are computed, and no "
            "node, test, exposure, metric or contract of this project reads them. Somebody outside "
            f"of dbt still may. {unknown}"
        ).strip(),
        said=_finding(dead, names),
        step=f"Ask who reads these relations outside of dbt; what nobody needs may go.{asked}",
    )


def _finding(dead: list[tuple[str, str]], names: list[str]) -> dict[str, Any]:
    by_node: dict[str, list[str]] = {}
    for uid, column in dead:
        by_node.setdefault(uid, []).append(column)
    return {
        "summary": f"{counted(len(dead), 'column')} computed, and read by nothing in this project.",
        "savings": [
            {
                "node": uid,
                "observed": f"{', '.join(columns)}: no reader, test, exposure or contract",
                "suggestion": "take them out of the select, once nobody outside of dbt reads them",
                "saves": f"{counted(len(columns), 'column')} of each run and row; not measured",
                "confidence": 0.6,
            }
            for uid, columns in by_node.items()
        ],
        "evidence": [seen_at("Column lineage finds no reader.", *names)],
    }
