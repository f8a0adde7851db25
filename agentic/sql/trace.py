"""Column origins of one node's SQL, compiled or raw, for callers that know relations, not trees."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql import jinja
from agentic.sql.origins import Base, Col, Shape, opaque
from agentic.sql.parsing import parse
from agentic.sql.reading import marker_of, name_after_marker
from agentic.sql.resolve import Resolver

Lookup = Callable[[str], Base | None]
"""A relation by its dotted name in lower case, or by its Jinja marker."""


def trace(sql: str, dialect: str, lookup: Lookup, cte_of: Lookup | None = None) -> Shape:
    """The shape of a compiled query. `cte_of` may take a CTE for a relation, by its name.

    Never raises: text that cannot be followed gives an opaque shape with the reason.
    """
    try:
        tree = parse(sql, dialect)
    except SqlError as error:
        return opaque(error.message)
    return _resolve(tree, lookup, lambda table: ".".join(p.name for p in table.parts), cte_of)


def trace_raw(raw: str, dialect: str, lookup: Lookup) -> Shape:
    """The shape of raw code with its Jinja masked: what a macro yields is unknown."""
    variables = jinja.relation_variables(jinja.tags(raw))
    problem = "no SQL"
    for masked in jinja.variants(raw):
        try:
            tree = parse(masked.text, dialect)
        except SqlError as error:
            problem = error.message
            continue
        names = {}
        for table in tree.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier):
                names[id(table)] = marker_of(table, masked, variables)
                name_after_marker(table, names[id(table)])
        shape = _resolve(tree, lookup, partial(_name_in, names), None)
        return _without_placeholders(shape, masked)
    return opaque(f"raw code: {problem}")


def _name_in(names: dict[int, str], table: exp.Table) -> str:
    return names[id(table)]


def _resolve(
    tree: exp.Expression,
    lookup: Lookup,
    name_of: Callable[[exp.Table], str],
    cte_of: Lookup | None,
) -> Shape:
    unknown: dict[str, Base] = {}

    def relation_of(table: exp.Table) -> Base:
        name = name_of(table)
        name = name if "(" in name else name.lower()
        return lookup(name) or unknown.setdefault(name, Base(f"?{name}", (), rest=True, name=name))

    try:
        return Resolver(relation_of, cte_of=cte_of).statement(tree)
    except RecursionError:
        return opaque("the query is nested too deeply")


def _without_placeholders(shape: Shape, masked: jinja.Masked) -> Shape:
    tags = {
        masked.text[start : tag.end]: tag.inner.strip() for start, tag in masked.expressions.items()
    }
    lowered = {text.lower(): inner for text, inner in tags.items()}
    cols = []
    for col in shape.cols:
        leaves = {
            leaf: level for leaf, level in col.leaves.items() if leaf[1].lower() not in lowered
        }
        name, hidden = col.name, len(leaves) < len(col.leaves)
        hidden = hidden or any(text in col.reason for text in tags)
        for text, inner in tags.items():
            if text in name:
                name, hidden = name.replace(text, f"{{{{ {inner} }}}}"), True
        reason = "made by Jinja that is not rendered" if hidden else col.reason
        cols.append(Col(name, leaves, None if hidden else col.expression, reason))
    filters = {leaf: kind for leaf, kind in shape.filters.items() if leaf[1].lower() not in lowered}
    return Shape(cols, shape.rests, filters, shape.any)


def expression_text(col: Col, dialect: str) -> str:
    """The expression that makes a column, as SQL; empty for a column passed on by its name."""
    return col.expression.sql(dialect=dialect or None, comments=False) if col.expression else ""
