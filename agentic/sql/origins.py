"""What a query yields: columns with their base columns, and rests that nobody listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

# How far a value is from its origin; the strongest step on the way counts.
DIRECT, TRANSFORMED, AGGREGATED = 0, 1, 2

Leaf = tuple[str, str]
"""(key of a base relation, column name as the relation spells it)."""
Leaves = dict[Leaf, int]
"""Base columns with the level of their strongest step."""


class Col:
    """One output column of a query, or one column of a base relation."""

    __slots__ = ("base", "expression", "leaves", "name", "reason")

    def __init__(
        self,
        name: str,
        leaves: Leaves,
        expression: exp.Expression | None = None,
        reason: str = "",
        base: Leaf | None = None,
    ) -> None:
        self.name = name
        self.leaves = leaves
        self.expression = expression
        """The outermost expression that is more than a column's name."""
        self.reason = reason
        """Why not every origin is known; empty when all are."""
        self.base = base
        """The base column that this object is, not merely reads: stars pass it on as it is."""


class Base:
    """A relation outside the statement. `rest`: it has columns that nobody listed."""

    __slots__ = ("_shape", "cols", "key", "known", "name", "rest")

    def __init__(self, key: str, columns: Iterable[str], *, rest: bool, name: str = "") -> None:
        self.key = key
        self.name = name or key
        self.known: dict[str, Col] = {}
        self.rest = rest
        for column in columns:
            leaf = (key, column)
            self.known.setdefault(column.lower(), Col(column, {leaf: DIRECT}, base=leaf))
        self.cols = tuple(self.known.values())
        self._shape: Shape | None = None

    def col(self, name: str) -> Col:
        """The column of that name; one that nobody listed is taken at its word."""
        found = self.known.get(name.lower())
        if found is None:
            leaf = (self.key, name)
            found = self.known[name.lower()] = Col(name, {leaf: DIRECT}, base=leaf)
        return found

    def shape(self) -> Shape:
        """Always the same object, so that a scope can tell this relation from what passes it on."""
        if self._shape is None:
            self._shape = Shape(self.cols, (Rest((self,)),) if self.rest else ())
        return self._shape


class Rest:
    """All unlisted columns of the relations in `bases`, one on top of the other (a union)."""

    __slots__ = ("bases", "without")

    def __init__(self, bases: tuple[Base, ...], without: frozenset[str] = frozenset()) -> None:
        self.bases = bases
        self.without = without

    def col(self, name: str) -> Col | None:
        if name.lower() in self.without:
            return None
        if len(self.bases) == 1:
            return self.bases[0].col(name)
        return merged(name, [base.col(name) for base in self.bases])


class Shape:
    """The columns of a query in order, the rests, and what filtered or joined its rows."""

    __slots__ = ("_index", "any", "cols", "filters", "rests")

    def __init__(
        self,
        cols: Sequence[Col],
        rests: tuple[Rest, ...] = (),
        filters: dict[Leaf, str] | None = None,
        anything: Col | None = None,
    ) -> None:
        self.cols = cols
        self.rests = rests
        self.filters: dict[Leaf, str] = filters if filters is not None else {}
        self.any = anything
        """What every name resolves to: the rows of an unnest, a table function, a pivot."""
        self._index: dict[str, Col] | None = None

    def listed(self, name: str) -> Col | None:
        index = self._index
        if index is None:
            index = {}
            for col in self.cols:
                index.setdefault(col.name.lower(), col)
            self._index = index
        return index.get(name.lower())

    def find(self, name: str) -> Col | None:
        """The column of that name, from the rests if it is not listed; None when there is none."""
        found = self.listed(name)
        if found is not None or not (self.rests or self.any):
            return found
        options = [col for rest in self.rests if (col := rest.col(name)) is not None]
        if len(options) == 1:
            return options[0]
        if options:
            names = " or ".join(sorted({base.name for rest in self.rests for base in rest.bases}))
            return Col(
                name, {}, reason=f"{name} may come from {names}, whose columns are not known"
            )
        return self.any

    @property
    def is_open(self) -> bool:
        return bool(self.rests) or self.any is not None


def opaque(reason: str, cols: Sequence[Col] = ()) -> Shape:
    """A query that cannot be followed: every column is unknown, for that reason."""
    return Shape(cols, anything=Col("*", {}, reason=reason))


def merged(name: str, cols: Iterable[Col]) -> Col:
    """One column fed by several, as in a union."""
    leaves: Leaves = {}
    reasons: list[str] = []
    expression = None
    for col in cols:
        for leaf, level in col.leaves.items():
            if leaves.get(leaf, -1) < level:
                leaves[leaf] = level
        if col.reason and col.reason not in reasons:
            reasons.append(col.reason)
        expression = expression or col.expression
    return Col(name, leaves, expression, "; ".join(reasons))
