"""AR076 and AR078: an incremental relation that its query has outgrown, or whose rows came late."""

from __future__ import annotations

import re

from agentic.rules.asking import text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.hunks import edit_change
from agentic.rules.registry import rule

_TOLD = re.compile(r"schemas? on this incremental model .{0,40}out of sync", re.I | re.S)
_LISTS = {
    "added": re.compile(r"source columns not in target:\s*(\[.*?\])\s*(?:$|\n)", re.I),
    "gone": re.compile(r"target columns not in source:\s*(\[.*?\])\s*(?:$|\n)", re.I),
    "retyped": re.compile(r"new column types:\s*(\[.*?\])\s*(?:$|\n)", re.I),
}
_FAIL = re.compile(r"(on_schema_change\s*[=:]\s*['\"]?)fail\b")


@rule(code="AR076", cls="incremental_schema_change", order=12)
def incremental_schema_change(case: Case) -> Steps[Diagnosis | None]:
    """An incremental model has other columns than its relation, and is told to fail.

    What it does:
        Reads dbt's own comparison of the query with the relation: columns that are new, gone, or
        of another type.

    Why:
        New columns can be appended and lose nothing. A column that went, or changed its type, takes
        stored values with it: that is a full refresh, and somebody's decision.

    Example:
        `fct_orders` selects a new `loaded_by`; `on_schema_change: fail` stops it.

    Fix:
        Only new columns: `on_schema_change` becomes `append_new_columns` where it stands. Anything
        else: a person approves a full refresh, or takes the change back.
    """
    text = next((one for one in case.messages if _TOLD.search(one)), None)
    node = case.node(case.incident.node)
    if text is None or node is None:
        return None
    lists = {name: _names(pattern, text) for name, pattern in _LISTS.items()}
    first = (lists["added"] + lists["gone"] + lists["retyped"] or [""])[0]
    draft = Draft(case, node.unique_id, first or None, ", ".join(lists["added"]) or None)
    draft.fact(text[:1000], node.original_file_path)
    only_new = bool(lists["added"]) and not lists["gone"] and not lists["retyped"]
    summary = f"{node.name} has other columns than its relation, and on_schema_change says fail."
    path, before, after = (yield from _appending(case)) if only_new else ("", "", "")
    change = edit_change(path, before, after, "new columns are appended") if after else None
    if change is None or case.vendored(node.unique_id):
        what = "; ".join(f"{name}: {', '.join(c)}" for name, c in lists.items() if c)
        owner = case.owner(node.unique_id) or f"the owner of {node.name}"
        return draft.escalate(
            summary,
            confidence=0.95,
            next_step=(
                f"Ask {owner} ({what or 'see the message'}): run `dbt build --full-refresh -s "
                f"{node.name}`, which rebuilds every row, or take the change of columns back?"
            ),
        )
    added = ", ".join(lists["added"])
    return Diagnosis(
        finding=draft.finding(
            summary,
            confidence=0.95,
            next_step=f"Older rows have null in {added}; a full refresh would fill them.",
        ),
        decision="fix",
        title=f"fix({node.name}): append the new column {added}",
        rationale=f"{summary} Only new columns came ({added}), so appending them loses nothing.",
        changes=(change,),
    )


_COLUMN = re.compile(
    r"column(?:_name)?['\"]?\s*[=:]\s*['\"](\w+)|<\w*Column (\w+)|[\[,]\s*['\"](\w+)"
)
"""A column in the list that dbt prints: by name, or as its adapter writes the object."""


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    found = pattern.search(text)
    hits = _COLUMN.findall(found[1]) if found else []
    return [next(name for name in hit if name) for hit in hits]


def _appending(case: Case) -> Steps[tuple[str, str, str]]:
    """(path, before, after) of the one place that says `fail`; empty where it is not plain."""
    node = case.node(case.incident.node)
    patch = str(getattr(node, "patch_path", "") or "").split("://", 1)[-1]
    for path in (node.original_file_path, patch):
        before = yield from text_of(path)
        if before and len(_FAIL.findall(before)) == 1:
            return path, before, _FAIL.sub(r"\1append_new_columns", before)
    return "", "", ""


@rule(code="AR078", cls="late_arriving", order=39)
def late_arriving(case: Case) -> Steps[Diagnosis | None]:
    """Rows came after the incremental window that should have taken them.

    What it does:
        Takes an anomaly of an incremental model: keys that its parent holds, older than its newest
        window and not older than its oldest row, which it lacks although it filters by time alone.

    Why:
        No later run takes them: each looks at the newest days only. Totals stay too small.

    Example:
        5 orders of March 3rd arrived on the 20th; the window looks back 7 days.

    Fix:
        A look-back as long as rows are late, and a backfill of the days that miss rows: both cost,
        so a person says how far back.
    """
    yield from ()
    for signal in case.incident.signals:
        if signal.kind != "anomaly" or signal.figures.get("change") != "late_arriving":
            continue
        node, figures = case.node(signal.node), signal.figures
        draft = Draft(case, signal.node, str(figures["column"]), f"{figures['now']:.0f} keys lost")
        draft.fact(signal.message, node.relation_name or "", [dict(figures)])
        owner = case.owner(signal.node) or f"the owner of {node.name}"
        return draft.escalate(
            f"{signal.message}.",
            confidence=0.9,
            next_step=(
                f"Ask {owner} how late rows may come: the look-back of {node.name} is set to that, "
                f"and the days from {figures['since']} on are built again once "
                "(`agentic` proposes no backfill that is not approved)."
            ),
        )
    return None
