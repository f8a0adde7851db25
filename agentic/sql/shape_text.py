"""Single expressions of a query: what they read, what they can hide, how they are written."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agentic.sql.shape_facts import Leaf, Relation

REF, SOURCE, THIS = "agentic_ref", "agentic_source", "agentic_this"


def leaf_key(relation: Relation) -> str:
    """`ref:x`, `source:a~b`, `this:x`, or `table:a.b.c`."""
    place = {REF: "ref", SOURCE: "source", THIS: "this"}.get(relation.schema)
    if place is not None:
        return f"{place}:{relation.name}"
    parts = (relation.catalog, relation.schema, relation.name)
    return "table:" + ".".join(part for part in parts if part).lower()


def leaf_column(key: str, name: str) -> exp.Column:
    return exp.column(
        exp.to_identifier(name.lower(), quoted=True), table=exp.to_identifier(key, quoted=True)
    )


def conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that must all hold."""
    tree = tree.unnest()
    if always_true(tree):
        return
    if isinstance(tree, exp.And):
        yield from conjuncts(tree.this)
        yield from conjuncts(tree.expression)
    else:
        yield tree


def always_true(tree: exp.Expr) -> bool:
    """`true`, `1 = 1`: a place holder for conditions to come."""
    if isinstance(tree, exp.Boolean):
        return bool(tree.this)
    return (
        isinstance(tree, exp.EQ)
        and isinstance(tree.this, exp.Literal)
        and (tree.this == tree.expression)
    )


def join_kind(join: exp.Join) -> str:
    words = " ".join(str(join.args.get(part) or "") for part in ("side", "kind", "method")).upper()
    for word in ("SEMI", "ANTI", "CROSS", "FULL", "RIGHT", "LEFT", "NATURAL"):
        if word in words:
            return word.lower()
    return "inner"


def has_key(condition: exp.Expr) -> bool:
    """Does a join condition demand that a column of one side equals one of the other?"""
    for part in conjuncts(condition):
        if isinstance(part, exp.EQ):
            left = {one.table for one in part.this.find_all(exp.Column)}
            right = {one.table for one in part.expression.find_all(exp.Column)}
            if left and right:
                return True
    return False


def is_aggregate(node: exp.Expr) -> bool:
    return any(
        not _windowed(one) and one.find_ancestor(exp.Subquery) is None
        for one in node.find_all(exp.AggFunc)
    )


def _windowed(node: exp.Expr) -> bool:
    """Is it `agg(…) over (…)`, also with a filter or a treatment of nulls between?"""
    parent = node.parent
    while isinstance(parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        parent = parent.parent
    return isinstance(parent, exp.Window)


def carried(tree: exp.Expr) -> tuple[Leaf, ...]:
    """Leaves of an expression, but for those that it only counts or tests for null."""
    found = set()
    for column in tree.find_all(exp.Column):
        ancestor: exp.Expr | None = column.parent
        counted = False
        while ancestor is not None and not counted:
            counted = isinstance(ancestor, exp.Count | exp.ApproxDistinct | exp.CountIf) or (
                isinstance(ancestor, exp.Is) and isinstance(ancestor.expression, exp.Null)
            )
            ancestor = ancestor.parent
        if not counted:
            found.add(Leaf(column.table, column.name.lower()))
    return tuple(sorted(found))


def column_kind(tree: exp.Expr) -> str:
    inner = tree
    while isinstance(inner, exp.Cast | exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return "plain"
    if tree.find(exp.AggFunc):
        return "aggregate"
    return "literal" if not tree.find(exp.Column) else "expression"


def normal(tree: exp.Expr, dialect: str) -> tuple[str, str, tuple[Leaf, ...]]:
    """(text, pattern, leaves) of an expression over leaves."""
    copy = tree.copy()
    for node in list(copy.walk()):
        node.comments = None
        if isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column):
            node.set("this", node.name.lower())
    leaves = tuple(sorted({Leaf(one.table, one.name.lower()) for one in copy.find_all(exp.Column)}))
    text = copy.sql(dialect, normalize_functions="upper", comments=False)
    for column in list(copy.find_all(exp.Column)):
        if ":" in column.table:
            column.set("this", exp.to_identifier("_"))
    return text, copy.sql(dialect, normalize_functions="upper", comments=False), leaves
