"""AR070 to AR073: what changed in raw data while its shape stayed, seen by figures alone."""

from __future__ import annotations

from agentic.records import Signal
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.registry import rule
from agentic.rules.stored_means import Moved, moved_means


@rule(code="AR070", cls="unit_scale_change", order=39)
def unit_scale_change(case: Case) -> Steps[Diagnosis | None]:
    """A number of a source arrives in another unit.

    What it does:
        Takes an anomaly whose ratio to the days before, or to the last good build, is that of two
        known units (10, 100, 1000, 60, 3600, 24, 2.54, ...). Where a test is red instead, it
        compares the means of the sources' numbers with the copies that the skipped nodes still
        hold.

    Why:
        Every type fits and often every test passes, while reports are wrong by a factor. Only the
        owner knows whether the unit changed for good, since when, and for which rows.

    Example:
        `payments.amount` is 100 times what it was on average: cents for whole units.

    Fix:
        Ask the owner. With the answer, staging converts the column once, from that day on; nothing
        is converted on a guess.
    """
    for signal in _changed(case, "unit_scale_change"):
        return _unit(case, signal)
    if case.incident.kind != "test_failure":
        return None
    found = yield from moved_means(case)
    return _against_stored(case, found) if found is not None else None


def _changed(case: Case, change: str) -> list[Signal]:
    return [
        signal
        for signal in case.incident.signals
        if signal.kind == "anomaly" and signal.figures.get("change") == change
    ]


def _unit(case: Case, signal: Signal) -> Diagnosis:
    column, scale = str(signal.figures["column"]), str(signal.figures.get("scale") or "")
    draft = _draft(case, signal)
    for other in _changed(case, "unit_scale_change"):
        if other is not signal:
            draft.fact(other.message, rows=[dict(other.figures)])
    return _ask_unit(case, draft, column, scale, signal.message)


def _against_stored(case: Case, found: Moved) -> Diagnosis:
    draft = Draft(case, found.node, found.column, f"{found.ratio:.4g} times as much on average")
    draft.fact(
        f"The mean of {found.column} is {found.now:,.4g}; its copy from the last good build has "
        f"{found.before:,.4g}.",
        found.witness.relation,
        [{"now": found.now, "last_good": found.before, "ratio": round(found.ratio, 4)}],
    )
    for text in case.messages[:1]:
        draft.fact(text[:600], case.path(case.incident.node))
    name = case.node(found.node).name
    text = f"{name}.{found.column} is {found.ratio:.4g} times what it was on average"
    return _ask_unit(case, draft, found.column, found.scale, text)


def _ask_unit(case: Case, draft: Draft, column: str, scale: str, text: str) -> Diagnosis:
    owner = _owner(case, draft.node)
    return draft.escalate(
        f"{text}; {scale}." if scale and scale not in text else f"{text}.",
        confidence=0.92,
        next_step=(
            f"Ask {owner}: did {column} change its unit, for which rows, and for good? With the "
            f"answer it is converted once where it is read.{_hold(case, draft.node)}"
        ),
    )


@rule(code="AR071", cls="volume_drop", order=39)
def volume_drop(case: Case) -> Steps[Diagnosis | None]:
    """Most rows of a load are missing.

    What it does:
        Takes an anomaly of the number of rows: of the newest day against the days before it,
        weekdays told apart, or of the relation against what it held after the last green builds.

    Why:
        Missing rows break no test: every total below is too small, and looks right.

    Example:
        `orders` has 3 rows on the newest day where 30 were usual.

    Fix:
        The owner loads the rest; publication of what lies below waits until then.
    """
    yield from ()
    for signal in _changed(case, "volume_drop"):
        owner = _owner(case, signal.node)
        return _draft(case, signal).escalate(
            f"{signal.message}.",
            confidence=0.92,
            next_step=(
                f"Ask {owner} whether the load was cut short, and to load the rest."
                f"{_hold(case, signal.node)}"
            ),
        )
    return None


@rule(code="AR072", cls="null_keys", order=39)
def silent_nulls(case: Case) -> Steps[Diagnosis | None]:
    """A column that was always filled is null in fresh rows, and no test asks for it.

    What it does:
        Takes an anomaly of a null rate that was at most 2 % and is at least 30 %.

    Why:
        Joins lose the rows and averages leave them out, without an error.

    Example:
        `orders.customer_id` is null in all rows since 2026-03-30.

    Fix:
        The owner fills it in; a `not_null` test on the column would have seen it the first day.
    """
    yield from ()
    for signal in _changed(case, "null_keys"):
        column, owner = str(signal.figures["column"]), _owner(case, signal.node)
        return _draft(case, signal).escalate(
            f"{signal.message}.",
            confidence=0.9,
            next_step=(
                f"Ask {owner} to fill {column} in, or whether it is not delivered any more."
                f"{_hold(case, signal.node)}"
            ),
        )
    return None


@rule(code="AR073", cls="value_shift", order=39)
def value_shift(case: Case) -> Steps[Diagnosis | None]:
    """A column holds other values than it did, for no known reason.

    What it does:
        Takes an anomaly of a mean that moved and stayed, of the shares of categories, or of a
        number of distinct values that fell to a tenth.

    Why:
        It may be real: a campaign, a new market. It may be a default that replaced the data.

    Example:
        `orders.channel` is `web` in every row; three channels were usual.

    Fix:
        The owner says which it is; nothing is changed before.
    """
    yield from ()
    for signal in _changed(case, "value_shift"):
        owner = _owner(case, signal.node)
        return _draft(case, signal).escalate(
            f"{signal.message}.",
            confidence=0.85,
            next_step=f"Ask {owner} whether this is real.{_hold(case, signal.node)}",
        )
    return None


def _draft(case: Case, signal: Signal) -> Draft:
    figures = signal.figures
    now = figures.get("now")
    draft = Draft(case, signal.node, str(figures.get("column") or "") or None, f"{now}")
    draft.fact(signal.message, case.node(signal.node).relation_name or "", [dict(figures)])
    code = case.readers(signal.node)
    draft.fact(f"Nothing failed; it is read by {', '.join(code[:5])}.")
    return draft


def _owner(case: Case, uid: str) -> str:
    return case.owner(uid) or f"the owner of {case.node(uid).name}"


def _hold(case: Case, uid: str) -> str:
    shown = [one.rsplit(".", 1)[-1] for one in case.affected(uid) if one.startswith("exposure.")]
    return f" Hold {', '.join(shown)} until then." if shown else ""
