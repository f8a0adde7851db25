"""What a query does to rows and columns, as facts that can be compared.

Columns are followed through CTEs and subqueries down to the relations that the query reads, so
that the same program written another way gives the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql.shape_facts import Leaf, Output, Relation, RowFact, Shape
from agentic.sql.shape_frame import Columns, Facts, Frame, whole_row
from agentic.sql.shape_masking import masking
from agentic.sql.shape_parse import parse_query
from agentic.sql.shape_text import (
    carried,
    column_kind,
    conjuncts,
    has_key,
    is_aggregate,
    join_kind,
    leaf_column,
    leaf_key,
    normal,
)


def read_shape(sql: str, *, dialect: str, columns: Columns) -> Shape:
    """The facts of a query. Raises SqlError when the text is not one query."""
    tree = parse_query(sql, dialect)
    if not isinstance(tree, exp.Query):
        raise SqlError("not a query", hint="A dbt node is one SELECT.")
    reader = _Reader(columns, dialect)
    try:
        frame = reader.query(tree, {})
    except RecursionError as error:
        raise SqlError("the query is nested too deeply") from error
    outputs = tuple(reader.output(name, value) for name, value in frame.columns.items())
    return Shape(
        outputs=outputs,
        open_stars=frame.opens,
        rows=tuple(sorted(frame.facts.values())),
        relations=tuple(sorted(set(reader.relations))),
        reads=tuple(sorted(reader.reads)),
        unresolved=tuple(sorted(reader.unresolved)),
    )


class _Reader:
    """Follows columns through one statement."""

    LIMIT = 4_000
    """Nodes an inlined expression may have; longer ones are cut to a hash."""

    def __init__(self, columns: Columns, dialect: str) -> None:
        self.columns_of = columns
        self.dialect = dialect
        self.counter = 0
        self.relations: list[Relation] = []
        self.reads: set[Leaf] = set()
        self.unresolved: set[str] = set()

    # -- queries
    def query(self, tree: exp.Expr, ctes: dict[str, Frame]) -> Frame:
        scope = dict(ctes)
        with_ = tree.args.get("with_") or tree.args.get("with")
        if with_ is not None:
            for cte in with_.expressions:
                if with_.args.get("recursive"):
                    scope[cte.alias.lower()] = Frame({}, (f"recursive:{cte.alias.lower()}",))
                scope[cte.alias.lower()] = self.named(self.query(cte.this, scope), cte)
        if isinstance(tree, exp.SetOperation):
            return self.union(tree, scope)
        if isinstance(tree, exp.Subquery):
            return self.query(tree.this, scope)
        if isinstance(tree, exp.Select):
            return self.select(tree, scope)
        return Frame({}, ("?",))

    def named(self, frame: Frame, alias: exp.Expr) -> Frame:
        """A column list on an alias renames by position: `t(a, b)`."""
        table_alias = alias.args.get("alias")
        names = (
            [one.name.lower() for one in table_alias.columns]
            if isinstance(table_alias, exp.TableAlias)
            else []
        )
        if not names or frame.opens:
            return frame
        values = list(frame.columns.values())
        return Frame(dict(zip(names, values, strict=False)), (), frame.facts)

    def union(self, tree: exp.SetOperation, scope: dict[str, Frame]) -> Frame:
        left, right = self.query(tree.this, scope), self.query(tree.expression, scope)
        kind = type(tree).__name__.lower()
        distinct = "distinct" if tree.args.get("distinct") else "all"
        facts = left.facts | right.facts
        note = f"{kind} {distinct}"
        self.fact(facts, "union", exp.Literal.string(note), detail=note)
        self.tail(tree, facts)
        others = list(right.columns.values())
        merged = {}
        for number, (name, value) in enumerate(left.columns.items()):
            other = others[number] if number < len(others) else exp.Null()
            merged[name] = self.cut(exp.Tuple(expressions=[value.copy(), other.copy()]))
        return Frame(merged, left.opens + right.opens, facts)

    def select(self, tree: exp.Select, scope: dict[str, Frame]) -> Frame:
        sources: dict[str, Frame] = {}
        facts: Facts = {}
        from_ = tree.args.get("from_") or tree.args.get("from")
        if from_ is not None:
            self.source(from_.this, scope, sources, facts)
        for lateral in tree.args.get("laterals") or []:
            sources[lateral.alias_or_name.lower()] = Frame({}, ("lateral",))
        for join in tree.args.get("joins") or []:
            self.join(join, scope, sources, facts)
        self.filters(tree, sources, scope, facts)
        columns, opens = self.projections(tree, sources, scope)
        self.tail(tree, facts)
        return Frame(columns, opens, facts)

    def source(
        self,
        node: exp.Expr,
        scope: dict[str, Frame],
        sources: dict[str, Frame],
        facts: Facts,
    ) -> str:
        """Adds one relation, CTE or subquery to the sources, and its facts; gives its text."""
        name = node.alias_or_name.lower()
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            sources[name], text = self.table(node, scope)
        elif isinstance(node, exp.Subquery):
            sources[name], text = self.named(self.query(node, scope), node), "(subquery)"
        else:
            text = node.sql(self.dialect)
            sources[name] = Frame({}, (f"function:{text}",))
            self.fact(sources[name].facts, "from", exp.Literal.string(text))
        facts |= sources[name].facts
        for join in node.args.get("joins") or []:
            self.join(join, scope, sources, facts)
        if node.args.get("sample"):
            self.fact(facts, "sample", node.args["sample"])
        return text

    def table(self, node: exp.Table, scope: dict[str, Frame]) -> tuple[Frame, str]:
        plain = node.name.lower()
        if not node.db and plain in scope:
            return self.named(scope[plain], node), "cte"
        relation = Relation(node.catalog, node.db, node.name)
        self.relations.append(relation)
        key = leaf_key(relation)
        facts: Facts = {}
        self.fact(facts, "from", exp.Literal.string(key))
        known = self.columns_of(relation.schema, relation.name)
        if known is None:
            return Frame({}, (key,), facts), key
        return Frame({one.lower(): leaf_column(key, one) for one in known}, (), facts), key

    def join(
        self, join: exp.Join, scope: dict[str, Frame], sources: dict[str, Frame], facts: Facts
    ) -> None:
        inner: Facts = {}
        name = self.source(join.this, scope, sources, inner)
        if name.startswith(("ref:", "source:", "this:", "table:")):
            inner.pop(min(inner), None)  # the join itself says which relation
        on = join.args.get("on")
        using = join.args.get("using") or []
        resolved = self.resolve(on, sources, scope) if on is not None else None
        detail = join_kind(join)
        keyed = bool(using) or (resolved is not None and has_key(resolved))
        if detail == "left" and not keyed:
            detail = "left!"
        if detail == "inner" and on is None and not using:
            detail = "cross"
        parts: list[exp.Expr] = [exp.Literal.string(f"{detail} {name}")]
        if resolved is not None:
            parts += sorted(conjuncts(resolved), key=lambda one: one.sql())
        parts += [exp.Literal.string(one.name.lower()) for one in using]
        for one in using:
            if sources and not any(
                frame.opens or one.name.lower() in frame.columns for frame in sources.values()
            ):
                self.unresolved.add(one.name.lower())
        made = self.fact(
            facts, "join", exp.Tuple(expressions=[one.copy() for one in parts]), detail=detail
        )
        if detail.startswith("left"):
            # what decides the rows of the optional side does not decide ours
            inner = {
                number: msgspec.structs.replace(one, aside=one.aside or made.pattern)
                for number, one in inner.items()
            }
        facts |= inner

    def filters(
        self, tree: exp.Select, sources: dict[str, Frame], scope: dict[str, Frame], facts: Facts
    ) -> None:
        for kind in ("where", "having", "qualify"):
            clause = tree.args.get(kind)
            if clause is None:
                continue
            aliases = self.aliases(tree) if kind != "where" else {}
            for part in conjuncts(clause.this):
                self.fact(facts, kind, self.resolve(part, sources, scope, aliases))
        group = tree.args.get("group")
        if group is not None:
            keys = [self.grouped(one, tree, sources, scope) for one in group.expressions]
            self.fact(
                facts,
                "group",
                exp.Tuple(expressions=sorted(keys, key=lambda one: one.sql())),
                detail="all" if group.args.get("all") else "",
            )
        elif any(is_aggregate(one) for one in tree.expressions):
            self.fact(facts, "group", exp.Tuple(expressions=[]))
        distinct = tree.args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            self.fact(
                facts,
                "distinct",
                self.resolve(on, sources, scope)
                if on is not None
                else exp.Literal.string("distinct"),
            )

    def grouped(
        self,
        key: exp.Expr,
        tree: exp.Select,
        sources: dict[str, Frame],
        scope: dict[str, Frame],
    ) -> exp.Expr:
        if isinstance(key, exp.Literal) and key.is_int:
            position = int(key.name) - 1
            if 0 <= position < len(tree.expressions):
                key = tree.expressions[position].unalias()
        return self.resolve(key, sources, scope, self.aliases(tree))

    @staticmethod
    def aliases(tree: exp.Select) -> dict[str, exp.Expr]:
        return {
            one.alias.lower(): one.this for one in tree.expressions if isinstance(one, exp.Alias)
        }

    def tail(self, tree: exp.Expr, facts: Facts) -> None:
        for kind in ("limit", "offset", "fetch", "sample"):
            clause = tree.args.get(kind)
            if clause is not None:
                self.fact(facts, "sample" if kind == "sample" else "limit", clause)

    # -- columns
    def projections(
        self, tree: exp.Select, sources: dict[str, Frame], scope: dict[str, Frame]
    ) -> tuple[dict[str, exp.Expr], tuple[str, ...]]:
        columns: dict[str, exp.Expr] = {}
        opens: tuple[str, ...] = ()
        earlier: dict[str, exp.Expr] = {}
        for number, one in enumerate(tree.expressions):
            if one.is_star and not isinstance(one.unalias(), exp.Func):
                more, open_ = self.star(one, sources, scope)
                columns |= more
                opens += open_
                continue
            value = self.resolve(one.unalias(), sources, scope, earlier)
            name = (one.alias_or_name or f"_col{number}").lower()
            if isinstance(one, exp.Alias):
                earlier[name] = one.this
            columns[name] = value
        return columns, opens

    def star(
        self, node: exp.Expr, sources: dict[str, Frame], scope: dict[str, Frame]
    ) -> tuple[dict[str, exp.Expr], tuple[str, ...]]:
        table = node.table.lower() if isinstance(node, exp.Column) else ""
        star = node.this if isinstance(node, exp.Column) else node
        chosen = [sources[table]] if table in sources else list(sources.values())
        columns: dict[str, exp.Expr] = {}
        opens: tuple[str, ...] = ()
        for frame in chosen:
            columns |= frame.columns
            opens += frame.opens
        for one in star.args.get("except_") or star.args.get("except") or []:
            columns.pop(one.name.lower(), None)
            opens = tuple(f"{key}-{one.name.lower()}" for key in opens)
        for one in star.args.get("replace") or []:
            columns[one.alias.lower()] = self.resolve(one.this, sources, scope)
        for one in star.args.get("rename") or []:
            old = columns.pop(one.this.name.lower(), None)
            columns[one.alias.lower()] = (
                old if old is not None else self.resolve(one.this, sources, scope)
            )
        return columns, opens

    def resolve(
        self,
        node: exp.Expr,
        sources: Mapping[str, Frame],
        scope: Mapping[str, Frame],
        aliases: Mapping[str, exp.Expr] | None = None,
    ) -> exp.Expr:
        """The expression over leaves."""
        tree = node.copy()
        for query in list(tree.find_all(exp.Subquery, exp.Exists)):
            self.inner(query, scope)
        root = exp.Paren(this=tree)
        for column in list(root.find_all(exp.Column)):
            if isinstance(column.this, exp.Star):
                continue
            found = self.find(column, sources, aliases or {}, scope) or whole_row(column, sources)
            if found is not None:
                column.replace(found.copy())
            elif column.find_ancestor(exp.Query) is None and self.closed(column, sources):
                self.unresolved.add(column.name.lower())
        return self.cut(root.this)

    def inner(self, query: exp.Expr, scope: Mapping[str, Frame]) -> None:
        """A query inside an expression: its relations count, its facts stay inside its text."""
        for table in query.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier) and not (
                not table.db and table.name.lower() in scope
            ):
                self.relations.append(Relation(table.catalog, table.db, table.name))

    def find(
        self,
        column: exp.Column,
        sources: Mapping[str, Frame],
        aliases: Mapping[str, exp.Expr],
        scope: Mapping[str, Frame],
    ) -> exp.Expr | None:
        name, table = column.name.lower(), column.table.lower()
        if table:
            frame = sources.get(table)
            return self.within(frame, name) if frame is not None else None
        owners = [frame for frame in sources.values() if name in frame.columns]
        if owners:
            return owners[0].columns[name]
        if name in aliases and not any(frame.opens for frame in sources.values()):
            return self.resolve(aliases[name], sources, scope)
        opens = [frame for frame in sources.values() if frame.opens]
        if len(opens) == 1:
            return self.within(opens[0], name)
        if opens:
            return leaf_column("|".join(sorted(key for one in opens for key in one.opens)), name)
        return None

    @staticmethod
    def closed(column: exp.Column, sources: Mapping[str, Frame]) -> bool:
        """Are all sources that could give the column known in full?"""
        table = column.table.lower()
        frames = [sources[table]] if table in sources else [] if table else list(sources.values())
        return bool(frames) and not any(frame.opens for frame in frames)

    def within(self, frame: Frame, name: str) -> exp.Expr | None:
        if name in frame.columns:
            return frame.columns[name]
        if not frame.opens:
            return None
        made = leaf_column("|".join(frame.opens), name)
        self.reads.add(Leaf(made.table, name))
        return made

    def cut(self, tree: exp.Expr) -> exp.Expr:
        for column in tree.find_all(exp.Column):
            if ":" in column.table:
                self.reads.add(Leaf(column.table, column.name.lower()))
        if sum(1 for _ in tree.walk()) <= self.LIMIT:
            return tree
        return exp.Literal.string(f"long expression {hash(tree):x}")

    # -- facts
    def fact(self, facts: Facts, kind: str, tree: exp.Expr, detail: str = "") -> RowFact:
        text, pattern, leaves = normal(tree, self.dialect)
        self.counter += 1
        facts[self.counter] = RowFact(kind, text, pattern, leaves, detail)
        return facts[self.counter]

    def output(self, name: str, tree: exp.Expr) -> Output:
        text, pattern, leaves = normal(tree, self.dialect)
        cast = tree if isinstance(tree, exp.Cast) else None
        return Output(
            name=name,
            text=text,
            pattern=pattern,
            leaves=leaves,
            masking=tuple(sorted(masking(tree))),
            kind=column_kind(tree),
            type=cast.to.sql(self.dialect) if cast is not None else "",
            carried=carried(tree),
        )
