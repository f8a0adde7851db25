"""AR010: a date or timestamp of a source became text in another format."""

from __future__ import annotations

import re

import msgspec

from agentic.rules.asking import Shape, rows_of, shapes_of, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import readers_of, used_columns
from agentic.rules.formats import (
    EPOCHS,
    Fit,
    epoch_of,
    fit_sql,
    fits_of,
    parse_template,
    tolerant_template,
)
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import family, mentioned
from agentic.rules.markers import markers_of
from agentic.rules.registry import rule
from agentic.rules.uses import moment_cast
from agentic.rules.witness import Witness, find_witness
from agentic.sql import quote, rewrite

_NAMED = re.compile(r"(_at|_on|_date|_time|_ts|_day|timestamp|datetime|^date|^time|^day)$", re.I)
_TOLD = re.compile(
    r"date|timestamp|strptime|interval|conversion error|could not convert|could not parse", re.I
)
_ASKED = 4
_COLUMNS = 8


class Suspect(msgspec.Struct, frozen=True):
    """A text column that the project treats as a moment."""

    node: str
    column: str
    """As the relation writes it."""
    shape: Shape
    wanted: str
    """Type that the project had or asks for; empty when only the name speaks for a moment."""
    why: str


@rule(code="AR010", cls="src_date_format", order=24)
def src_date_format(case: Case) -> Steps[Diagnosis | None]:
    """A source's date or timestamp arrives as text in another format.

    What it does:
        Looks for text columns of the sources above the failure that the project uses as dates: by
        a cast in the code, by the declared type, or by the type of the copy that the last good
        build stored. It counts over all rows which format fits, and takes one that fits them all.

    Why:
        A loader that changes a type to text breaks casts and comparisons, or sorts dates as words.
        A format guessed from samples turns March 4th into April 3rd without an error.

    Example:
        `ordered_at` was a timestamp and is now `31/12/2024 10:00:00`.

    Fix:
        The models that read the source parse the text explicitly, with the format that fits every
        row. When day and month cannot be told apart, or rows fit no format, a person decides.
    """
    suspects = yield from _suspects(case)
    fits = yield from _fits(case, suspects)
    for suspect in suspects:
        fit = fits.get((suspect.node, suspect.column))
        if fit is None or not fit.filled:
            continue
        forms = fit.formats()
        plain = [form for form in forms if form.startswith("%Y-%m-%d")]
        if plain and not _is_cast_trouble(case, suspect):
            continue
        return (yield from _decide(case, suspect, fit, plain[:1] or list(forms)))
    return (yield from _epoch(case))


def _epoch(case: Case) -> Steps[Diagnosis | None]:
    """A moment that arrives as the number of seconds, or parts of them, since 1970."""
    if not any(_TOLD.search(text) for text in case.messages):
        return None
    for suspect in (yield from _suspects(case, "number"))[:_ASKED]:
        name = quote(suspect.column, case.dialect)
        figures = f"count({name}) as n, min({name}) as low, max({name}) as high"
        sql = f"select {figures} from {suspect.shape.relation}"  # noqa: S608 -- quoted
        rows = yield from rows_of(sql, max_rows=1)
        if not suspect.wanted or not rows or not rows[0]["n"]:
            continue
        form = epoch_of(float(rows[0]["low"]), float(rows[0]["high"]))
        if form:
            fit = Fit(int(rows[0]["n"]), {form: int(rows[0]["n"])}, {"": int(rows[0]["n"])})
            return (yield from _decide(case, suspect, fit, [form]))
    return None


def _suspects(case: Case, held: str = "text") -> Steps[list[Suspect]]:
    shapes = yield from shapes_of(case.above("source", "seed"))
    told = any(_TOLD.search(text) for text in case.messages)
    found: list[tuple[int, Suspect]] = []
    for uid, shape in shapes.items():
        for key in used_columns(case, uid, shape):
            column = shape.columns[key]
            if family(column.type) != held:
                continue
            suspect = yield from _suspect(case, uid, shape, key, told)
            if suspect is not None:
                rank = 0 if mentioned(case.messages, key) else (1 if suspect.wanted else 2)
                found.append((rank, suspect))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].node))]


def _suspect(case: Case, uid: str, shape: Shape, key: str, told: bool) -> Steps[Suspect | None]:
    name = shape.columns[key].name
    declared = {n.lower(): c for n, c in case.node(uid).columns.items()}.get(key)
    if declared is not None and family(declared.data_type or "") in ("date", "moment"):
        return Suspect(uid, name, shape, str(declared.data_type), "it is declared so")
    for reader in case.readers(uid):
        if kind := moment_cast(case.code(reader), key):
            return Suspect(uid, name, shape, kind, f"{reader} casts it to {kind}")
    if not _NAMED.search(key):
        return None
    witness = yield from find_witness(case, uid, key)
    if witness is not None and family(witness.type) in ("date", "moment"):
        why = f"the last good build stored it in {witness.relation} as {witness.type}"
        return Suspect(uid, name, shape, witness.type, why)
    if told and witness is None:
        return Suspect(uid, name, shape, "", "its name says so")
    return None


def _fits(case: Case, suspects: list[Suspect]) -> Steps[dict[tuple[str, str], Fit]]:
    """How each suspect's values look, in one statement a relation."""
    found: dict[tuple[str, str], Fit] = {}
    for node in list(dict.fromkeys(one.node for one in suspects))[:_ASKED]:
        same = [one for one in suspects if one.node == node][:_COLUMNS]
        sql = fit_sql([one.column for one in same], same[0].shape.relation, case.dialect)
        rows = yield from rows_of(sql, max_rows=1)
        if rows:
            fits = fits_of(list(rows[0].values()))
            found |= {(node, s.column): fit for s, fit in zip(same, fits, strict=True)}
    return found


def _is_cast_trouble(case: Case, suspect: Suspect) -> bool:
    """ISO text casts by itself; it is the cause only where the message speaks of the column."""
    return mentioned(case.messages, suspect.column)


def _decide(case: Case, suspect: Suspect, fit: Fit, forms: list[str]) -> Steps[Diagnosis]:
    draft = Draft(case, suspect.node, suspect.column, "")
    name = case.node(suspect.node).name
    kind = suspect.shape.columns[suspect.column.lower()].type
    draft.fact(
        f"{suspect.column} is {kind} now; the project uses it as a date: {suspect.why}.",
        suspect.shape.relation,
    )
    if len(forms) > 1:
        forms = yield from _told_apart(case, suspect, forms, draft)
    if len(forms) != 1:
        return _ask(draft, suspect, fit, forms)
    form = forms[0]
    draft.observed = f"{kind} {form}"
    draft.fact(f"All {fit.filled} values fit {form}, and no other format.", suspect.shape.relation)
    if form in EPOCHS and (yield from _moved(case, suspect, form, draft)):
        return _ask(draft, suspect, fit, [form])
    return (yield from _parsed(case, suspect, form, draft, name))


def _moved(case: Case, suspect: Suspect, form: str, draft: Draft) -> Steps[bool]:
    """True when the dates stored before are others than these: another zone than UTC, say."""
    witness = yield from find_witness(case, suspect.node, suspect.column.lower())
    if witness is None or family(witness.type) not in ("date", "moment"):
        draft.fact("Read as UTC, which time since 1970 is counted in.")
        return False
    rows = yield from rows_of(_overlap_sql(suspect, witness, [form], case.dialect), max_rows=1)
    total, hits = (int(v or 0) for v in rows[0].values()) if rows else (0, 0)
    if total:
        draft.fact(f"Gives {hits} of the {total} dates stored before.", witness.relation)
    return bool(total) and hits < 0.9 * total


def _parsed(case: Case, suspect: Suspect, form: str, draft: Draft, name: str) -> Steps[Diagnosis]:
    readers = readers_of(case, suspect.node, suspect.column)
    as_date = family(suspect.wanted) == "date" or (not suspect.wanted and ":" not in form)
    changes: list[Change] = []
    for uid in readers:
        change = (
            None if case.vendored(uid) else (yield from _edit(case, uid, suspect, form, as_date))
        )
        if change is not None:
            code = case.node(uid).raw_code or ""
            draft.fact(f"{uid} reads it.", f"{case.path(uid)}:{line_of(code, suspect.column)}")
            changes.append(change)
    told = mentioned(case.messages, suspect.column)
    kind = "text" if form not in EPOCHS else "a number"
    owner = case.owner(suspect.node) or f"the owner of {name}"
    finding = draft.finding(
        f"{name}.{suspect.column} arrives as {kind} in the format {form}; it was a date.",
        confidence=0.96 if told else 0.92,
        next_step=f"Tell {owner} that {suspect.column} changed its type and format.",
    )
    if not changes or len(changes) < len(readers):
        step = "No reader could be changed safely: parse it by hand where it is read."
        return Diagnosis(finding, "escalate", finding.summary, rationale=step)
    first = case.node(readers[0]).name
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({first}): parse {suspect.column}, which is text {form} now",
        rationale=f"Every value of {name}.{suspect.column} fits {form}; it is parsed explicitly.",
        changes=tuple(changes),
    )


def _edit(case: Case, uid: str, suspect: Suspect, form: str, as_date: bool) -> Steps[Change | None]:
    path = case.path(uid)
    before = yield from text_of(path)
    if before is None:
        return None
    # A cast that stands there already gives the type: the parse inside it needs none of its own.
    inner = as_date and not (moment_cast(before, suspect.column) and "date_trunc" not in before)
    tested = any(child.startswith("unit_test.") for child in case.graph.children(uid))
    is_text = family(suspect.shape.columns[suspect.column.lower()].type) == "text"
    make = tolerant_template if tested and is_text else parse_template
    template = make(form, case.dialect, as_date=inner)
    after = rewrite.replace_column_expression(
        before,
        column=suspect.column,
        template=template,
        dialect=case.dialect,
        relation_markers=markers_of(case, suspect.node),
        columns=[c.name for c in suspect.shape.columns.values()],
    )
    if after is None:
        return None
    return edit_change(path, before, after, f"{suspect.column} is text in the format {form} now")


def _told_apart(case: Case, suspect: Suspect, forms: list[str], draft: Draft) -> Steps[list[str]]:
    """Two formats fit every row: the dates that the last good build stored may tell which."""
    witness = yield from find_witness(case, suspect.node, suspect.column.lower())
    if witness is None or family(witness.type) not in ("date", "moment"):
        return forms
    rows = yield from rows_of(_overlap_sql(suspect, witness, forms, case.dialect), max_rows=1)
    if not rows:
        return forms
    total, *hits = [int(value or 0) for value in rows[0].values()]
    shares = sorted(((n / total if total else 0.0, f) for n, f in zip(hits, forms, strict=True)))
    draft.fact(
        "; ".join(f"{f} gives {s:.0%} of the dates stored before" for s, f in shares),
        witness.relation,
    )
    return [shares[-1][1]] if shares[-1][0] >= 0.9 and shares[-2][0] <= 0.6 else forms


def _overlap_sql(suspect: Suspect, witness: Witness, forms: list[str], dialect: str) -> str:
    stored = f"cast({quote(witness.column, dialect)} as date)"
    sample = f"select distinct {stored} as v from {witness.relation} where {stored} is not null"  # noqa: S608 -- quoted
    name = quote(suspect.column, dialect)
    counts = ["count(*)"]
    for form in forms:
        parsed = parse_template(form, dialect, as_date=True).format(col=name)
        now = f"select {parsed} from {suspect.shape.relation}"  # noqa: S608 -- quoted
        counts.append(f"sum(case when sample.v in ({now}) then 1 else 0 end)")
    named = [f"{part} as n{number}" for number, part in enumerate(counts)]
    return f"select {', '.join(named)} from ({sample}) as sample"  # noqa: S608 -- quoted above


def _ask(draft: Draft, suspect: Suspect, fit: Fit, forms: list[str]) -> Diagnosis:
    owner = draft.case.owner(suspect.node) or "the source's owner"
    if forms:
        draft.observed = " or ".join(forms)
        question = f"Ask {owner} which of {draft.observed} it is: every value fits both."
        if len(forms) == 1:
            question = (
                f"Ask {owner} about the zone: as {forms[0]} these are other dates than before."
            )
    else:
        form, rest = fit.nearest()
        draft.observed = f"text, {form} in {fit.filled - rest} of {fit.filled} values"
        question = f"Ask {owner} about the {rest} values that no format fits."
    return draft.escalate(
        f"{draft.case.node(suspect.node).name}.{suspect.column} arrives as text: {draft.observed}.",
        confidence=0.9,
        next_step=question,
    )
