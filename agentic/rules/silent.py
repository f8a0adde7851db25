"""AR070 to AR073, AR077: raw data that changed while its shape stayed, seen by figures alone."""

from __future__ import annotations

from agentic.records import Signal
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.raw_moves import RawMove, raw_moves
from agentic.rules.registry import rule
from agentic.rules.stored_means import Moved, moved_means


@rule(code="AR070", cls="unit_scale_change", order=39)
def unit_scale_change(case: Case) -> Steps[Diagnosis | None]:
    """A number of a source arrives in another unit.

    What it does:
        Takes an anomaly whose ratio to the days before, or to the last good build, is that of two
        known units (10, 100, 1000, 60, 3600, 24, 2.54, ...). Where a test is red instead, it
        compares the means of the sources' numbers with those after the last green build, and with
        the copies that the skipped nodes still hold.

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
    for one in (yield from raw_moves(case)):
        if one.rescaled is not None:
            return _against_good(case, one, *one.rescaled)
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


def _against_good(
    case: Case, found: RawMove, column: str, before: float, now: float, scale: str
) -> Diagnosis:
    draft = Draft(case, found.node, column, f"{now / before:.4g} times as much on average")
    name = case.node(found.node).name
    draft.fact(
        f"The mean of {column} is {now:,.4g}; it was {before:,.4g} after the last green build.",
        case.node(found.node).relation_name or "",
        [dict(one) for one in found.changed if one.get("column") == column],
    )
    _red(case, draft)
    text = f"{name}.{column} is {now / before:.4g} times what it was on average"
    return _ask_unit(case, draft, column, scale, text)


def _red(case: Case, draft: Draft) -> None:
    for text in case.messages[:1]:
        draft.fact(text[:600], case.path(case.incident.node))


def _against_stored(case: Case, found: Moved) -> Diagnosis:
    draft = Draft(case, found.node, found.column, f"{found.ratio:.4g} times as much on average")
    draft.fact(
        f"The mean of {found.column} is {found.now:,.4g}; its copy from the last good build has "
        f"{found.before:,.4g}.",
        found.witness.relation,
        [{"now": found.now, "last_good": found.before, "ratio": round(found.ratio, 4)}],
    )
    _red(case, draft)
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
        Where a test is red instead, it counts the raw rows above it against the last green build:
        keys without a parent, or nulls behind a join, are then what the missing rows left.

    Why:
        Missing rows break no test: every total below is too small, and looks right.

    Example:
        `orders` has 3 rows on the newest day where 30 were usual.

    Fix:
        The owner loads the rest; publication of what lies below waits until then.
    """
    for signal in _changed(case, "volume_drop"):
        return _ask_rows(case, _draft(case, signal), f"{signal.message}.")
    if case.incident.kind != "test_failure":
        return None
    for one in (yield from raw_moves(case)):
        if not one.lost:
            continue
        name = case.node(one.node).name
        draft = Draft(case, one.node, None, f"{one.rows} rows")
        draft.fact(
            f"{name} has {one.rows} rows; it had {one.rows_before} after the last green build.",
            case.node(one.node).relation_name or "",
            [{"rows": one.rows, "last_good": one.rows_before}],
        )
        _red(case, draft)
        text = f"{name} has {one.rows:,} rows where the last green build had {one.rows_before:,}."
        return _ask_rows(case, draft, text)
    return None


def _ask_rows(case: Case, draft: Draft, text: str) -> Diagnosis:
    return draft.escalate(
        text,
        confidence=0.93,
        next_step=(
            f"Ask {_owner(case, draft.node)} whether the load was cut short, and to load the rest."
            f"{_hold(case, draft.node)}"
        ),
    )


@rule(code="AR077", cls="timezone", order=39)
def timezone(case: Case) -> Steps[Diagnosis | None]:
    """Moments of a source are written by the clock of another zone.

    What it does:
        Takes an anomaly of a column of moments: the same rows as after the last green builds, and
        every moment the same whole quarters of an hour later or earlier.

    Why:
        Every type fits and every test passes, while orders of the evening count for the next day.
        A fixed number of hours is no zone: summer time comes twice a year.

    Example:
        `orders.ordered_at` is 9 hours later than it was: Tokyo's clock for UTC.

    Fix:
        The owner names the zone. With the answer, staging converts the column explicitly, from
        that zone to the one that the project keeps; nothing is shifted on a guess.
    """
    yield from ()
    for signal in _changed(case, "timezone"):
        column, owner = str(signal.figures["column"]), _owner(case, signal.node)
        return _draft(case, signal).escalate(
            f"{signal.message}.",
            confidence=0.92,
            next_step=(
                f"Ask {owner} in which time zone {column} is written now, since when, and for "
                "good? With the answer it is converted explicitly where it is read."
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
