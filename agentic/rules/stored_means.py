"""Means of a source's numbers against the copies that the failing build did not reach."""

from __future__ import annotations

import msgspec

from agentic.history.statistics import scale_of
from agentic.rules.asking import Shape, rows_of, shapes_of
from agentic.rules.case import Case, Steps
from agentic.rules.drift import used_columns
from agentic.rules.likeness import family
from agentic.rules.witness import Witness, find_witness
from agentic.sql import quote

_ASKED = 6
_SOURCES = 3
_EXACT = 0.12
"""How far a ratio may lie from a unit's: rows came and went since the last good build."""


class Moved(msgspec.Struct, frozen=True):
    """A mean that is a known unit's multiple of what it was."""

    node: str
    column: str
    now: float
    before: float
    scale: str
    witness: Witness

    @property
    def ratio(self) -> float:
        """Now by before."""
        return self.now / self.before


def moved_means(case: Case) -> Steps[Moved | None]:
    """The first number of a source above the failure whose mean is another unit's; else None."""
    shapes = yield from shapes_of(case.above("source", "seed"))
    pairs: list[tuple[str, str, Shape, Witness]] = []
    reached = [uid for uid in shapes if set(case.incident.skipped) & set(case.affected(uid))]
    for uid, shape in ((uid, shapes[uid]) for uid in reached[:_SOURCES]):
        for key in used_columns(case, uid, shape):
            if family(shape.columns[key].type) != "number" or key.endswith(("id", "_key", "_ref")):
                continue
            witness = yield from find_witness(case, uid, key)
            if witness is not None and witness.node in case.incident.skipped:
                pairs.append((uid, shape.columns[key].name, shape, witness))
    if not pairs:
        return None
    means = yield from _means(case, pairs[:_ASKED])
    for (uid, column, _, witness), (now, before) in zip(pairs, means, strict=False):
        scale = scale_of(now / before, tolerance=_EXACT) if before and now else None
        if scale is not None and not 0.15 < scale.factor < 9:
            return Moved(uid, column, now, before, scale.name, witness)
    return None


def _means(
    case: Case, pairs: list[tuple[str, str, Shape, Witness]]
) -> Steps[list[tuple[float, float]]]:
    parts = []
    for number, (_, column, shape, witness) in enumerate(pairs):
        now, old = quote(column, case.dialect), quote(witness.column, case.dialect)
        parts.append(f"(select avg({now}) from {shape.relation}) as now{number}")  # noqa: S608 -- quoted
        parts.append(f"(select avg({old}) from {witness.relation}) as old{number}")  # noqa: S608 -- quoted
    rows = yield from rows_of(f"select {', '.join(parts)}", max_rows=1)
    if not rows:
        return []
    values = [float(value or 0) for value in rows[0].values()]
    return list(zip(values[::2], values[1::2], strict=True))
