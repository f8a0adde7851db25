"""Which live column is a missing one under a new name: by values first, by type and name then."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentic.rules.asking import Column, rows_of
from agentic.rules.case import Case, Steps
from agentic.rules.drift import Drift
from agentic.rules.likeness import likeness, mentions, same_family
from agentic.rules.witness import Witness, find_witness
from agentic.sql import quote

SURE = 0.55
"""A candidate's least score to be taken."""
MARGIN = 0.15
"""How far it must lie before the next."""
_SAMPLE = 1000


class Candidate(msgspec.Struct, frozen=True):
    """A live column as the new name of a missing one."""

    column: Column
    name: float
    """Likeness of the names, 0 to 1."""
    kind: bool | None
    """Same family of types; None: unknown."""
    shared: float | None
    """Share of the last good build's values that the column holds now; None: not asked."""

    @property
    def score(self) -> float:
        if self.kind is False:
            return 0.0
        base = self.name if self.shared is None else 0.3 * self.name + 0.7 * self.shared
        return base if self.kind is None else min(1.0, base + 0.1)

    def reasons(self) -> str:
        """Why, for a person."""
        parts = [f"name likeness {self.name:.2f}"]
        if self.kind is not None:
            parts.append(f"type {self.column.type} {'fits' if self.kind else 'does not fit'}")
        if self.shared is not None:
            parts.append(f"holds {self.shared:.0%} of the values of the last good build")
        return ", ".join(parts)


class Pairing(msgspec.Struct, frozen=True):
    """What the search came to for one missing column."""

    missing: str
    best: Candidate | None
    """The one candidate, or None when there is none or more than one."""
    candidates: tuple[Candidate, ...]
    """All that were weighed, best first."""
    witness: Witness | None


def pair(case: Case, drift: Drift, missing: str) -> Steps[Pairing]:
    """Weigh every added column as the new name of a missing one."""
    if not drift.added:
        return Pairing(missing, None, (), None)
    witness = yield from find_witness(case, drift.node, missing)
    shares = yield from _shares(case, drift, witness)
    expected_type = _expected_type(case, drift, missing, witness)
    candidates = [
        Candidate(
            column=column,
            name=likeness(missing, column.name),
            kind=same_family(expected_type, column.type),
            shared=shares.get(column.name),
        )
        for column in drift.added
    ]
    ranked = sorted(candidates, key=lambda c: (-c.score, c.column.name))
    return Pairing(missing, _only(ranked, drift, case), tuple(ranked), witness)


def _only(ranked: list[Candidate], drift: Drift, case: Case) -> Candidate | None:
    best = ranked[0]
    if len(ranked) > 1 and best.score - ranked[1].score < MARGIN:
        return None
    if best.score >= SURE:
        return best
    # One gone, one new, and nothing against it: the swap itself is the evidence, as long as the
    # values do not speak against it.
    alone = len(ranked) == 1 and len(drift.missing) == 1
    hinted = best.kind is True or any(mentions(m, best.column.name) for m in case.messages)
    denied = best.shared is not None and best.shared < 0.2 and best.name < 0.5
    return best if alone and hinted and best.kind is not False and not denied else None


def _expected_type(case: Case, drift: Drift, missing: str, witness: Witness | None) -> str:
    if witness is not None and witness.type:
        return witness.type
    declared = {name.lower(): c for name, c in case.node(drift.node).columns.items()}.get(missing)
    return str(declared.data_type or "") if declared is not None else ""


def _shares(case: Case, drift: Drift, witness: Witness | None) -> Steps[dict[str, float]]:
    """For each added column the share of the witness's values that it holds, in one statement."""
    if witness is None or not drift.shape.relation:
        return {}
    kinds = {c.name: same_family(witness.type, c.type) for c in drift.added}
    asked = [c for c in drift.added if kinds[c.name] is not False][:20]
    rows = yield from rows_of(_share_sql(asked, drift, witness, case.dialect)) if asked else _none()
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


def _none() -> Steps[None]:
    yield from ()
