"""A column with a new name and a new type: its readers read the new name and convert it back."""

from __future__ import annotations

from collections.abc import Sequence

from agentic.rules.asking import Column, rows_of, text_of
from agentic.rules.case import Case, Change, Steps
from agentic.rules.drift import Drift
from agentic.rules.formats import fit_sql, fits_of, parse_template
from agentic.rules.hunks import edit_change
from agentic.rules.likeness import family
from agentic.rules.markers import markers_of
from agentic.rules.needs import Need
from agentic.rules.numbers import safe_cast
from agentic.rules.pairing import Pairing
from agentic.sql import quote, rewrite


def read_anew(case: Case, renamed: Sequence[tuple[Drift, Pairing]]) -> Steps[tuple[Change, ...]]:
    """One edit a file that reads every renamed column under its new name, converted where its type
    changed; empty when one of them cannot be done safely."""
    texts: dict[str, tuple[str, str]] = {}
    for drift, found in renamed:
        best = found.best
        if best is None:
            return ()
        template = yield from _conversion(case, drift, found.need, best.column)
        if best.retyped and not template:
            return ()
        for uid in drift.readers[found.missing]:
            path = case.path(uid)
            before, now = texts.get(path, ("", ""))
            if not before:
                text = yield from text_of(path)
                before = now = text or ""
            after = _renamed(case, drift, found.missing, best.column.name, now)
            if after and best.retyped:
                after = _converted(case, drift, best.column.name, template, after)
            if not after:
                return ()
            texts[path] = (before, after)
    why = "read under the new name, converted to the old type"
    made = [edit_change(path, before, after, why) for path, (before, after) in texts.items()]
    return tuple(one for one in made if one is not None)


def _renamed(case: Case, drift: Drift, old: str, new: str, text: str) -> str | None:
    return rewrite.rename_source_column(
        text,
        old=old,
        new=new,
        relation_markers=markers_of(case, drift.node),
        dialect=case.dialect,
        columns=[c.name for c in drift.shape.columns.values()],
    )


def _converted(case: Case, drift: Drift, column: str, template: str, text: str) -> str | None:
    return rewrite.replace_column_expression(
        text,
        column=column,
        template=template,
        dialect=case.dialect,
        relation_markers=markers_of(case, drift.node),
        columns=[c.name for c in drift.shape.columns.values()],
    )


def _sized(case: Case, drift: Drift, column: Column) -> Steps[str]:
    """The narrowest usual number that holds every value."""
    name = quote(column.name, case.dialect)
    sql = f"select max(length(split_part(trim({name}), '.', 2))) as n from {drift.shape.relation}"  # noqa: S608 -- quoted
    rows = yield from rows_of(sql, max_rows=1)
    decimals = int(rows[0]["n"] or 0) if rows else 9
    return f"decimal(18, {min(decimals, 9)})" if decimals else "bigint"


def _conversion(case: Case, drift: Drift, need: Need, column: Column) -> Steps[str]:
    """How text becomes the number or the moment that is needed; empty when it cannot be told."""
    if family(column.type) != "text":
        return ""
    if need.family == "number":
        kind = need.type.lower()
        return safe_cast(
            case.dialect, kind if "(" in kind else (yield from _sized(case, drift, column))
        )
    if need.family not in ("date", "moment"):
        return ""
    rows = yield from rows_of(
        fit_sql([column.name], drift.shape.relation, case.dialect), max_rows=1
    )
    forms = fits_of(list(rows[0].values()))[0].formats() if rows else ()
    if len(forms) != 1:
        return ""
    return parse_template(forms[0], case.dialect, as_date=need.family == "date")
