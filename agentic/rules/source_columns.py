"""AR011 and AR012: a source or seed column that the project reads is gone, or renamed."""

from __future__ import annotations

from agentic.records import Evidence
from agentic.rules.asking import recent_changes, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import Drift, source_drifts
from agentic.rules.hunks import line_of
from agentic.rules.likeness import mentioned, mentions
from agentic.rules.pairing import Pairing, pair
from agentic.rules.registry import rule


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
    for drift in (yield from source_drifts(case)):
        for missing in drift.missing:
            if not _explains(case, drift, missing):
                continue
            found = yield from pair(case, drift, missing)
            if found.best is not None:
                return (yield from _renamed(case, drift, found))
    return None


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
    for drift in (yield from source_drifts(case)):
        for missing in drift.missing:
            if not _explains(case, drift, missing):
                continue
            found = yield from pair(case, drift, missing)
            if found.best is None:
                return _dropped(case, drift, found)
    return None


def _explains(case: Case, drift: Drift, missing: str) -> bool:
    """Does this drift account for the failure? A message that names the column does; so does a
    reader that failed, or a failure below with no message of its own about a column."""
    if mentioned(case.messages, missing):
        return True
    if not drift.readers[missing]:
        return False
    named_elsewhere = "column" in " ".join(case.messages).lower()
    return not named_elsewhere or drift.node in case.failing


def _renamed(case: Case, drift: Drift, found: Pairing) -> Steps[Diagnosis]:
    best = found.best
    assert best is not None
    new, missing = best.column.name, found.missing
    draft = Draft(case, drift.node, missing, new)
    _relation_facts(draft, drift, missing)
    draft.fact(f"{new} takes the place of {missing}: {best.reasons()}.", drift.shape.relation)
    _rejected(draft, found)
    readers = drift.readers[missing]
    yield from _code_facts(draft, case, readers, missing)
    named = mentioned(case.messages, missing)
    confidence = min(0.98, 0.9 + 0.06 * best.score + (0.02 if named else 0.0))
    name = case.node(drift.node).name
    finding = draft.finding(
        f"{_kind(drift)} {name} has renamed {missing} to {new}; the project still reads {missing}.",
        confidence=confidence,
        next_step=_tell(case, drift, missing, new),
    )
    own = [uid for uid in readers if not case.vendored(uid)]
    if not own or len(own) < len(readers):
        step = f"{new} is read inside an installed package or through `*`: override that model."
        return Diagnosis(finding, "escalate", finding.summary, rationale=step)
    why = f"{name} has renamed {missing} to {new}; every output keeps its name."
    changes = tuple(
        Change(
            "rename_column",
            {"node": uid, "old": missing, "new": new, "parent": drift.node, "why": why},
        )
        for uid in own
    )
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({case.node(own[0]).name}): read {missing} as {new}, its new name in {name}",
        rationale=(
            f"{_kind(drift)} {name} has {new} where the project expects {missing}. Its readers "
            "read the new name and keep the names of their outputs, so nothing below changes."
        ),
        changes=changes,
        rename_undone=((drift.node, missing, new),),
    )


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
