"""What stands in FROM: relations, subqueries, table functions, joins, pivots."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from agentic.sql.tables import (
    BARE,
    CLEAN,
    PII,
    PROBED,
    Catalog,
    Columns,
    Readable,
    Refusal,
    RelationName,
    relation_name,
)
from agentic.sql.taint_scope import Scope, Source

# Engines that unnest a column by naming it in FROM: `FROM t, t.items`.
_ARRAYS_IN_FROM = frozenset({"bigquery", "redshift", "databricks", "spark", "clickhouse"})
_WRAPPERS = (exp.Final, exp.Paren, exp.From)


_SEMI_JOINS = frozenset(["duckdb", "databricks", "spark", "clickhouse"])


class Sources:
    """The half of the resolver that knows FROM. Mixed into `Resolver`, which has the rest."""

    catalog: Catalog
    dialect: str
    reads: dict[str, None]
    seen: set[int]
    refuse: Any
    query: Any
    value: Any
    values: Any
    predicate: Any
    star: Any

    def source(self, node: Any, scope: Scope, *, silent: bool = False) -> None:
        """Add what a FROM item offers to the scope."""
        while isinstance(node, _WRAPPERS):
            node = node.this
        before = len(scope.sources)
        self.offer_item(node, scope)
        if silent:
            for one in scope.sources[before:]:
                one.silent = True
        if isinstance(node, exp.Expr) and not isinstance(node, exp.Query | exp.Join):
            self.joins(node, scope)

    def offer_item(self, node: Any, scope: Scope) -> None:
        """One FROM item by its kind."""
        if isinstance(node, exp.Table):
            self.table(node, scope)
        elif isinstance(node, exp.Subquery):
            self.derived(node, scope)
        elif isinstance(node, exp.Lateral):
            self.lateral(node, scope)
        elif isinstance(node, exp.Unnest):
            self.unnest(node, scope)
        elif isinstance(node, exp.Alias):
            name = str(node.alias).lower()
            label = self.value(node.this, scope) & ~BARE
            scope.sources.append(Source(name, Columns([(name, label)])))
        elif isinstance(node, exp.TableFromRows) and not isinstance(node.this, exp.Func):
            called = isinstance(node.this, exp.Dot) and isinstance(node.this.expression, exp.Func)
            code = "UNKNOWN_FUNCTION" if called else "DYNAMIC_IDENTIFIER"
            self.refuse(code, "the relation is a text, a variable or a function of somebody's own")
        elif isinstance(node, exp.Expr):
            self.add(node, scope, self.offered_columns(node, scope))

    def offered_columns(self, node: Any, scope: Scope) -> Columns:
        """Columns of a query, of VALUES, of a table function, or of ClickHouse's ARRAY JOIN."""
        if isinstance(node, exp.Query):
            queried: Columns = self.query(node, scope.outer(), scope.ctes)
            return queried
        if isinstance(node, exp.Values):
            rows: Columns = self.values(node, scope)
            return rows
        return self.called(node, scope)

    def add(self, node: Any, scope: Scope, columns: Columns, name: str = "") -> None:
        """A source under its alias, after its pivots and its column list."""
        alias = node.args.get("alias")
        names: list[str] = []
        if isinstance(alias, exp.TableAlias):
            names = [str(one.name).lower() for one in alias.args.get("columns") or ()]
            name = str(alias.name).lower() or name
        scope.sources.append(Source(name, listed(columns, names)))
        self.pivots(node, scope, scope.sources[-1])

    def table(self, node: Any, scope: Scope) -> None:
        """A relation, a common table expression, or a table function."""
        self.seen.add(id(node))
        for key in ("when", "version", "system_time", "sample", "changes"):
            part = node.args.get(key)
            if isinstance(part, exp.Expr):
                self.predicate(part, scope)
        rows = node.args.get("rows_from") or ()
        if rows:
            label = CLEAN
            for one in rows:
                self.seen.add(id(one))
                label |= self.value(one.this, scope) & ~BARE
            self.add(node, scope, Columns([], label))
            return
        name = relation_name(node, self.dialect)
        if name is None:
            self.add(node, scope, self.called(node.this, scope), self.call_name(node.this))
            return
        self.add(node, scope, self.relation(name, scope), name.name.text.lower())
        scope.sources[-1].path = name.text.lower()

    def relation(self, name: RelationName, scope: Scope) -> Columns:
        """The columns of a named relation, common table expressions first."""
        if name.schema is None and not name.path and not name.dynamic:
            cte = scope.ctes.get(name.name.fold(self.dialect))
            if cte is not None:
                return cte
        if name.schema is not None and self.dialect in _ARRAYS_IN_FROM:
            owner = scope.find(name.schema.text.lower())
            if owner is not None and name.database is None:
                label = owner.columns.label(name.name.text.lower())
                if label is not None:
                    return Columns([(name.name.text.lower(), label & ~BARE)], label & ~BARE)
        return self.read(name)

    def read(self, name: RelationName) -> Columns:
        """Ask the catalog; a refusal is remembered and the walk goes on."""
        answer = self.catalog.relation(name)
        if isinstance(answer, Refusal):
            self.refuse(answer.code, answer.reason)
            self.reads[name.text.lower()] = None
            return Columns([], CLEAN)
        assert isinstance(answer, Readable)
        self.reads[answer.name] = None
        return answer.columns

    def derived(self, node: Any, scope: Scope) -> None:
        """`(query) alias`, or a join in parentheses."""
        inner = node.this
        if isinstance(inner, exp.Table | exp.Subquery) and (
            isinstance(inner, exp.Table) or inner.args.get("joins") or inner.args.get("alias")
        ):
            nested = Scope(parent=scope.parent, ctes=scope.ctes, before=scope)
            self.source(inner, nested)
            if node.args.get("alias") is None and not node.args.get("pivots"):
                scope.sources.extend(nested.sources)
                return
            self.add(node, scope, self.star(nested, None))
            return
        self.add(node, scope, self.query(inner, scope.outer(), scope.ctes))

    def lateral(self, node: Any, scope: Scope) -> None:
        """LATERAL (query), LATERAL function(...), LATERAL VIEW explode(...)."""
        this = node.this
        if isinstance(this, exp.Subquery | exp.Query):
            inner = this.this if isinstance(this, exp.Subquery) else this
            self.add(node, scope, self.query(inner, scope.lateral(), scope.ctes))
            return
        if isinstance(this, exp.Table):
            self.source(this, scope)
            return
        self.add(node, scope, self.called(this, scope))

    def unnest(self, node: Any, scope: Scope) -> None:
        """UNNEST of arrays; `WITH OFFSET` adds a number."""
        label = CLEAN
        for one in node.expressions:
            label |= self.value(one, scope) & ~BARE
        columns = Columns([], label)
        offset = node.args.get("offset")
        if isinstance(offset, exp.Expr):
            columns.hidden = {str(offset.name).lower(): CLEAN}
        self.add(node, scope, columns)

    def called(self, node: Any, scope: Scope) -> Columns:
        """What a function in FROM gives: its arguments' labels, unless the catalog knows it."""
        arguments = tuple(
            str(one.this) if isinstance(one, exp.Literal) else ""
            for one in getattr(node, "expressions", None) or ()
        )
        answer = self.catalog.function_columns(self.call_name(node), arguments)
        if isinstance(answer, Refusal):
            self.refuse(answer.code, answer.reason)
        elif answer is not None:
            return answer
        return Columns([], self.value(node, scope) & ~BARE)

    def call_name(self, node: Any) -> str:
        """The function's name in lower case; a typed function's is its class."""
        if isinstance(node, exp.Anonymous):
            return str(node.name).lower()
        return type(node).__name__.lower()

    # -- joins and pivots ----------------------------------------------------------------------

    def joins(self, node: Any, scope: Scope) -> None:
        """The joins and lateral views that hang on a FROM item or a SELECT."""
        for lateral in node.args.get("laterals") or ():
            self.source(lateral, scope)
        for join in node.args.get("joins") or ():
            self.join(join, scope)

    def join(self, join: Any, scope: Scope) -> None:
        """One join: its relation, then its condition."""
        args = join.args
        kind = str(args.get("kind") or "").upper()
        before = len(scope.sources)
        # Elsewhere SEMI is an alias of the relation before it, and the join shows both sides.
        silent = kind in ("SEMI", "ANTI") and self.dialect in _SEMI_JOINS
        self.source(join.this, scope, silent=silent)
        for key in ("on", "match_condition"):
            if args.get(key) is not None:
                self.predicate(args[key], scope)
        for one in args.get("expressions") or ():
            self.source(one, scope)
        names = [str(one.name).lower() for one in args.get("using") or ()]
        if str(args.get("method") or "").upper() == "NATURAL":
            right = {n for source in scope.sources[before:] for n, _ in source.columns.pairs}
            names += [n for s in scope.sources[:before] for n, _ in s.columns.pairs if n in right]
        for name in names:
            left = scope.labels(name, 0, before)
            other = scope.labels(name, before, None)
            if (left ^ other) & PII:
                self.refuse("PII_PROBE", "it joins a protected value to other values")

    def pivots(self, node: Any, scope: Scope, source: Source | None) -> None:
        """PIVOT and UNPIVOT change what the source before them offers."""
        for pivot in node.args.get("pivots") or ():
            target = source or (scope.sources[-1] if scope.sources else None)
            if target is None:
                continue
            inner = Scope(parent=scope.parent, ctes=scope.ctes, sources=[target])
            target.columns = self.pivoted(pivot, inner, target.columns)
            alias = pivot.args.get("alias")
            if isinstance(alias, exp.TableAlias):
                if alias.this is not None:
                    target.alias = str(alias.name).lower()
                names = [str(one.name).lower() for one in alias.args.get("columns") or ()]
                target.columns = listed(target.columns, names)

    def pivoted(self, pivot: Any, scope: Scope, columns: Columns) -> Columns:
        """New columns carry the labels of all that the pivot touches; the others stay."""
        used, label = self.touched(pivot, scope, columns)
        if not pivot.args.get("unpivot"):
            for field in pivot.args.get("fields") or ():
                named = field.this.name.lower() if isinstance(field, exp.In) else ""
                if (columns.label(named) or CLEAN) & PII:
                    # The values become names of columns.
                    label |= PII | PROBED
        group = pivot.args.get("group")
        kept = [(name, one) for name, one in columns.pairs if name not in used]
        if group is not None:
            names = {str(one.name).lower() for one in group.expressions}
            kept = [(name, one) for name, one in columns.pairs if name in names]
        return Columns(kept, label if columns.rest is None else label | columns.rest)

    def touched(self, pivot: Any, scope: Scope, columns: Columns) -> tuple[set[str], int]:
        """Names of the columns that a pivot uses up, and the label of all of them."""
        used: set[str] = set()
        label = CLEAN
        parts: list[Any] = []
        for key in ("expressions", "using", "fields", "into"):
            value = pivot.args.get(key)
            parts.extend(value if isinstance(value, list) else [value])
        for part in parts:
            if not isinstance(part, exp.Expr):
                continue
            for column in part.find_all(exp.Column):
                known = columns.label(str(column.name).lower())
                if known is not None:
                    used.add(str(column.name).lower())
                    label |= known
            for query in part.find_all(exp.Query):
                if not isinstance(query.parent, exp.Query):
                    label |= self.query(query, scope, scope.ctes).whole()
        return used, label & ~BARE

    def pivot_statement(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """DuckDB's PIVOT and UNPIVOT as statements."""
        ctes = self.with_ctes(node, parent, ctes)
        scope = Scope(parent=parent, ctes=ctes)
        self.source(node.this, scope)
        return self.pivoted(node, scope, self.star(scope, None))

    with_ctes: Any

    def match_recognize(self, node: Any, scope: Scope) -> None:
        """Row patterns: what is defined or measured may come from any column."""
        pattern = str(getattr(node.args.get("pattern"), "name", "")).lower()
        before = list(scope.sources)
        for name in dict.fromkeys(re.findall(r"[a-z_]\w*", pattern)):
            # A pattern's variable stands for rows of the relation itself.
            pairs = [pair for source in before for pair in source.columns.pairs]
            rest = CLEAN
            for source in before:
                rest |= source.columns.rest or CLEAN
            opened = any(source.columns.rest is not None for source in before)
            columns = Columns(pairs, rest if opened else None)
            scope.sources.append(Source(name, columns, silent=True))
        for key in ("partition_by", "measures", "define"):
            for one in node.args.get(key) or ():
                self.predicate(
                    one.this if isinstance(one, exp.MatchRecognizeMeasure) else one, scope
                )
        if node.args.get("order") is not None:
            for one in node.args["order"].expressions:
                self.predicate(one, scope)
        measured = [
            (str(one.this.alias).lower(), CLEAN)
            for one in node.args.get("measures") or ()
            if isinstance(one.this, exp.Alias)
        ]
        scope.sources.append(Source("", Columns(measured)))


def listed(columns: Columns, names: list[str]) -> Columns:
    """`t(a, b)`: names by position; what may come after them stays open."""
    if not names:
        return columns
    if len(columns.pairs) < len(names) and columns.rest is not None:
        # Any column of the relation may stand at any place, protected ones included.
        label = (columns.whole() & ~BARE) | columns.unlisted
        pairs = [(name, label) for name in names]
        return Columns(pairs, columns.rest, columns.hidden, columns.unlisted)
    pairs = [
        (names[index] if index < len(names) else name, label)
        for index, (name, label) in enumerate(columns.pairs)
    ]
    return Columns(pairs, columns.rest, columns.hidden, columns.unlisted)
