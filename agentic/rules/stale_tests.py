"""AR056: tests name columns that their model never gave."""

from __future__ import annotations

from agentic.rules.asking import FileChange, recent_changes, shapes_of, text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import likeness, mentioned, mentions
from agentic.rules.past import columns_gone
from agentic.rules.registry import rule
from agentic.rules.yaml_columns import columns_named, columns_renamed
from agentic.sql.fault import listed_outputs

LIKE = 0.6


@rule(code="AR056", cls="stale_test", order=18)
def stale_test(case: Case) -> Steps[Diagnosis | None]:
    """Tests name columns that their model never gave.

    What it does:
        Takes the columns that failing tests name and the model lacks. When no other node reads
        them, and no change took them away from the model, the tests' names are wrong; each is
        paired with the one column of the model that is like it and that no test names.

    Why:
        The model is right and was never otherwise; a deleted test would guard nothing.

    Example:
        `not_null` on `linear_attribution_points`; the model has `linear_points`.

    Fix:
        The names in the YAML are corrected; every test stays.
    """
    for uid, missing in _named_by_tests(case).items():
        shapes = yield from shapes_of([uid])
        shape = shapes.get(uid)
        if shape is None or not shape.exists:
            continue
        lacking = sorted(name for name in missing if name not in shape.columns)
        if not lacking or not mentioned(case.messages, lacking[0]):
            continue
        if not (yield from _never_given(case, uid, lacking)):
            continue
        return (yield from _corrected(case, uid, lacking, [c.name for c in shape.columns.values()]))
    return None


def _named_by_tests(case: Case) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for signal in case.incident.signals:
        node = case.node(signal.node)
        if node is None or not signal.node.startswith("test.") or signal.failures is not None:
            continue
        if node.column_name and node.attached_node in case.manifest.nodes:
            found.setdefault(node.attached_node, set()).add(node.column_name.strip('"`').lower())
    return found


def _never_given(case: Case, uid: str, lacking: list[str]) -> Steps[bool]:
    """Nobody but tests reads the names, and neither the model nor what it reads ever gave them."""
    readers = [case.node(child) for child in case.readers(uid)]
    if any(mentions(node.raw_code or "", name) for node in readers for name in lacking):
        return False
    above = [u for u in case.graph.ancestors(uid) if u.startswith(("model.", "snapshot."))]
    paths = {case.path(one) for one in above}
    changes = yield from recent_changes()
    if any(change.path in paths and _took(case, change, lacking) for change in changes):
        return False
    for change in changes:
        if change.path == case.path(uid) and change.before:
            return not any(mentions(change.before, name) for name in lacking)
    gone = yield from columns_gone(uid)
    if gone is not None:
        return not gone & set(lacking)
    return not any(_handed_on(case, uid, above, name) for name in lacking)


def _took(case: Case, change: FileChange, lacking: list[str]) -> bool:
    """Did a change take one of the names out of a file's output columns?"""
    if not change.before or not any(mentions(change.before, name) for name in lacking):
        return False
    had = set(listed_outputs(change.before, case.dialect))
    return bool((had - set(listed_outputs(change.after or "", case.dialect))) & set(lacking))


def _handed_on(case: Case, uid: str, above: list[str], name: str) -> bool:
    """Without a memory of the last good build: the model hands on by a star what it reads, and a
    model above it calls an output so."""
    code = case.node(uid).raw_code or ""
    if "*" not in code or mentions(code, name):
        return False
    return any(name in listed_outputs(case.node(one).raw_code or "", case.dialect) for one in above)


def _corrected(
    case: Case, uid: str, lacking: list[str], columns: list[str]
) -> Steps[Diagnosis | None]:
    node = case.node(uid)
    path = str(node.patch_path or "").partition("://")[2] or ""
    text = yield from text_of(path)
    draft = Draft(case, uid, lacking[0], None)
    pairs = paired(lacking, columns, columns_named(text or "", node.name))
    draft.observed = pairs.get(lacking[0])
    for name in lacking[:8]:
        draft.fact(
            f"A test names {name}; {node.name} has {pairs.get(name) or 'no column like it'}.",
            f"{path}:{line_of(text or '', name)}",
        )
    names = ", ".join(lacking[:4])
    summary = f"Tests of {node.name} name {names}, which it never gave."
    after = columns_renamed(text or "", node.name, pairs)
    change = edit_change(path, text, after, "the tests' names are corrected") if text else None
    if len(pairs) < len(lacking) or change is None or case.vendored(uid):
        return draft.escalate(
            summary,
            confidence=0.9,
            next_step=f"Say which columns of {node.name} the tests in {path} mean; keep the tests.",
        )
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.93),
        decision="fix",
        title=f"fix({node.name}): its tests name the columns that it has",
        rationale=f"{summary} The names in {path} are corrected; no test is dropped or weakened.",
        changes=(change,),
    )


def paired(lacking: list[str], columns: list[str], named: set[str]) -> dict[str, str]:
    """Each name with the one column that is like it, of those that the model's entry does not name
    already."""
    free = [c for c in columns if c.lower() not in named]
    found: dict[str, str] = {}
    for name in lacking:
        ranked = sorted(free, key=lambda c: -likeness(name, c))
        if not ranked or likeness(name, ranked[0]) < LIKE:
            continue
        rivals = [c for c in ranked[1:] if likeness(name, c) >= likeness(name, ranked[0]) - 0.02]
        best = max([ranked[0], *rivals], key=lambda c: _shared(name, c))
        found[name] = best
    return found if len(set(found.values())) == len(found) else {}


def _shared(one: str, other: str) -> tuple[int, int]:
    """Words in common, then the fewest that only one of them has."""
    left, right = set(one.lower().split("_")), set(other.lower().split("_"))
    return len(left & right), -len(left ^ right)
