"""Facts about a query's rows and columns, as plain shapes."""

from __future__ import annotations

import msgspec


class Leaf(msgspec.Struct, frozen=True, order=True):
    """A column of a relation outside the query."""

    relation: str
    column: str


class Output(msgspec.Struct, frozen=True):
    """One column that a query gives."""

    name: str
    text: str
    """The expression over leaves, normalised."""
    pattern: str
    """`text` with every leaf column's name left out: equal patterns differ by renames alone."""
    leaves: tuple[Leaf, ...] = ()
    masking: tuple[str, ...] = ()
    """Functions in it that can hide a value, sorted, with repeats."""
    kind: str = "expression"
    """plain (a column, perhaps cast), literal, aggregate or expression."""
    type: str = ""
    """The type of an outermost cast."""
    carried: tuple[Leaf, ...] = ()
    """Leaves whose value leaves, in whatever form: those that are only counted are not among
    them."""


class RowFact(msgspec.Struct, frozen=True, order=True):
    """One thing that decides which rows come out."""

    kind: str
    """from, where, having, qualify, limit, distinct, group, join, union, sample."""
    text: str
    pattern: str
    leaves: tuple[Leaf, ...] = ()
    detail: str = ""
    """For a join: left, inner, cross, full, right, semi, anti; `left!` has no equality."""
    aside: str = ""
    """Not empty: it decides only the optional side of the left join with this pattern."""


class Relation(msgspec.Struct, frozen=True, order=True):
    """A table that a query names."""

    catalog: str
    schema: str
    name: str


class Shape(msgspec.Struct, frozen=True):
    """All facts of one query."""

    outputs: tuple[Output, ...]
    open_stars: tuple[str, ...]
    """Relations whose columns all pass, unknown which."""
    rows: tuple[RowFact, ...]
    relations: tuple[Relation, ...]
    reads: tuple[Leaf, ...]
    """Every leaf column that is read anywhere."""
    unresolved: tuple[str, ...] = ()
    """Names that no source gives although the columns of every source are known."""

    def output(self, name: str) -> Output | None:
        wanted = name.lower()
        return next((one for one in self.outputs if one.name.lower() == wanted), None)
