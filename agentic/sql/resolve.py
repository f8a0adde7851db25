"""Where every column of a statement comes from: one walk over the tree, nothing copied.

`Resolver.statement` gives the shape of the final query. A `Watch` sees each column and each star as
it is resolved, which is what textual edits are made from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from sqlglot import exp

from agentic.sql.grouping import key_expressions
from agentic.sql.meaning import AGGREGATE, COLUMN, MEANING, QUERIES, QUERY, SKIP, meaning_of
from agentic.sql.origins import (
    AGGREGATED,
    TRANSFORMED,
    Base,
    Col,
    Leaves,
    Rest,
    Shape,
    merged,
    opaque,
)
from agentic.sql.rows import pivoted, renamed, values
from agentic.sql.scope import Scope, Watch, column_parts, look_up
from agentic.sql.unions import combined

RelationOf = Callable[[exp.Table], Base]


class Resolver:
    """Resolves one statement. `relation_of` answers for every table that is no CTE."""

    def __init__(
        self,
        relation_of: RelationOf,
        *,
        watch: Watch | None = None,
        cte_of: Callable[[str], Base | None] | None = None,
    ) -> None:
        self.relation_of = relation_of
        self.watch = watch
        self.cte_of = cte_of

    def statement(self, tree: exp.Expression) -> Shape:
        """The shape of a query, or of the query inside CREATE ... AS and INSERT."""
        inner = tree
        while isinstance(inner, (exp.Create, exp.Insert)):
            inner = inner.args.get("expression") or exp.Null()
        if not isinstance(inner, QUERIES):
            return opaque(f"{tree.key.upper()} is not a query")
        shape = self.query(inner, Scope({}, None))
        if self.watch:
            self.watch.positional(shape.cols)
        return shape

    def query(self, node: exp.Expression, outer: Scope) -> Shape:
        """The shape of any query; `outer` gives its CTEs and the columns it may correlate with."""
        ctes = self._with(node, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, (exp.Subquery, exp.Paren)):
            inner = Scope(ctes, outer.parent, outer.select)
            inner.sources = outer.sources
            return self.query(node.this, inner)
        if isinstance(node, exp.Values):
            return values(node, self.watch)
        if isinstance(node, exp.Table):
            return self.source_shape(node, Scope(ctes, outer))
        return opaque(f"{node.key.upper()} cannot be followed")

    def _with(self, node: exp.Expression, outer: Scope) -> dict[str, Shape]:
        with_ = node.args.get("with_")
        if with_ is None:
            return outer.ctes
        ctes = dict(outer.ctes)
        scope = Scope(ctes, outer)  # as much of what is around as subqueries may correlate with
        for cte in with_.expressions:
            name = cte.alias.lower()
            if with_.args.get("recursive"):
                ctes[name] = self._anchor(cte.this, scope)
            shape = renamed(self.query(cte.this, scope), cte.args.get("alias"), self.watch)
            base = self.cte_of(cte.alias) if self.cte_of else None
            ctes[name] = base.shape() if base is not None else shape
        return ctes

    def _anchor(self, body: exp.Expression, scope: Scope) -> Shape:
        """What a recursive CTE is before its first round: the branch that does not name it."""
        while isinstance(body, exp.SetOperation):
            body = body.this
        return Resolver(self.relation_of, cte_of=self.cte_of).query(body, scope)

    def _set_operation(self, node: exp.Expression, ctes: dict[str, Shape], outer: Scope) -> Shape:
        # A chain of unions leans left; walking it in a loop spares the stack on long ones.
        chain: list[exp.Expression] = []
        left = node
        while isinstance(left, exp.SetOperation) and (left is node or not left.args.get("with_")):
            chain.append(left)
            left = left.this
        scope = Scope(ctes, outer.parent, outer.select)
        scope.sources = outer.sources
        shape = self.query(left, scope)
        for operation in reversed(chain):
            right = self.query(operation.expression, scope)
            if self.watch:
                self.watch.positional([*shape.cols, *right.cols])
            shape = combined(operation, shape, right)
        return shape

    def _select(self, node: exp.Select, ctes: dict[str, Shape], outer: Scope) -> Shape:
        scope = Scope(ctes, outer, node)
        args = node.args
        self._from(args, scope)
        for key in ("where", "prewhere"):
            if args.get(key):
                self._filter(args[key], scope, "filter")
        cols, rests = self._projections(node, scope)
        for key in ("having", "qualify"):
            if args.get(key):
                self._filter(args[key], scope, "filter")
        if len(args) > 2:
            self._keys(args, cols, scope)
        if self.watch:
            self._watch_rest(args, scope)
        return Shape(cols, rests, scope.filters)

    def _from(self, args: dict[str, Any], scope: Scope) -> None:
        from_ = args.get("from_")
        if from_ is not None:
            self._source(from_.this, scope)
        for lateral in args.get("laterals") or ():
            self._source(lateral, scope)
        for join in args.get("joins") or ():
            self._join(join, scope)

    def _join(self, join: exp.Expression, scope: Scope) -> None:
        before = list(scope.sources.values())
        joined = self._source(join.this, scope)
        args = join.args
        if args.get("on"):
            self._filter(args["on"], scope, "join")
        shared = [one.name for one in args.get("using") or ()]
        if args.get("method") == "NATURAL":
            shared = [
                col.name
                for col in joined.cols
                if any(source.listed(col.name) is not None for source in before)
            ]
        for name in shared:
            sides = [found for shape in before if (found := shape.find(name)) is not None][:1]
            right = joined.find(name)
            both = [*sides, right] if right is not None else sides
            if self.watch:
                self.watch.positional(both)
            for col in both:
                scope.filters.update(dict.fromkeys(col.leaves, "join"))
            side = args.get("side")
            kept = both if side == "FULL" else both[-1:] if side == "RIGHT" else both[:1]
            scope.shared[name.lower()] = merged(name, kept)

    def _filter(self, node: exp.Expression, scope: Scope, kind: str) -> None:
        leaves: Leaves = {}
        self._collect(node, scope, TRANSFORMED, leaves, [])
        for leaf in leaves:
            scope.filters.setdefault(leaf, kind)

    def _keys(self, args: dict[str, Any], cols: list[Col], scope: Scope) -> None:
        """What rows are folded by, and the order that a limit cuts: they decide which rows are."""
        for one in key_expressions(args, cols, limits=not self.watch):
            if isinstance(one, Col):
                for leaf in one.leaves:
                    scope.filters.setdefault(leaf, "group")
            else:
                self._filter(one, scope, "group")

    def _watch_rest(self, args: dict[str, Any], scope: Scope) -> None:
        """What no lineage needs, but every edit: orders and windows."""
        for key, value in args.items():
            if key in ("windows", "cluster", "distribute"):
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, exp.Expression):
                        self._collect(one, scope, TRANSFORMED, {}, [])
            elif key in ("order", "sort") and value is not None:
                for column in value.find_all(exp.Column):
                    # An order names an output before it names a column.
                    if column.args.get("table") or column.name.lower() not in scope.outputs:
                        self.column(column, scope)

    def _source(self, node: exp.Expression, scope: Scope) -> Shape:
        shape = self.source_shape(node, scope)
        alias = node.alias_or_name.lower() or f"\0{len(scope.sources)}"
        scope.sources[alias] = shape
        scope.filters.update(shape.filters)
        for join in node.args.get("joins") or ():
            self._join(join, scope)
        return shape

    def source_shape(self, node: exp.Expression, scope: Scope) -> Shape:
        """The shape of one entry of FROM or JOIN, its pivots and column names applied."""
        if isinstance(node, exp.Table):
            shape = self._table(node, scope)
        elif isinstance(node, (exp.Subquery, exp.SetOperation, exp.Select)):
            # Without LATERAL some dialects still let it see its neighbours; nobody is hurt by that.
            shape = self.query(node, scope)
        elif isinstance(node, exp.Values):
            return values(node, self.watch)
        else:
            shape = self._rows_of(node, scope)
        for pivot in node.args.get("pivots") or ():
            shape = self._pivot(pivot, shape, scope)
        alias = node.args.get("alias")
        if isinstance(node, (exp.Lateral, exp.Unnest)):
            return shape
        return renamed(shape, alias, self.watch)

    def _table(self, node: exp.Table, scope: Scope) -> Shape:
        if not isinstance(node.this, exp.Identifier):
            return self._rows_of(node, scope)
        if not node.args.get("db"):
            cte = scope.ctes.get(node.name.lower())
            if cte is not None:
                return cte
        return self.relation_of(node).shape()

    def _rows_of(self, node: exp.Expression, scope: Scope) -> Shape:
        """Rows made by a function: every column comes from the function's arguments."""
        leaves: Leaves = {}
        reasons: list[str] = []
        inner = node.this if isinstance(node, (exp.Lateral, exp.Table)) else node
        if isinstance(node, exp.Lateral) and isinstance(inner, QUERIES):
            return renamed(self.query(inner, scope), node.args.get("alias"), self.watch)
        for value in inner.args.values() if inner is not None else ():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, exp.Expression) and not isinstance(one, exp.TableAlias):
                    self._collect(one, scope, TRANSFORMED, leaves, reasons)
        alias = node.args.get("alias")
        names = [one.name for one in (alias.args.get("columns") or ())] if alias else []
        names = names or ([alias.name] if alias is not None and alias.args.get("this") else [])
        text = inner if isinstance(inner, exp.Expression) else None
        cols = [Col(name, leaves, text, "; ".join(reasons)) for name in names]
        return Shape(cols, anything=Col("*", leaves, text, "; ".join(reasons)))

    def _pivot(self, pivot: exp.Expression, shape: Shape, scope: Scope) -> Shape:
        inner = Scope(scope.ctes, None)
        inner.sources[""] = shape

        def read(node: exp.Expression, level: int) -> tuple[Leaves, list[str]]:
            leaves: Leaves = {}
            reasons: list[str] = []
            self._collect(node, inner, level, leaves, reasons)
            return leaves, reasons

        return pivoted(pivot, shape, read)

    def _projections(self, node: exp.Select, scope: Scope) -> tuple[list[Col], tuple[Rest, ...]]:
        cols: list[Col] = []
        rests: tuple[Rest, ...] = ()
        for index, item in enumerate(node.expressions):
            star = item if isinstance(item, exp.Star) else item.this
            if isinstance(star, exp.Star) and isinstance(item, (exp.Star, exp.Column)):
                found, more = self._star(star, item, scope, index)
                cols += found
                rests += more
                continue
            col = self._projection(item, scope, index)
            if isinstance(item, (exp.Alias, exp.Column)):
                scope.outputs.setdefault(col.name.lower(), col)
            if self.watch:
                self.watch.output(item, col)
            cols.append(col)
        return cols, rests

    def _projection(self, item: exp.Expression, scope: Scope, index: int) -> Col:
        inner: exp.Expression = item.this if isinstance(item, exp.Alias) else item
        # A literal's own name for itself is its text, which is no name.
        name = "" if isinstance(item, exp.Literal) else item.output_name
        name = name or f"_col_{index}"
        if isinstance(inner, exp.Paren):
            inner = cast(exp.Expression, inner.unnest())
        if type(inner) is exp.Column:
            col = self.column(inner, scope)
            return Col(name, col.leaves, col.expression, col.reason)
        leaves: Leaves = {}
        reasons: list[str] = []
        self._collect(inner, scope, TRANSFORMED, leaves, reasons)
        return Col(name, leaves, inner, "; ".join(dict.fromkeys(reasons)))

    def column(self, node: exp.Column, scope: Scope) -> Col:
        """Resolve one column here or in a query around this one. Never fails: see `reason`."""
        parts = column_parts(node)
        found = look_up(parts, scope)
        if found is None:
            name = parts[-1]
            found = Col(name, {}, reason=f"no relation in scope has a column {name}")
        if self.watch:
            self.watch.column(node, found, scope)
        return found

    def _star(
        self, star: exp.Star, item: exp.Expression, scope: Scope, index: int
    ) -> tuple[list[Col], tuple[Rest, ...]]:
        table = item.args.get("table") if isinstance(item, exp.Column) else None
        if table is not None:
            named = scope.sources.get(table.name.lower())
            sources = [named] if named is not None else []
        else:
            sources = list(scope.sources.values())
        if self.watch:
            self.watch.star(scope, index, star, sources)
        cols: list[Col] = []
        rests: tuple[Rest, ...] = ()
        shared: set[str] = set()
        for source in sources:
            for col in source.cols:
                key = col.name.lower()
                if table is None and key in scope.shared:
                    if key not in shared:
                        cols.append(scope.shared[key])
                    shared.add(key)
                    continue
                cols.append(col)
            rests += source.rests
            if source.any is not None and not source.cols:
                cols.append(source.any)
        return self._star_changes(star, cols, rests, scope)

    def _star_changes(
        self, star: exp.Star, cols: list[Col], rests: tuple[Rest, ...], scope: Scope
    ) -> tuple[list[Col], tuple[Rest, ...]]:
        without = set()
        for one in star.args.get("except_") or ():
            without.add(one.name.lower())
            if self.watch and type(one) is exp.Column:
                self.column(one, scope)
        changed: dict[str, Col] = {}
        for one in star.args.get("replace") or ():
            changed[one.alias.lower()] = self._projection(one, scope, 0)
        for one in star.args.get("rename") or ():
            col = self.column(one.this, scope)
            changed[one.this.name.lower()] = Col(one.alias, col.leaves, col.expression, col.reason)
        if not without and not changed:
            return cols, rests
        listed = {col.name.lower() for col in cols}
        result = [
            changed.get(col.name.lower(), col) for col in cols if col.name.lower() not in without
        ]
        if rests:
            result += [col for key, col in changed.items() if key not in listed]
            hidden = frozenset(without | changed.keys())
            rests = tuple(Rest(rest.bases, rest.without | hidden) for rest in rests)
        return result, rests

    def _collect(
        self, node: exp.Expression, scope: Scope, level: int, leaves: Leaves, reasons: list[str]
    ) -> None:
        """Add to `leaves` every base column that an expression reads."""
        meaning = MEANING.get(type(node))
        if meaning is None:
            meaning = meaning_of(node)
        if meaning == SKIP:
            return
        if meaning == COLUMN:
            self._collect_column(node, scope, level, leaves, reasons)  # type: ignore[arg-type]
            return
        if meaning == QUERY:
            self._collect_query(node, scope, level, leaves)
            return
        if meaning == AGGREGATE:
            level = AGGREGATED
        for value in node.args.values():
            for one in value if type(value) is list else (value,):
                if isinstance(one, exp.Expression):
                    self._collect(one, scope, level, leaves, reasons)

    def _collect_column(
        self, node: exp.Column, scope: Scope, level: int, leaves: Leaves, reasons: list[str]
    ) -> None:
        if isinstance(node.this, exp.Star):
            return
        col = self.column(node, scope)
        for leaf, inner in col.leaves.items():
            strongest = inner if inner > level else level
            if leaves.get(leaf, -1) < strongest:
                leaves[leaf] = strongest
        if col.reason:
            reasons.append(col.reason)

    def _collect_query(
        self, node: exp.Expression, scope: Scope, level: int, leaves: Leaves
    ) -> None:
        shape = self.query(node, scope)
        scope.filters.update(shape.filters)
        for col in shape.cols:
            for leaf, inner in col.leaves.items():
                leaves[leaf] = max(leaves.get(leaf, -1), inner, level)
