"""Dead columns: made, and read by nothing that this project knows of."""

from __future__ import annotations

from typing import Any

from agentic.lineage import ColumnLineage, Impact, impact
from agentic.rules.case import Case, Steps
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
_READERS = ("model.", "snapshot.")


@routine("cost", order=50)
def report_dead_columns(case: Case) -> Steps[None]:
    """Report columns of inner nodes that no node, test, exposure or contract reads."""
    shapes = yield from live_shapes(own_nodes(case, *ROOTS))
    lineage = traced(case, shapes)
    dead: list[tuple[str, str]] = []
    open_ends: list[str] = []
    for uid in asked_about(case, own_nodes(case, "model.")):
        if not _inner(case, uid):
            continue
        for column in lineage.columns(uid):
            found = _reach(case, lineage, uid, column)
            if found is None or found.exposures or found.metrics:
                continue
            if found.verdict == "unknown":
                open_ends.append(f"{uid}.{column}")
            elif found.verdict == "non_breaking" and not _rows_depend(lineage, uid, column):
                dead.append((uid, column))
    yield from _told(case, dead[:MOST], open_ends)


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


def _told(case: Case, dead: list[tuple[str, str]], open_ends: list[str]) -> Steps[None]:
    unknown = (
        f"Not known, since a reader of them cannot be followed: {listed(open_ends)}."
        if open_ends
        else ""
    )
    if not dead:
        text = "Every column of an inner node is read by something."
        yield from report(
            decision="no_change",
            title="no dead column",
            rationale=f"{text} {unknown}".strip(),
            said=None,
        )
        return
    names = [f"{uid}.{column}" for uid, column in dead]
    nodes = sorted({uid for uid, _ in dead})
    owners = sorted({owner for uid in nodes if (owner := case.owner(uid))})
    asked = f" Ask {', '.join(owners)} first." if owners else ""
    yield from report(
        decision="escalate",
        title=f"{counted(len(dead), 'column')} that nothing here reads",
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
