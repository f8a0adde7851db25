"""AR011 and AR012: a source or seed column that the project reads is gone, or renamed."""

from __future__ import annotations

from agentic.records import Evidence
from agentic.rules.asking import recent_changes, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import Drift, source_drifts
from agentic.rules.hunks import line_of
from agentic.rules.likeness import mentioned, mentions
from agentic.rules.pairing import Candidate, Pairing, pair_all
from agentic.rules.registry import rule
from agentic.rules.retyped import read_anew


@rule(code="AR012", cls="src_column_renamed", order=20)
def src_column_renamed(case: Case) -> Steps[Diagnosis | None]:
    """A source or seed column has a new name.

    What it does:
        Compares the live columns of every source and seed above the failure with the columns that
        the project's SQL reads from them, whatever the error says, and pairs what is missing with
        what is new: by the values that the last good build still holds, by type, by name.

    Why:
        A renamed column breaks its reader, or is filled with null and breaks a test two nodes
        later, or nothing at all. The fault lies in the raw data, not where it shows.

    Example:
        `stg_orders` fails with `column "amount" does not exist`; the source has `amount_usd`,
        which holds the same values.

    Fix:
        The models that read the source read the new name and keep their own output name, so that
        nothing downstream changes. Tell the source's owner.
    """
    found = yield from _paired(case)
    renamed = [one for one in found if one[1].best is not None]
    if not renamed:
        return None
    return (yield from _renamed(case, renamed, [one for one in found if one not in renamed]))


@rule(code="AR011", cls="src_column_dropped", order=21)
def src_column_dropped(case: Case) -> Steps[Diagnosis | None]:
    """A source or seed column is gone.

    What it does:
        Finds a column that the project reads from a source or seed, that the live relation lacks,
        and for which no live column is the one successor.

    Why:
        Only the source's owner knows whether the column comes back, moved, or is gone for good.
        Filling it with null would hide the loss in every report below.

    Example:
        `raw.orders` no longer has `discount`; three models and one exposure use it.

    Fix:
        Ask the owner. A null column is a stopgap that a person may declare, never a repair.
    """
    for drift, found in (yield from _paired(case)):
        if found.best is None:
            return _dropped(case, drift, found)
    return None


def _paired(case: Case) -> Steps[list[tuple[Drift, Pairing]]]:
    """Every missing column that accounts for the failure, with what took its place; and those
    that the same nodes would miss next."""
    found: list[tuple[Drift, Pairing]] = []
    stopped: set[str] = set()
    for drift in (yield from source_drifts(case)):
        named = [m for m in drift.missing if _explains(case, drift, m)]
        beside = [m for m in drift.missing if stopped & set(drift.readers[m])]
        if not named and not beside:
            continue
        pairs = yield from pair_all(case, drift)
        first = [m for m in named if m in pairs]
        stopped |= {uid for m in first for uid in drift.readers[m]}
        # The build stops at the first unknown name: the relation's other lost columns come next.
        rest = [m for m in pairs if m not in first and drift.readers[m]]
        found += [(drift, pairs[m]) for m in [*first, *rest]]
    return found


def _explains(case: Case, drift: Drift, missing: str) -> bool:
    """Does this drift account for the failure? A message that names the column does; so does a
    reader that failed, or a failure below with no message of its own about a column."""
    if mentioned(case.messages, missing):
        return True
    if not drift.readers[missing]:
        return False
    named_elsewhere = "column" in " ".join(case.messages).lower()
    return not named_elsewhere or drift.node in case.failing


def _renamed(
    case: Case, renamed: list[tuple[Drift, Pairing]], lost: list[tuple[Drift, Pairing]]
) -> Steps[Diagnosis]:
    (drift, found), best = renamed[0], _best(renamed[0][1])
    draft = Draft(case, drift.node, found.missing, best.column.name)
    for one, pairing in renamed:
        new, missing = _best(pairing).column.name, pairing.missing
        _relation_facts(draft, one, missing)
        reasons = _best(pairing).reasons()
        draft.fact(f"{new} takes the place of {missing}: {reasons}.", one.shape.relation)
        _rejected(draft, pairing)
        yield from _code_facts(draft, case, one.readers[missing], missing)
    named = mentioned(case.messages, found.missing)
    confidence = min(0.98, 0.9 + 0.06 * best.score + (0.02 if named else 0.0))
    name = case.node(drift.node).name
    said = "; ".join(
        f"{case.node(one.node).name}: {p.missing} to {_best(p).column.name}" for one, p in renamed
    )
    summary = (
        f"{_kind(drift)} {name} has renamed {found.missing} to {best.column.name}; the project "
        f"still reads {found.missing}."
    )
    summary = summary if len(renamed) == 1 else f"Columns were renamed ({said})."
    finding = draft.finding(
        summary,
        confidence=confidence,
        next_step=_tell(case, drift, found.missing, best.column.name),
    )
    if lost:
        gone = ", ".join(f"{case.node(one.node).name}.{p.missing}" for one, p in lost)
        step = f"{gone} is gone too, and nothing fits it: both are one change of the source."
        return Diagnosis(finding, "escalate", finding.summary, rationale=step)
    readers = {uid for one, p in renamed for uid in one.readers[p.missing]}
    if not readers or any(case.vendored(uid) for uid in readers):
        step = (
            f"{best.column.name} is read inside an installed package or through `*`: override "
            "that model."
        )
        return Diagnosis(finding, "escalate", finding.summary, rationale=step)
    retyped = any(_best(p).retyped for _, p in renamed)
    changes = (yield from read_anew(case, renamed)) if retyped else _renames(case, renamed)
    if not changes:
        step = f"{best.column.name} has another type as well ({best.column.type}): convert it."
        return Diagnosis(finding, "escalate", finding.summary, rationale=step)
    first = case.node(drift.readers[found.missing][0]).name
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({first}): read {said.split(': ', 1)[1].replace(' to ', ' as ')}"
        if len(renamed) == 1
        else f"fix({first}): read renamed columns by their new names",
        rationale=(
            f"{summary} The readers read the new names and keep the names of their outputs, so "
            "nothing below changes."
        ),
        changes=changes,
        rename_undone=()
        if retyped
        else tuple((one.node, p.missing, _best(p).column.name) for one, p in renamed),
    )


def _best(found: Pairing) -> Candidate:
    assert found.best is not None
    return found.best


def _renames(case: Case, renamed: list[tuple[Drift, Pairing]]) -> tuple[Change, ...]:
    changes = []
    for drift, found in renamed:
        new, name = _best(found).column.name, case.node(drift.node).name
        why = f"{name} has renamed {found.missing} to {new}; every output keeps its name."
        for uid in drift.readers[found.missing]:
            given = {"node": uid, "old": found.missing, "new": new, "parent": drift.node}
            changes.append(Change("rename_column", {**given, "why": why}))
    return tuple(changes)


def _dropped(case: Case, drift: Drift, found: Pairing) -> Diagnosis:
    missing = found.missing
    draft = Draft(case, drift.node, missing, None)
    _relation_facts(draft, drift, missing)
    _rejected(draft, found)
    name = case.node(drift.node).name
    below = len(case.affected(drift.node))
    maybe = ", ".join(c.column.name for c in found.candidates[:3] if c.score >= 0.3)
    ask = f" Is it one of {maybe}?" if maybe else ""
    named = mentioned(case.messages, missing)
    return draft.escalate(
        f"{_kind(drift)} {name} has no column {missing} any more; {below} nodes lie below it.",
        confidence=0.92 if named else 0.75,
        next_step=(
            f"Ask {case.owner(drift.node) or 'the owner of ' + name} whether {missing} comes back, "
            f"moved or is gone for good.{ask} No null column is put in its place unasked."
        ),
    )


def _relation_facts(draft: Draft, drift: Drift, missing: str) -> None:
    columns = ", ".join(c.name for c in drift.shape.columns.values())
    where = drift.shape.relation or draft.case.path(drift.node)
    draft.fact(f"{missing} is read by the project and is no column of it: {columns}.", where)
    for text in draft.case.messages:
        if mentions(text, missing):
            draft.fact(text[:600], draft.case.path(draft.case.incident.node))
            break


def _rejected(draft: Draft, found: Pairing) -> None:
    for other in found.candidates[1 if found.best else 0 :][:4]:
        draft.evidence.append(
            Evidence(f"Not taken for {found.missing}: {other.column.name} ({other.reasons()}).")
        )


def _code_facts(draft: Draft, case: Case, readers: tuple[str, ...], missing: str) -> Steps[None]:
    for uid in readers[:3]:
        path = case.path(uid)
        code = case.node(uid).raw_code or ""
        line = line_of(code, missing)
        draft.fact(f"{uid} reads {missing}.", f"{path}:{line}")
    if draft.node.startswith("seed."):
        yield from _header_facts(draft, case)


def _header_facts(draft: Draft, case: Case) -> Steps[None]:
    path = case.path(draft.node)
    for change in (yield from recent_changes()):
        if change.path == path and change.before and change.after:
            was, now = change.before.split("\n", 1)[0], change.after.split("\n", 1)[0]
            if was != now:
                draft.fact(f"The header was {was} and is {now} ({change.origin}).", f"{path}:1")
                return
    text = yield from text_of(path)
    if text:
        draft.fact(f"The header is {text.split(chr(10), 1)[0]}.", f"{path}:1")


def _tell(case: Case, drift: Drift, missing: str, new: str) -> str:
    owner = case.owner(drift.node) or "its owner"
    reload = " Load it once with `dbt seed --full-refresh`." if _is_seed(drift) else ""
    tested = [
        uid
        for uid in case.graph.children(drift.node)
        if uid.startswith("test.") and (case.node(uid).column_name or "").lower() == missing
    ]
    tests = f" Its own tests still name {missing}: {case.path(tested[0])}." if tested else ""
    return f"Tell {owner} that {missing} was renamed to {new} without notice.{reload}{tests}"


def _is_seed(drift: Drift) -> bool:
    return drift.node.startswith("seed.")


def _kind(drift: Drift) -> str:
    return "Seed" if _is_seed(drift) else "Source"
