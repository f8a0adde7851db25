"""AR015: a number of a source became text, and some of it is no number."""

from __future__ import annotations

import re

import msgspec

from agentic.rules.asking import Shape, rows_of, shapes_of, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.drift import readers_of, used_columns
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import family, mentioned
from agentic.rules.markers import markers_of
from agentic.rules.needs import needs_filled
from agentic.rules.numbers import is_number, matches, safe_cast
from agentic.rules.registry import rule
from agentic.rules.uses import COMPUTED, number_cast
from agentic.rules.witness import copies_of, find_witness
from agentic.sql import quote, rewrite

_TOLD = re.compile(
    r"convert|cast|invalid input syntax|operator does not exist|no function matches"
    r"|cannot (?:mix|compare)|binder error|does not exist|invalid number",
    re.IGNORECASE,
)


class Suspect(msgspec.Struct, frozen=True):
    """A text column that the project computes with."""

    node: str
    column: str
    shape: Shape
    wanted: str
    """The number's type; empty when only computations speak for one."""
    why: str


@rule(code="AR015", cls="src_type_changed", order=25)
def src_type_changed(case: Case) -> Steps[Diagnosis | None]:
    """A source's number arrives as text, and some values are no numbers.

    What it does:
        Looks for text columns of the sources above the failure that the project uses as numbers:
        by a cast in the code, by the declared type, or by the type that the last good build
        stored. It counts the values that are no numbers, and lists them.

    Why:
        A cast fails at the first bad value and says nothing of the rest; a silent null loses them.

    Example:
        `amount` was `DECIMAL(10,2)` and is text; 5 of 2,000 values are `n/a`.

    Fix:
        The models that read the source use a cast that gives null for what is no number. The bad
        rows go to the owner, with their count: the change says so, it does not hide them.
    """
    if not any(_TOLD.search(text) for text in case.messages):
        return None
    for suspect in (yield from _suspects(case)):
        rows = yield from rows_of(_figures_sql(suspect, case.dialect), max_rows=1)
        if not rows or not rows[0]["filled"]:
            continue
        filled, numbers = int(rows[0]["filled"]), int(rows[0]["numbers"])
        if numbers * 2 >= filled:
            kind = _fitting_type(int(rows[0]["decimals"] or 0), int(rows[0]["exponents"]))
            typed = msgspec.structs.replace(suspect, wanted=suspect.wanted or kind)
            return (yield from _decided(case, typed, filled, filled - numbers))
        written = _written(rows[0], filled)
        if written:
            return (yield from _other_writing(case, suspect, filled, written))
    return None


_WRITINGS = {
    "a comma for the decimal point": r"^[ ]*[+-]?[0-9]+,[0-9]+[ ]*$",
    "a sign of a currency or unit": r"^[ ]*[+-]?[^0-9., ]{1,3}[ ]?[+-]?[0-9][0-9.,]*[ ]*$",
    "a unit behind the number": r"^[ ]*[+-]?[0-9][0-9.,]*[ ]?[^0-9., ]{1,3}[ ]*$",
    "separators of thousands": r"^[ ]*[+-]?[0-9]{1,3}([, .][0-9]{3})+([.,][0-9]+)?[ ]*$",
}
"""How else numbers are written; none of them may be guessed: 1,234 is two numbers."""


def _written(row: dict[str, object], filled: int) -> str:
    hits = {name: int(str(row.get(f"w{n}") or 0)) for n, name in enumerate(_WRITINGS)}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] * 2 > filled else ""


def _other_writing(case: Case, suspect: Suspect, filled: int, how: str) -> Steps[Diagnosis]:
    node, column = case.node(suspect.node), suspect.column
    name = quote(column, case.dialect)
    draft = Draft(case, suspect.node, column, f"text with {how}")
    sql = f"select {name} as value, count(*) as times from {suspect.shape.relation} "  # noqa: S608 -- quoted
    samples = yield from rows_of(f"{sql}group by {name} order by 2 desc, 1 limit 5", max_rows=5)
    draft.fact(f"{column} needs to be a number: {suspect.why}.", suspect.shape.relation)
    draft.fact(f"Most of its {filled} values have {how}.", suspect.shape.relation, samples or [])
    owner = case.owner(suspect.node) or f"the owner of {node.name}"
    return draft.escalate(
        f"{node.name}.{column} arrives as text with {how}.",
        confidence=0.92,
        next_step=(
            f"Ask {owner} whether {column} is written so for good, and in which unit or currency. "
            "With the answer it is converted once where it is read; no digit is guessed."
        ),
    )


def _figures_sql(suspect: Suspect, dialect: str) -> str:
    name = quote(suspect.column, dialect)
    good = is_number(name, dialect)
    hits = [matches(name, pattern, dialect) for pattern in _WRITINGS.values()]
    others = ", ".join(f"count(case when {hit} then 1 end) as w{n}" for n, hit in enumerate(hits))
    decimals = f"length(split_part(trim({name}), '.', 2))"
    return (
        f"select count({name}) as filled, count(case when {good} then 1 end) as numbers, "  # noqa: S608 -- quoted
        f"max(case when {good} then {decimals} end) as decimals, "
        f"count(case when {good} and lower({name}) like '%e%' then 1 end) as exponents, {others} "
        f"from {suspect.shape.relation}"
    )


def _fitting_type(decimals: int, exponents: int) -> str:
    """The narrowest usual type that holds every value, where nothing says what it was."""
    if exponents:
        return "double precision"
    return f"decimal(18, {min(decimals, 9)})" if decimals else "bigint"


def _suspects(case: Case) -> Steps[list[Suspect]]:
    shapes = yield from shapes_of(case.above("source", "seed"))
    found = []
    for uid, shape in shapes.items():
        for key in used_columns(case, uid, shape):
            if family(shape.columns[key].type) == "text":
                suspect = yield from _suspect(case, uid, shape, key)
                found += [suspect] if suspect is not None else []
    return sorted(found, key=lambda s: (not mentioned(case.messages, s.column), s.node))[:5]


def _suspect(case: Case, uid: str, shape: Shape, key: str) -> Steps[Suspect | None]:
    name = shape.columns[key].name
    declared = {n.lower(): c for n, c in case.node(uid).columns.items()}.get(key)
    if declared is not None and family(declared.data_type or "") == "number":
        return Suspect(uid, name, shape, str(declared.data_type), "it is declared so")
    witness = yield from find_witness(case, uid, key)
    if witness is not None and family(witness.type) == "number":
        why = f"the last good build stored it in {witness.relation} as {witness.type}"
        return Suspect(uid, name, shape, witness.type, why)
    for node, column in [(uid, key), *copies_of(case, uid, key)]:
        for reader in case.readers(node):
            if kind := number_cast(case.code(reader), column):
                wanted = "" if kind == COMPUTED else kind
                return Suspect(uid, name, shape, wanted, f"{reader} uses it as {kind}")
    return None


def _decided(case: Case, suspect: Suspect, filled: int, bad: int) -> Steps[Diagnosis]:
    node, column = case.node(suspect.node), suspect.column
    kind = suspect.shape.columns[column.lower()].type
    draft = Draft(case, suspect.node, column, f"{kind}, {bad} of {filled} values no number")
    draft.fact(
        f"{column} is {kind} now; the project needs a number: {suspect.why}.",
        suspect.shape.relation,
    )
    name = quote(column, case.dialect)
    sql = (
        f"select {name} as value, count(*) as times from {suspect.shape.relation} "  # noqa: S608 -- quoted
        f"where not {is_number(name, case.dialect)} group by {name} order by 2 desc, 1 limit 10"
    )
    samples = yield from rows_of(sql, max_rows=10) if bad else _none()
    draft.fact(f"{bad} of {filled} values are no numbers.", suspect.shape.relation, samples or [])
    owner = case.owner(suspect.node) or f"the owner of {node.name}"
    question = (
        f" and about the {bad} rows that are no numbers; they count as null meanwhile"
        if bad
        else ""
    )
    finding = draft.finding(
        f"{node.name}.{column} arrives as text; {bad} of {filled} values are no numbers.",
        confidence=0.93 if mentioned(case.messages, column) or bad else 0.88,
        next_step=f"Ask {owner} about the changed type{question}.",
    )
    asked = needs_filled(case, suspect.node, column.lower()) if bad else ""
    if asked:
        draft.fact(f"{asked} allows no null below it.", case.path(asked))
        return draft.escalate(
            finding.summary,
            confidence=finding.confidence,
            next_step=(
                f"Ask {owner} to correct the {bad} rows that are no numbers, or to say that they "
                f"may be set aside: read as null they break {asked.split('.')[2]}."
            ),
        )
    changes = yield from _edits(case, suspect, draft)
    if not changes:
        return Diagnosis(finding, "escalate", finding.summary, finding.next_step)
    first = case.node(readers_of(case, suspect.node, column)[0]).name
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({first}): cast {column} safely, which arrives as text",
        rationale=f"{finding.summary} {finding.next_step}",
        changes=changes,
    )


def _edits(case: Case, suspect: Suspect, draft: Draft) -> Steps[tuple[Change, ...]]:
    template, found = safe_cast(case.dialect, suspect.wanted), []
    for uid in readers_of(case, suspect.node, suspect.column):
        path = case.path(uid)
        before = None if case.vendored(uid) else (yield from text_of(path))
        after = before and rewrite.replace_column_expression(
            before,
            column=suspect.column,
            template=template,
            dialect=case.dialect,
            relation_markers=markers_of(case, suspect.node),
            columns=[c.name for c in suspect.shape.columns.values()],
        )
        why = f"{suspect.column} is text now"
        change = edit_change(path, before, after, why) if before and after else None
        if before is None or change is None:
            return ()
        draft.fact(f"{uid} reads it.", f"{path}:{line_of(before, suspect.column)}")
        found.append(change)
    return tuple(found)


def _none() -> Steps[None]:
    yield from ()
