"""AR020: a parent model calls an output column something else than its children expect."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from agentic.rules.asking import Shape, shapes_of, text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.drift import Drift, drift_of, ordered
from agentic.rules.history import latest_change, restored
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import mentioned, mentions, words_of
from agentic.rules.mends import KEYWORDS, tokens
from agentic.rules.pairing import pair
from agentic.rules.registry import rule
from agentic.rules.unfinished import finish
from agentic.sql import rewrite
from agentic.sql.fault import listed_outputs, shown


@rule(code="AR020", cls="upstream_alias_renamed", order=30)
def upstream_alias_renamed(case: Case) -> Steps[Diagnosis | None]:
    """A parent model renamed an output column, and a child or a test still reads the old name.

    What it does:
        Compares the columns of every model above the failure with what its children and tests
        read from it, and pairs the missing name with the new one by the change in the history, by
        values, by type and by name.

    Why:
        The child shows the error and is right; the parent broke its own interface.

    Example:
        `int_orders` calls `order_total` `total` now; `fct_orders` fails.

    Fix:
        The parent gets the old output name back: one line instead of one in every consumer. While
        the rename is not committed it is work in progress: then every consumer follows it, if all
        of them can.
    """
    for drift in (yield from _drifts(case)):
        for missing in drift.missing:
            if not mentioned(case.messages, missing) and drift.node not in case.failing:
                continue
            found = yield from _comma_back(case, drift, missing)
            if found is not None:
                return found
            observed = yield from _new_name(case, drift, missing)
            if observed is not None:
                return (yield from _repaired(case, drift, missing, observed))
    return None


def _comma_back(case: Case, drift: Drift, missing: str) -> Steps[Diagnosis | None]:
    """`a` above `b` without a comma is `a as b`: the column is not renamed, but lost."""
    path = case.path(drift.node)
    text = None if case.vendored(drift.node) else (yield from text_of(path))
    stream = tokens(shown(text)) if text else []
    for left, right in pairwise(stream):
        if left.low != missing or right.kind != "word" or right.low in KEYWORDS or not text:
            continue
        after = f"{text[: left.end]},{text[left.end :]}"
        lost = "\n" in text[left.end : right.start]
        change = edit_change(path, text, after, f"a comma after {left.text}") if lost else None
        given = listed_outputs(after, case.dialect)
        if change is None or missing not in given or right.low not in given:
            continue
        name = case.node(drift.node).name
        draft = Draft(case, drift.node, missing, right.text)
        draft.fact(
            f"Without a comma {left.text} is called {right.text} here.",
            f"{path}:{text.count(chr(10), 0, left.start) + 1}",
        )
        finding = draft.finding(
            f"{name} lost its column {missing}: a comma is missing after it.", confidence=0.94
        )
        finding = msgspec.structs.replace(finding, cls="syntax_error")
        title = f"fix({name}): put a comma after {missing}"
        return Diagnosis(finding, "fix", title, finding.summary, (change,))
    return None


def _drifts(case: Case) -> Steps[list[Drift]]:
    nodes = case.above("model", "snapshot")
    shapes = yield from shapes_of(nodes)
    found = [d for uid, shape in shapes.items() if (d := drift_of(case, uid, shape))]
    found = found or _through_stars(case, shapes)
    # A parent that lacks the column because its own parent does is not the cause.
    highest = case.graph.earliest([d.node for d in found])
    return ordered(case, [d for d in found if d.node in highest])


def _through_stars(case: Case, shapes: dict[str, Shape]) -> list[Drift]:
    """The one parent that lacks what a failing child got from it by a star and handed on.

    Where several relations are read by stars, no code says which of them gave a column: the
    child's last build does, that had it, and the other parents do, that have it still.
    """
    found = []
    for child in (uid for uid in case.failing if uid.startswith("model.")):
        built = shapes.get(child)
        parents = [uid for uid in case.graph.parents(child) if uid in shapes]
        if built is None or "*" not in (case.node(child).raw_code or "") or not parents:
            continue
        own = listed_outputs(case.node(child).raw_code or "", case.dialect)
        told = [key for key in built.columns if mentioned(case.messages, key) and key not in own]
        for name in told:
            lacking = [uid for uid in parents if name not in shapes[uid].columns]
            if len(lacking) != 1 or not shapes[lacking[0]].exists:
                continue
            shape = shapes[lacking[0]]
            new = tuple(c for key, c in shape.columns.items() if key not in built.columns)
            found.append(Drift(lacking[0], (name,), new, shape, {name: (child,)}))
    return found


def _new_name(case: Case, drift: Drift, missing: str) -> Steps[str | None]:
    """The live column that took the name's place; empty when it is gone, None when unsure."""
    change = yield from latest_change(case.path(drift.node))
    if change is not None and change.before and change.after:
        had = listed_outputs(change.before, case.dialect)
        now = listed_outputs(change.after, case.dialect)
        fresh = [c.name for c in drift.added if c.name.lower() in now and c.name.lower() not in had]
        if len(fresh) == 1 and (missing in had or mentions(change.before, missing)):
            return fresh[0]
        if mentions(change.before, missing) and not mentions(change.after, missing):
            return ""
    found = yield from pair(case, drift, missing)
    return found.best.column.name if found.best is not None else by_words(drift, missing)


def by_words(drift: Drift, missing: str) -> str | None:
    """The one new column whose words are among the missing one's, or hold them all."""
    words = set(words_of(missing))
    near = [c.name for c in drift.added if _nested(words, set(words_of(c.name)))]
    return near[0] if len(near) == 1 else None


def _nested(one: set[str], other: set[str]) -> bool:
    return bool(one and other) and (one <= other or other <= one)


def _repaired(case: Case, drift: Drift, missing: str, observed: str) -> Steps[Diagnosis]:
    name, path = case.node(drift.node).name, case.path(drift.node)
    draft = Draft(case, drift.node, missing, observed or None)
    columns = ", ".join(c.name for c in drift.shape.columns.values())
    draft.fact(
        f"{missing} is read from {name} and is no column of it: {columns}.", drift.shape.relation
    )
    for uid in drift.readers[missing][:3]:
        line = line_of(case.node(uid).raw_code or "", missing)
        draft.fact(f"{uid} reads {missing}.", f"{case.path(uid)}:{line}")
    summary = f"{name} no longer calls a column {missing}; its children read that name."
    if observed:
        summary = f"{name} has renamed {missing} to {observed}; its children still read {missing}."
    if observed:
        finished = yield from finish(case, drift, draft, (missing, observed))
        if finished is not None:
            return finished
    text = None if case.vendored(drift.node) else (yield from text_of(path))
    after = (
        text
        and observed
        and rewrite.rename_output_column(text, observed, missing, dialect=case.dialect)
    )
    change = edit_change(path, text, after, f"children read {missing}") if text and after else None
    if change is None:
        return (yield from restored(case, draft, summary, f"its column {missing}"))
    draft.fact(f"The output is named {observed} here.", f"{path}:{line_of(text or '', observed)}")
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.95),
        decision="fix",
        title=f"fix({name}): call the column {missing} again, as its children do",
        rationale=f"{summary} The name is given back where it was changed.",
        changes=(change,),
    )
