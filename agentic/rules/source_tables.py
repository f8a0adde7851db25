"""AR013 and AR014: a source's table is not there, or has had no new rows."""

from __future__ import annotations

import re

from agentic.rules.asking import Shape, ask, rows_of, shapes_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.drift import expected_columns
from agentic.rules.likeness import mentioned
from agentic.rules.registry import rule

_ABSENT = re.compile(
    r"does(?: not|n't) exist|not found|unknown (?:table|relation)|no such table|cannot be found",
    re.IGNORECASE,
)


@rule(code="AR013", cls="source_table_missing", order=22)
def source_table_missing(case: Case) -> Steps[Diagnosis | None]:
    """A source's table does not exist.

    What it does:
        Asks the warehouse for every source above the failure, and looks in the same schema for a
        table that nobody declared and that has the columns the project reads.

    Why:
        An empty table in its place would build green and publish nothing.

    Example:
        `raw.payments` was renamed to `raw.payments_v2` by its loader.

    Fix:
        The owner loads it again, or says that the table which fits takes its place.
    """
    if not any(_ABSENT.search(text) for text in case.messages):
        return None
    shapes = yield from shapes_of(case.above("source"))
    gone = [uid for uid, shape in shapes.items() if not shape.exists]
    gone.sort(key=lambda uid: (not mentioned(case.messages, case.node(uid).alias), uid))
    return (yield from _reported(case, gone[0], shapes[gone[0]])) if gone else None


def _reported(case: Case, uid: str, shape: Shape) -> Steps[Diagnosis]:
    node = case.node(uid)
    draft = Draft(case, uid, None, "no such table")
    draft.fact("The warehouse has no such relation.", shape.relation)
    for text in case.messages[:1]:
        draft.fact(text[:600], case.path(case.incident.node))
    fits = yield from _fitting(case, uid)
    owner = case.owner(uid) or f"the owner of {node.name}"
    hint = ""
    if fits:
        draft.fact(f"Undeclared tables with the columns that are read: {', '.join(fits)}.")
    if len(fits) == 1:
        draft.observed = fits[0]
        hint = f" {fits[0]} has every column that is read: is it the new name?"
    return draft.escalate(
        f"The table of source {node.name} is not in the warehouse.",
        confidence=0.95,
        next_step=f"Ask {owner} to load it again.{hint} No empty table is put in its place.",
    )


def _fitting(case: Case, uid: str) -> Steps[list[str]]:
    """Tables of the same schema that no node owns and that hold every column read."""
    node = case.node(uid)
    sql = (
        "select table_name, column_name from information_schema.columns "  # noqa: S608 -- escaped
        f"where lower(table_schema) = '{_literal(node.schema)}' order by 1, 2"
    )
    rows = yield from rows_of(sql, max_rows=500)
    tables: dict[str, set[str]] = {}
    for row in rows or []:
        name, column = (str(value) for value in row.values())
        tables.setdefault(name, set()).add(column.lower())
    taken = {str(one.alias or one.name).lower() for one in case.manifest.all.values()}
    wanted = expected_columns(case, uid)
    fits = [name for name, have in tables.items() if wanted and wanted <= have]
    return sorted(name for name in fits if name.lower() not in taken)


def _literal(text: str | None) -> str:
    return (text or "").lower().replace("'", "''")


@rule(code="AR014", cls="stale_source", order=23)
def stale_source(case: Case) -> Steps[Diagnosis | None]:
    """A source has had no new rows for longer than allowed.

    What it does:
        Takes dbt's freshness result and compares the source with its siblings: one that stopped
        alone has a fault of its own, all of them together point at the loader.

    Why:
        Reports on old rows look right. Widening the limit hides that the loader stopped.

    Example:
        `payments` ends four days ago while `orders` of the same source is from this morning.

    Fix:
        The owner starts the load again; publication of what lies below waits.
    """
    stale = [s for s in case.incident.signals if s.kind == "source_stale" and case.node(s.node)]
    if not stale:
        return None
    head = stale[0]
    node = case.node(head.node)
    draft = Draft(case, head.node, getattr(node, "loaded_at_field", None), head.message[:200])
    draft.fact(head.message, case.path(head.node))
    result = yield from ask("freshness", node=head.node)
    siblings = result.content.get("tables", []) if not result.is_error else []
    names = {signal.node for signal in stale}
    fresh = [one["node"].rsplit(".", 1)[-1] for one in siblings if one["node"] not in names]
    rows = [{"table": one["node"], "newest": one.get("newest")} for one in siblings]
    if rows:
        draft.fact("The newest row of each table of this source.", rows=rows)
    marts = [uid for uid in case.affected(head.node) if uid.startswith("exposure.")]
    alone = f" {', '.join(fresh)} of the same source go on." if fresh else ""
    if len(siblings) > 1 and not fresh:
        alone = f" So have all {len(siblings)} tables of the source: its whole loader stopped."
    owner = case.owner(head.node) or f"the owner of {node.name}"
    hold = f" Hold {', '.join(u.rsplit('.', 1)[-1] for u in marts)} until then." if marts else ""
    return draft.escalate(
        f"{node.name} has had no new rows for too long.{alone}",
        confidence=0.96,
        next_step=f"Ask {owner} why the load stopped and when it goes on.{hold}",
    )
