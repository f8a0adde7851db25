"""Follows values through a statement: which relations it reads, what reaches its output.

A resolver of names of its own rather than sqlglot's qualify: it never gives up on a column, keeps a
label for each, and costs a fraction. What it cannot resolve, it refuses.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from agentic.sql.tables import (
    BARE,
    CLEAN,
    GROUPED,
    PII,
    Catalog,
    Columns,
    Name,
    Readable,
    Refusal,
    RelationName,
    name_of,
    relation_name,
)
from agentic.sql.taint_scope import Scope, Source
from agentic.sql.taint_sources import Sources
from agentic.sql.taint_values import Values

# Engines in which a common table expression may name itself without the word RECURSIVE.
_RECURSIVE_ANYWAY = frozenset({"tsql", "snowflake", "trino"})
_SILENT_JOINS = frozenset({"SEMI", "ANTI", "LEFT SEMI", "LEFT ANTI"})


class Resolver(Sources, Values):
    """Resolves one statement. Use once; read `reads`, `findings` and `seen` afterwards."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.dialect = catalog.dialect
        self.reads: dict[str, None] = {}
        self.findings: dict[Refusal, None] = {}
        self.seen: set[int] = set()
        self.nested_writes: list[Any] = []

    def refuse(self, code: str, reason: str) -> None:
        """Remember a refusal; the walk goes on, so that the gravest can be told."""
        self.findings[Refusal(code, reason)] = None

    # -- queries -------------------------------------------------------------------------------

    def query(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """The output columns of a query, in order, with their labels."""
        if isinstance(node, exp.Select):
            return self.select(node, parent, ctes)
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node, parent, ctes)
        if isinstance(node, exp.Subquery):
            return self.subquery(node, parent, ctes)
        if isinstance(node, exp.Values):
            return self.values(node, Scope(parent=parent, ctes=ctes))
        if isinstance(node, exp.Pivot):
            return self.pivot_statement(node, parent, ctes)
        if isinstance(node, exp.Paren):
            return self.query(node.this, parent, ctes)
        if isinstance(node, exp.Table | exp.From):
            scope = Scope(parent=parent, ctes=ctes)
            self.source(node.this if isinstance(node, exp.From) else node, scope)
            found: Columns = self.star(scope, None)
            return found
        self.refuse("UNSUPPORTED_STATEMENT", f"{type(node).__name__} is not a query")
        return Columns([], CLEAN)

    def with_ctes(
        self, node: Any, parent: Scope | None, ctes: dict[str, Columns]
    ) -> dict[str, Columns]:
        """The common table expressions in sight after this node's WITH."""
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        for cte in clause.expressions:
            name = name_of(cte.args["alias"].this) if cte.args.get("alias") else None
            key = name.fold(self.dialect) if name else ""
            renamed = [
                str(column.name).lower() for column in cte.args["alias"].args.get("columns") or ()
            ]
            query = isinstance(cte.this, exp.Query | exp.DML | exp.Table | exp.Values | exp.Pivot)
            if cte.args.get("scalar") or not query:
                # ClickHouse: `WITH expression AS name`.
                if not query and isinstance(node, exp.Select) and cte.this.find(exp.Column):
                    continue
                label = self.value(cte.this, Scope(parent=parent, ctes=ctes))
                ctes[f" {key.lower()}"] = Columns([(key.lower(), label)])
                continue
            if isinstance(cte.this, exp.DML):
                self.nested_writes.append(cte.this)
                columns = self.written(cte.this, parent, ctes)
            else:
                columns = self.cte(cte.this, parent, ctes, (key, bool(clause.recursive), renamed))
            ctes[key] = rename(columns, renamed)
        return ctes

    def cte(
        self,
        body: Any,
        parent: Scope | None,
        ctes: dict[str, Columns],
        naming: tuple[str, bool, list[str]],
    ) -> Columns:
        """One common table expression; a recursive one is resolved until its labels stay."""
        key, recursive, renamed = naming
        union = isinstance(body, exp.SetOperation)
        if not union or not (recursive or self.dialect in _RECURSIVE_ANYWAY):
            return self.query(body, parent, ctes)
        ctes = self.with_ctes(body, parent, ctes)
        anchor = body
        while isinstance(anchor, exp.SetOperation):
            anchor = anchor.this
        columns = rename(self.query(anchor, parent, ctes), renamed)
        for _ in range(3):
            again = rename(self.query(body, parent, {**ctes, key: columns}), renamed)
            if again.pairs == columns.pairs and again.rest == columns.rest:
                break
            columns = again
        return columns

    def written(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """Output of a writing statement inside a query; `agentic.sql.effects_writes` sets it."""
        raise NotImplementedError

    def select(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """A SELECT: its sources, then its output, then its conditions."""
        args = node.args
        ctes = self.with_ctes(node, parent, ctes)
        scope = Scope(parent=parent, ctes=ctes)
        for key, columns in ctes.items():
            if key.startswith(" "):
                scope.aliases[key[1:]] = columns.pairs[0][1]
        if args.get("hint") is not None:
            self.hint(args["hint"], scope)
        if args.get("from_") is not None:
            self.source(args["from_"].this, scope)
        self.joins(node, scope)
        for window in args.get("windows") or ():
            scope.windows[str(window.name).lower()] = window
        if args.get("match") is not None:
            self.match_recognize(args["match"], scope)
        self.pivots(node, scope, None)
        self.named_expressions(args.get("with_"), scope)
        output = self.projections(node.expressions, scope)
        self.conditions(node, scope, output)
        if str(args.get("kind") or "").upper() == "VALUE":
            # BigQuery: the fields of one value become the columns.
            whole = output.whole() & ~BARE
            output = Columns([], whole, {}, whole)
        if args.get("into") is not None:
            self.into(args["into"])
        return output

    def named_expressions(self, clause: Any, scope: Scope) -> None:
        """ClickHouse: `WITH amount * 2 AS twice SELECT twice FROM t` reads t's columns."""
        for cte in clause.expressions if clause is not None else ():
            name = name_of(cte.args["alias"].this) if cte.args.get("alias") else None
            key = name.fold(self.dialect).lower() if name else ""
            plain = cte.args.get("scalar") and not isinstance(cte.this, exp.Query | exp.DML)
            if plain and key not in scope.aliases and cte.this.find(exp.Column):
                scope.aliases[key] = self.value(cte.this, scope)

    def into(self, node: Any) -> None:
        """SELECT ... INTO: the target is judged as a write."""
        self.nested_writes.append(node)

    def conditions(self, node: Any, scope: Scope, output: Columns) -> None:
        """Everything of a SELECT that chooses, groups, orders or limits rows."""
        args = node.args
        for key in ("where", "prewhere", "having", "qualify"):
            if args.get(key) is not None:
                self.predicate(args[key].this, scope)
        if args.get("group") is not None:
            self.group(args["group"], scope, node, output)
        distinct = args.get("distinct")
        chosen = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
        if chosen is not None and self.keys(chosen, scope):
            # One row for each protected value: only its count may leave.
            output.pairs[:] = [(name, label | GROUPED) for name, label in output.pairs]
        for key in ("order", "sort", "distribute", "cluster"):
            if args.get(key) is not None:
                self.order(args[key], scope, output)
        for key in ("limit", "offset", "connect", "sample", "for_", "exclude"):
            self.rest(args.get(key), scope)

    def rest(self, value: Any, scope: Scope) -> None:
        """Anything else that holds expressions: no protected value may steer it."""
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Expr):
                self.predicate(one, scope)

    def group(self, group: Any, scope: Scope, select: Any, output: Columns) -> None:
        """GROUP BY: a protected value may be a key as it is, if only counts leave."""
        keyed = self.keys(group, scope, output)
        if not keyed:
            return
        for index, projection in enumerate(select.expressions):
            if index < len(output.pairs) and self.aggregates(projection):
                name, label = output.pairs[index]
                output.pairs[index] = (name, label | GROUPED)

    def keys(self, group: Any, scope: Scope, output: Columns | None = None) -> bool:
        """Judge grouping keys. Returns True when one of them is a protected value."""
        keyed = False
        for one in self.flat(group):
            label = self.at_position(one, output)
            if label is None:
                label = self.value(one, scope)
            if label & PII and not label & BARE:
                self.refuse("PII_PROBE", "it groups by something derived from a protected value")
            keyed = keyed or bool(label & PII)
        return keyed

    def flat(self, node: Any) -> list[Any]:
        """The expressions under GROUP BY, ROLLUP, CUBE, GROUPING SETS and DISTINCT ON."""
        found: list[Any] = []
        for value in node.args.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(
                    one, exp.Tuple | exp.Cube | exp.Rollup | exp.GroupingSets | exp.Paren
                ):
                    found.extend(self.flat(one))
                elif isinstance(one, exp.Expr):
                    found.append(one)
        return found

    def at_position(self, node: Any, output: Columns | None) -> int | None:
        """The label of an output column named by its position."""
        if output is None or not isinstance(node, exp.Literal) or node.is_string:
            return None
        try:
            index = int(node.this) - 1
        except ValueError:
            return None
        if 0 <= index < len(output.pairs):
            return output.pairs[index][1]
        return output.whole()

    def order(self, order: Any, scope: Scope, output: Columns) -> None:
        """ORDER BY: the order of rows must not tell a protected value that is not output anyway."""
        shown = output.whole() & PII
        for one in order.expressions:
            key = one.this if isinstance(one, exp.Ordered) else one
            label = self.at_position(key, output)
            if label is None and not isinstance(key, exp.Var) and not _is_all(key):
                label = self.value(key, scope)
            if (label or 0) & PII and not (shown and (label or 0) & BARE):
                self.refuse("PII_PROBE", "it orders rows by a protected value")

    # -- set operations, subqueries, values ----------------------------------------------------

    def set_operation(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """UNION, INTERSECT, EXCEPT: columns meet by position. Long chains do not recurse."""
        chain: list[Any] = []
        top = node
        while isinstance(node, exp.SetOperation):
            ctes = self.with_ctes(node, parent, ctes)
            chain.append(node)
            node = node.this
        output = self.query(node, parent, ctes)
        for operation in reversed(chain):
            right = self.query(operation.expression, parent, ctes)
            output = self.combine(operation, output, right)
        scope = Scope(parent=parent, ctes=ctes, sources=[Source("", output)])
        self.conditions(top, scope, output)
        return output

    def combine(self, operation: Any, left: Columns, right: Columns) -> Columns:
        """Two branches of a set operation."""
        probing = not isinstance(operation, exp.Union) or bool(operation.args.get("distinct"))
        if operation.args.get("by_name"):
            names = [name for name, _ in left.pairs]
            names += [name for name, _ in right.pairs if name not in names]
            pairs = [(n, (left.label(n) or 0) | (right.label(n) or 0)) for n in names]
        else:
            pairs = []
            for index in range(max(len(left.pairs), len(right.pairs))):
                name, one = at(left, index)
                _, other = at(right, index)
                if probing and (one ^ other) & PII:
                    self.refuse("PII_PROBE", "it compares a protected value with other values")
                both = one | other
                pairs.append(
                    (name, both if (one & other) & BARE or not both & PII else both & ~BARE)
                )
        rests = [rest for rest in (left.rest, right.rest) if rest is not None]
        rest = None if not rests else (left.rest or 0) | (right.rest or 0)
        return Columns(pairs, rest)

    def subquery(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """A query in parentheses, which may carry its own ORDER BY, LIMIT or joins."""
        ctes = self.with_ctes(node, parent, ctes)
        plain = not any(
            node.args.get(key) for key in ("joins", "pivots", "laterals", "match", "where")
        )
        if plain and not isinstance(node.this, exp.Table):
            output = self.query(node.this, parent, ctes)
            scope = Scope(parent=parent, ctes=ctes, sources=[Source("", output)])
            self.conditions(node, scope, output)
            return output
        scope = Scope(parent=parent, ctes=ctes)
        self.source(node, scope)
        offered: Columns = self.star(scope, None)
        self.conditions(node, scope, offered)
        return offered

    def values(self, node: Any, scope: Scope) -> Columns:
        """VALUES: each column's label over all rows."""
        labels: list[int] = []
        for row in node.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            for index, cell in enumerate(cells):
                label = self.value(cell, scope)
                if index == len(labels):
                    labels.append(CLEAN)
                labels[index] |= label
        pairs = [(f"column{index + 1}", label) for index, label in enumerate(labels)]
        hidden = {f"col{index}": label for index, label in enumerate(labels)}
        return Columns(pairs, None, hidden)


def _is_all(key: Any) -> bool:
    # `ORDER BY ALL` orders by the output, left to right; sqlglot sees a column.
    if not isinstance(key, exp.Column) or key.args.get("table") is not None:
        return False
    return str(key.name).lower() == "all" and not key.this.args.get("quoted")


def at(columns: Columns, index: int) -> tuple[str, int]:
    """The column at a position; beyond the known ones, what the rest may be."""
    if index < len(columns.pairs):
        return columns.pairs[index]
    return ("", columns.rest or CLEAN)


def rename(columns: Columns, names: list[str]) -> Columns:
    """`t(a, b)`: the first columns under other names."""
    if not names:
        return columns
    if columns.rest is not None and len(columns.pairs) < len(names):
        label = columns.whole() | columns.unlisted
        pairs = [(name, label) for name in names]
        return Columns(pairs, columns.rest, columns.hidden, columns.unlisted)
    pairs = [
        (names[index] if index < len(names) else name, label)
        for index, (name, label) in enumerate(columns.pairs)
    ]
    return Columns(pairs, columns.rest)


__all__ = ["Name", "Readable", "RelationName", "Resolver", "relation_name", "rename"]
