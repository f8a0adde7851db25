"""What a node's raw code reads from one relation: every mention and every star, with their place.

Raw code is Jinja SQL. Each variant of it (one branch of every `if`) is parsed and resolved;
positions are those of the raw text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql import jinja
from agentic.sql.origins import Base, Col, Leaf, Shape
from agentic.sql.parsing import parse
from agentic.sql.resolve import Resolver
from agentic.sql.scope import Scope

TARGET = "\0target"
"""Key of the relation that is asked about."""


class Mention:
    """One column of the text that reads the column asked about."""

    __slots__ = ("col", "node", "scope")

    def __init__(self, node: exp.Column, col: Col, scope: Scope) -> None:
        self.node = node
        self.col = col
        self.scope = scope


class Star:
    """One star in a select list, with what it spreads."""

    __slots__ = ("index", "node", "scope", "sources")

    def __init__(self, node: exp.Star, index: int, scope: Scope, sources: list[Shape]) -> None:
        self.node = node
        self.index = index
        self.scope = scope
        self.sources = sources


class Variant:
    """One parsed reading of the raw code, and everything that was seen while resolving it."""

    def __init__(self, masked: jinja.Masked, tree: exp.Expression, target: Base | None) -> None:
        self.masked = masked
        self.tree = tree
        self.target = target
        self.columns: list[Mention] = []
        self.stars: list[Star] = []
        self.outputs: list[tuple[exp.Expression, Col]] = []
        self.escaped: set[Leaf] = set()
        """Base columns that are used by position, or that the whole query yields by a star."""
        self.tables: list[exp.Table] = []
        """Where the target stands in FROM or JOIN."""
        self.shape = Shape(())
        self.placeholders = [
            masked.text[start : tag.end] for start, tag in masked.expressions.items()
        ]

    def column(self, node: exp.Column, col: Col, scope: Scope) -> None:
        self.columns.append(Mention(node, col, scope))

    def output(self, item: exp.Expression, col: Col) -> None:
        self.outputs.append((item, col))

    def star(self, scope: Scope, index: int, node: exp.Star, sources: list[Shape]) -> None:
        self.stars.append(Star(node, index, scope, sources))

    def positional(self, cols: Iterable[Col]) -> None:
        self.escaped |= {col.base for col in cols if col.base is not None}

    def mentions(self, name: str) -> list[Mention]:
        """What reads the target's column of that name."""
        leaf = (TARGET, name.lower())
        return [one for one in self.columns if one.col.base and _folded(one.col.base) == leaf]

    def lets_out(self, name: str) -> bool:
        return (TARGET, name.lower()) in {_folded(leaf) for leaf in self.escaped}

    def tags_of(self, node: exp.Column) -> list[jinja.Tag]:
        """The Jinja expressions that a column of the masked text stands for, wholly or in part."""
        start, end = node.this.meta.get("start", 0), node.this.meta.get("end", -1)
        return [
            tag
            for position, tag in self.masked.expressions.items()
            if position <= end and tag.end > start
        ]

    def plain(self, name: str) -> str:
        """A column's name in lower case; the same text for all that a placeholder is part of."""
        name = name.lower()
        return "{{ }}" if any(one in name for one in self.placeholders) else name


def _folded(leaf: Leaf) -> Leaf:
    return leaf[0], leaf[1].lower()


class Reading:
    """All variants of a raw code that parse. `relations`: key of every relation met, by marker."""

    def __init__(self, raw: str, dialect: str) -> None:
        self.raw = raw
        self.dialect = dialect
        self.tags = jinja.tags(raw)
        self.variants: list[Variant] = []
        self.failed: list[jinja.Masked] = []
        self.bases: dict[str, Base] = {}

    @property
    def hidden(self) -> list[tuple[int, int]]:
        """Spans of SQL that no parsed variant shows."""
        if not self.variants:
            return [(0, len(self.raw))]
        kept = [set(one.masked.hidden) for one in self.variants]
        return sorted(set.intersection(*kept))


def read(
    raw: str,
    dialect: str,
    *,
    markers: Collection[str] = (),
    columns: Sequence[str] = (),
    rest: bool = True,
) -> Reading:
    """Parse and resolve a raw code; `markers` name the relation asked about.

    A marker is `ref('x')`, `source('a','b')` or, for SQL without Jinja, a relation's dotted name.
    `columns` are columns that it is known to have, `rest` says that it may have more.
    Variants that are not SQL are left out; a text with none that parses gives an empty Reading.
    """
    reading = Reading(raw, dialect)
    wanted = {_normal(marker) for marker in markers}
    variables = jinja.relation_variables(reading.tags)
    for masked in jinja.variants(raw):
        try:
            tree = parse(masked.text, dialect)
            target = Base(TARGET, columns, rest=rest, name=next(iter(markers), "it"))
            variant = Variant(masked, tree, target)
            _resolve(reading, variant, wanted, variables)
        except (SqlError, RecursionError):
            reading.failed.append(masked)
        else:
            reading.variants.append(variant)
    return reading


def _resolve(
    reading: Reading, variant: Variant, wanted: set[str], variables: dict[str, str]
) -> None:
    markers: dict[int, str] = {}
    for table in variant.tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            markers[id(table)] = marker_of(table, variant.masked, variables)
            name_after_marker(table, markers[id(table)])

    def relation_of(table: exp.Table) -> Base:
        marker = markers[id(table)]
        if matches(marker, wanted) and variant.target is not None:
            variant.tables.append(table)
            return variant.target
        return reading.bases.setdefault(marker, Base(marker, (), rest=True))

    variant.shape = Resolver(relation_of, watch=variant).statement(variant.tree)


def marker_of(table: exp.Table, masked: jinja.Masked, variables: dict[str, str]) -> str:
    """The marker of a table of masked text, or its dotted name where no Jinja stands for it."""
    tag = masked.expressions.get(table.this.meta.get("start", -1))
    if tag is None:
        return ".".join(part.name for part in table.parts).lower()
    text = tag.inner.strip()
    return jinja.relation_marker(tag.inner) or variables.get(text) or f"{{{{ {text} }}}}"


def name_after_marker(table: exp.Table, marker: str) -> None:
    """`from {{ ref('orders') }}` lets the rest of the query say `orders.id`: give it that alias."""
    if marker.endswith(")") and not table.args.get("alias"):
        name = relation_name(marker)
        alias = exp.TableAlias(this=exp.Identifier(this=name, quoted=False))
        table.set("alias", alias)


def relation_name(marker: str) -> str:
    """The last name of a marker: `orders` of `source('shop','orders')`."""
    names = [text[1:-1] for text in marker[marker.find("(") + 1 : -1].split(",") if "=" not in text]
    return names[-1] if names else marker


def _normal(marker: str) -> str:
    return jinja.relation_marker(marker) or marker.strip().replace('"', "").lower()


def matches(marker: str, wanted: set[str]) -> bool:
    """True when a marker is one of those wanted; `ref('p','x')` and `ref('x')` are the same."""
    if marker in wanted:
        return True
    if not marker.startswith("ref("):
        # A dotted name may be given with fewer or more outer parts.
        return any(
            one.endswith(f".{marker}") or marker.endswith(f".{one}")
            for one in wanted
            if "(" not in one
        )
    parts = marker[4:-1].split(",")
    short = f"ref({','.join(part for part in parts[1:])})" if len(parts) > 1 else None
    return short in wanted or any(
        one.startswith("ref(") and one.endswith(f",{marker[4:]}") for one in wanted
    )
