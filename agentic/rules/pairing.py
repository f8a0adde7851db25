"""Which live column is a missing one under a new name: by values first, by type and name then."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from agentic.rules.asking import Column, rows_of
from agentic.rules.case import Case, Steps
from agentic.rules.drift import Drift
from agentic.rules.likeness import family, likeness, same_family
from agentic.rules.needs import Need, need_of
from agentic.rules.numbers import is_number
from agentic.rules.witness import Witness
from agentic.sql import exp, quote

SURE = 0.55
"""A candidate's least score to be taken."""
MARGIN = 0.15
"""How far it must lie before the next."""
HELD = 0.8
"""Share of values that shows that two columns are one, whatever they are called."""
DENIED = 0.2
"""Share of values below which they are two, whatever they are called."""
_SAMPLE = 1000
_WEIGHED = 12
_MISSING = 4


class Candidate(msgspec.Struct, frozen=True):
    """A live column as the new name of a missing one."""

    column: Column
    name: float
    """Likeness of the names, 0 to 1."""
    kind: bool | None
    """Same family of types; None: unknown."""
    shared: float | None
    """Share of what is known of the old values that the column holds now; None: not known."""
    what: str = ""
    """What `shared` was measured on."""
    against: str = ""
    """Why it cannot be: it is empty, repeats where the old one was unique, ..."""

    @property
    def retyped(self) -> bool:
        """The old values in another type: they are found again, or text has the name for it."""
        if self.shared is None:
            by_name = self.name >= 0.6 and family(self.column.type) == "text"
            return self.kind is False and by_name and not self.against
        return self.kind is False and self.shared >= HELD

    @property
    def score(self) -> float:
        if self.against or (self.kind is False and not self.retyped):
            return 0.0
        base = self.name if self.shared is None else 0.3 * self.name + 0.7 * self.shared
        return base if self.kind is None else min(1.0, base + 0.1)

    def reasons(self) -> str:
        """Why, for a person."""
        parts = [f"name likeness {self.name:.2f}"]
        if self.kind is not None:
            parts.append(f"type {self.column.type} {'fits' if self.kind else 'does not fit'}")
        if self.shared is not None:
            parts.append(f"holds {self.shared:.0%} of {self.what}")
        if self.against:
            parts.append(self.against)
        return ", ".join(parts)


class Pairing(msgspec.Struct, frozen=True):
    """What the search came to for one missing column."""

    missing: str
    best: Candidate | None
    """The one candidate, or None when there is none or more than one."""
    candidates: tuple[Candidate, ...]
    """All that were weighed, best first."""
    need: Need

    @property
    def witness(self) -> Witness | None:
        return self.need.witness


def pair(case: Case, drift: Drift, missing: str) -> Steps[Pairing]:
    """Weigh every added column as the new name of a missing one."""
    found = yield from pair_all(case, drift, (missing,))
    return found[missing]


def pair_all(case: Case, drift: Drift, wanted: Sequence[str] = ()) -> Steps[dict[str, Pairing]]:
    """Pair several missing columns at once: what one of them surely is, no other can be."""
    names = list(wanted or drift.missing)[:_MISSING]
    weighed: dict[str, list[Candidate]] = {}
    needs: dict[str, Need] = {}
    for missing in names:
        needs[missing] = yield from _need(case, drift, missing)
    figures = yield from _figures(case, drift, list(needs.values()))
    for missing in names:
        shares = yield from _shares(case, drift, needs[missing].witness)
        weighed[missing] = [
            _candidate(needs[missing], column, figures.get((missing, column.name)), shares)
            for column in drift.added[:_WEIGHED]
        ]
    return _assigned(weighed, needs, alone=len(drift.missing) == len(names))


def _need(case: Case, drift: Drift, missing: str) -> Steps[Need]:
    if not drift.added:
        return Need(missing)
    return (yield from need_of(case, drift.node, missing))


def _assigned(
    weighed: dict[str, list[Candidate]], needs: dict[str, Need], *, alone: bool
) -> dict[str, Pairing]:
    taken: dict[str, Candidate] = {}
    while True:
        free = [m for m in weighed if m not in taken]
        used = {one.column.name for one in taken.values()}
        rests = {m: _ranked([c for c in weighed[m] if c.column.name not in used]) for m in free}
        single = alone and len(free) == 1
        sure = {m: best for m in free if (best := _only(rests[m], single))}
        if not sure:
            break
        first = max(sure, key=lambda m: (sure[m].shared or 0.0, sure[m].score, m))
        rivals = [m for m in sure if sure[m].column.name == sure[first].column.name]
        if len(rivals) > 1 and _as_good(sure, first, rivals):
            break
        taken[first] = sure[first]
    return {
        m: Pairing(m, taken.get(m), tuple(_with_first(_ranked(weighed[m]), taken.get(m))), needs[m])
        for m in weighed
    }


def _as_good(sure: dict[str, Candidate], first: str, rivals: list[str]) -> bool:
    others = [sure[m].score for m in rivals if m != first]
    return bool(others) and sure[first].score - max(others) < MARGIN


def _ranked(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda c: (-c.score, c.column.name))


def _with_first(ranked: list[Candidate], best: Candidate | None) -> list[Candidate]:
    return ranked if best is None else [best, *(c for c in ranked if c is not best)]


def _only(ranked: list[Candidate], alone: bool) -> Candidate | None:
    """The one successor. Values decide; without any a name has to, and then nothing else may fit:
    a wrong column under an old name is a fault that no test sees."""
    possible = [c for c in ranked if not c.against and (c.kind is not False or c.retyped)]
    if not possible:
        return None
    best, others = possible[0], possible[1:]
    if others and best.score - others[0].score < MARGIN:
        return None
    if best.shared is not None:
        return best if best.score >= SURE else None
    if others:
        return best if best.name >= 0.95 or (best.score >= SURE and others[0].name < 0.3) else None
    if best.score >= SURE:
        return best
    # One gone, one new, of the kind that is needed, and the names have something in common.
    return best if alone and best.kind is True and best.name >= 0.3 else None


class _Figure(msgspec.Struct, frozen=True):
    """What one candidate holds, as far as one need asks for it."""

    rows: int
    filled: int
    distinct: int
    total: float | None
    accepted: int | None


def _candidate(
    need: Need, column: Column, figure: _Figure | None, shares: dict[str, float]
) -> Candidate:
    kind = same_family(need.type, column.type)
    shared, what = shares.get(column.name), "the values of the last good build"
    if shared is None and figure is not None and figure.filled:
        shared, what = _support(need, figure)
    against = _against(need, figure, shared)
    return Candidate(column, likeness(need.column, column.name), kind, shared, what, against)


def _support(need: Need, figure: _Figure) -> tuple[float | None, str]:
    if figure.accepted is not None:
        return figure.accepted / figure.filled, "its rows in the list that a test accepts"
    if need.total and figure.total:
        ratio = figure.total / need.total
        if ratio <= 0:
            return 0.0, f"the total {need.total:,.0f} in {need.total_at}"
        off = abs(math.log10(ratio))
        return max(0.0, 1 - off), f"the total {need.total:,.0f} in {need.total_at}"
    return None, ""


def _against(need: Need, figure: _Figure | None, shared: float | None) -> str:
    if shared is not None and shared < DENIED:
        return "its values are others"
    if figure is None or not figure.rows:
        return ""
    if not figure.filled:
        return "it is empty"
    if need.unique and figure.distinct < figure.filled:
        return "it repeats values, and the old one was unique"
    if need.filled and figure.filled * 2 < figure.rows:
        return "it is null in most rows, and the old one never was"
    if figure.distinct == 1 and figure.rows >= 20 and shared is None:
        return "it holds one value only"
    return ""


def _figures(
    case: Case, drift: Drift, needs: Sequence[Need]
) -> Steps[dict[tuple[str, str], _Figure]]:
    """Counts of every candidate, and what each need asks of it, in one pass over the relation."""
    added = drift.added[:_WEIGHED]
    if not added or not drift.shape.relation:
        return {}
    parts, plan = ["count(*)"], []
    for column in added:
        name = quote(column.name, case.dialect)
        parts += [f"count({name})", f"count(distinct {name})", _total_sql(column, case.dialect)]
        for need in needs:
            if need.accepted:
                text = f"cast({name} as varchar(200))"
                parts.append(f"count(case when {text} in ({_listed(need, case)}) then 1 end)")
                plan.append((need.column, column.name))
    named = [f"{part} as n{number}" for number, part in enumerate(parts)]
    sql = f"select {', '.join(named)} from {drift.shape.relation}"  # noqa: S608 -- quoted
    rows = yield from rows_of(sql, max_rows=1)
    if not rows or len(rows[0]) != len(parts):
        return {}
    values = iter(rows[0].values())
    total = int(next(values) or 0)
    found = {}
    for column in added:
        filled, distinct, summed = int(next(values) or 0), int(next(values) or 0), next(values)
        for need in needs:
            accepted = int(next(values) or 0) if (need.column, column.name) in plan else None
            found[need.column, column.name] = _Figure(
                total, filled, distinct, None if summed is None else float(summed), accepted
            )
    return found


def _listed(need: Need, case: Case) -> str:
    dialect = case.dialect or None
    return ", ".join(exp.Literal.string(value).sql(dialect=dialect) for value in need.accepted)


def _total_sql(column: Column, dialect: str) -> str:
    name = quote(column.name, dialect)
    if family(column.type) == "number":
        return f"sum({name})"
    if family(column.type) == "text":
        number = f"cast(case when {is_number(name, dialect)} then {name} end as decimal(38, 6))"
        return f"sum({number})"
    return "null"


def _shares(case: Case, drift: Drift, witness: Witness | None) -> Steps[dict[str, float]]:
    """For each added column the share of the witness's values that it holds, in one statement."""
    asked = drift.added[:20]
    if witness is None or not drift.shape.relation or not asked:
        return {}
    rows = yield from rows_of(_share_sql(asked, drift, witness, case.dialect))
    if not rows:
        return {}
    figures = list(rows[0].values())
    total = int(figures[0] or 0)
    if not total:
        return {}
    return {c.name: int(n or 0) / total for c, n in zip(asked, figures[1:], strict=False)}


def _share_sql(asked: Sequence[Column], drift: Drift, witness: Witness, dialect: str) -> str:
    value = quote(witness.column, dialect)
    sample = (
        f"select distinct cast({value} as varchar(500)) as v from {witness.relation} "  # noqa: S608 -- quoted
        f"where {value} is not null limit {_SAMPLE}"
    )
    counts = ["count(*)"]
    for column in asked:
        name = quote(column.name, dialect)
        now = f"select cast({name} as varchar(500)) from {drift.shape.relation}"  # noqa: S608 -- quoted
        counts.append(f"sum(case when sample.v in ({now}) then 1 else 0 end)")
    named = [f"{part} as n{number}" for number, part in enumerate(counts)]
    return f"select {', '.join(named)} from ({sample}) as sample"  # noqa: S608 -- quoted above
