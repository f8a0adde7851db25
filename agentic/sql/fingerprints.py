"""What a query means, as fingerprints: of each output column, and of which rows there are.

Two queries with equal fingerprints yield the same, however they are written: comments, layout, the
case of names, aliases, the names and number of CTEs, and the order of ANDed conditions leave no
trace. The reverse does not hold: unequal fingerprints only say that equality was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlglot import exp

from agentic.sql.meaning import QUERIES
from agentic.sql.prints import (
    Output,
    Print,
    PrintScope,
    aggregates,
    arguments,
    flat,
    in_scope,
    mixed,
    nodes,
)

ColumnsOf = Callable[[str], Sequence[str] | None]
"""The columns of a relation by its name; None where nobody knows them."""

_CONDITIONS = ("where", "prewhere", "having", "qualify")
_OTHERS = ("sample", "connect", "match")


class Fingerprints:
    """Walks statements of one text. `name_of` names tables, `said` what placeholders stand for."""

    def __init__(
        self,
        columns_of: ColumnsOf,
        name_of: Callable[[exp.Table], str],
        said: Mapping[str, str],
    ) -> None:
        self.columns_of = columns_of
        self.name_of = name_of
        self.said = said

    def statement(self, tree: exp.Expression) -> Print:
        """Any statement; one that is no query has its text for rows."""
        if isinstance(tree, QUERIES):
            return self.query(tree, {}, None)
        return self._opaque(tree, PrintScope({}, None))

    def query(
        self, node: exp.Expression, ctes: Mapping[str, Print], outer: PrintScope | None
    ) -> Print:
        """A query; `outer` is what it may correlate with."""
        ctes = self._with(node, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set(node, ctes, outer)
        if isinstance(node, (exp.Subquery, exp.Paren)):
            return self.query(node.this, ctes, outer)
        if isinstance(node, exp.Table):
            return self._source(node, PrintScope(ctes, outer))
        return self._opaque(node, PrintScope(ctes, outer))

    def _with(
        self, node: exp.Expression, ctes: Mapping[str, Print], outer: PrintScope | None
    ) -> Mapping[str, Print]:
        with_ = node.args.get("with_")
        if with_ is None:
            return ctes
        found = dict(ctes)
        for cte in with_.expressions:
            name, body = cte.alias.lower(), cte.this
            if with_.args.get("recursive") and isinstance(body, exp.SetOperation):
                anchor = self.query(body.this, found, outer)
                found[name] = anchor._replace(rows=mixed("recursive", anchor.rows))
            found[name] = self._renamed(self.query(body, found, outer), cte.args.get("alias"))
        return found

    def _set(
        self, node: exp.SetOperation, ctes: Mapping[str, Print], outer: PrintScope | None
    ) -> Print:
        left = self.query(node.this, ctes, outer)
        right = self.query(node.expression, ctes, outer)
        word = f"{node.key} {node.args.get('distinct')} {node.args.get('by_name')}"
        facts = [word, left.rows, right.rows, *self._limits(node, PrintScope(ctes, outer))]
        if left.rests or right.rests or node.args.get("by_name"):
            whole = mixed("union", word, left.whole, right.whole)
            names = [col.name for col in left.cols]
            cols = [Output(name, mixed(whole, name), mixed(whole, name)) for name in names]
            return Print(tuple(cols), (whole,), mixed(*facts))
        pairs = list(zip(left.cols, right.cols, strict=False))
        cols = [
            Output(
                one.name,
                mixed("union", one.value, two.value),
                mixed("union", one.core, two.core),
            )
            for one, two in pairs
        ]
        if not isinstance(node, exp.Union) or node.args.get("distinct"):
            facts += [col.value for col in cols]
        return Print(tuple(cols), (), mixed(*facts))

    def _select(
        self, node: exp.Select, ctes: Mapping[str, Print], outer: PrintScope | None
    ) -> Print:
        scope = PrintScope(ctes, outer)
        args = node.args
        froms = self._from(args, scope)
        cols, rests = self._projections(node, scope)
        facts = [mixed(key, *self._conditions(args.get(key), scope)) for key in _CONDITIONS
                 if args.get(key)]  # fmt: skip
        group = args.get("group")
        if group is not None:
            facts.append(mixed("group", *sorted(self._keys(group, cols, scope))))
        elif any(aggregates(item) for item in node.expressions):
            facts.append("one row")
        distinct = args.get("distinct")
        if distinct is not None:
            facts += ["distinct", self.expression(distinct, scope), *rests]
            facts += [col.value for col in cols]
        facts += self._limits(node, scope)
        facts += [self.expression(one, scope) for key in _OTHERS for one in nodes(args.get(key))]
        # Handing on one relation as it is makes no new rows.
        rows = froms[0] if len(froms) == 1 and not facts else mixed("select", *froms, *facts)
        return Print(tuple(cols), tuple(rests), rows)

    def _from(self, args: Mapping[str, object], scope: PrintScope) -> list[str]:
        found = []
        from_ = args.get("from_")
        if isinstance(from_, exp.Expression):
            found += self._entered(from_.this, scope)
        for lateral in nodes(args.get("laterals")):
            found += self._entered(lateral, scope)
        for join in nodes(args.get("joins")):
            found += self._joined(join, scope)
        return found

    def _entered(self, node: exp.Expression, scope: PrintScope) -> list[str]:
        """One entry of FROM: its rows, and those of joins that hang on it."""
        source = self._source(node, scope)
        before = sum(one.rows == source.rows for one in scope.sources.values())
        if before:
            # The second of two equal relations has columns of its own.
            mark = f"again {before}"
            source = Print(
                tuple(Output(n, mixed(mark, v), mixed(mark, c)) for n, v, c in source.cols),
                tuple(mixed(mark, rest) for rest in source.rests),
                source.rows,
            )
        alias = node.alias_or_name.lower() or f"\0{len(scope.sources)}"
        scope.sources[alias] = source
        found = [source.rows]
        for join in nodes(node.args.get("joins")):
            found += self._joined(join, scope)
        return found

    def _joined(self, join: exp.Expression, scope: PrintScope) -> list[str]:
        rows = self._entered(join.this, scope)
        args = join.args
        names = [one.name.lower() for one in nodes(args.get("using"))]
        scope.shared |= set(names)
        words = [str(args.get(key) or "").upper() for key in ("method", "side", "kind")]
        words[2] = "" if words[2] in ("INNER", "OUTER") else words[2]
        return [mixed("join", *words, *rows, *names, *self._conditions(args.get("on"), scope))]

    def _source(self, node: exp.Expression, scope: PrintScope) -> Print:
        """A table, CTE, subquery or anything else in FROM, as the query around it sees it."""
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            found = self._table(node, scope)
        elif isinstance(node, (exp.Subquery, exp.SetOperation, exp.Select)):
            found = self.query(node, scope.ctes, scope)
        else:
            found = self._opaque(node, scope)
        extra = [*nodes(node.args.get("pivots")), *nodes(node.args.get("sample"))]
        if extra:
            inner = PrintScope(scope.ctes, None)
            inner.sources[""] = found
            whole = mixed(found.whole, *(self.expression(one, inner) for one in extra))
            found = Print((), (whole,), whole)
        return self._renamed(found, node.args.get("alias"))

    def _table(self, node: exp.Table, scope: PrintScope) -> Print:
        if not node.args.get("db") and node.name.lower() in scope.ctes:
            return scope.ctes[node.name.lower()]
        name = self.name_of(node)
        columns = self.columns_of(name)
        if columns is None:
            return Print((), (mixed("all of", name),), mixed("table", name))
        cols = [Output(one.lower(), *[mixed("column", name, one.lower())] * 2) for one in columns]
        return Print(tuple(cols), (), mixed("table", name))

    def _opaque(self, node: exp.Expression, scope: PrintScope) -> Print:
        text = self._generic(node, scope)
        return Print((), (text,), text)

    def _renamed(self, found: Print, alias: exp.Expression | None) -> Print:
        names = nodes(alias.args.get("columns")) if alias is not None else []
        if not names:
            return found
        if found.rests:
            whole = mixed(found.whole, *(one.name.lower() for one in names))
            cols = [Output(self._name(one), *[mixed(whole, one.name)] * 2) for one in names]
            return Print(tuple(cols), (), found.rows)
        named = [col._replace(name=self._name(one)) for one, col in zip(names, found.cols,
                                                                         strict=False)]  # fmt: skip
        return Print((*named, *found.cols[len(named) :]), (), found.rows)

    def _projections(self, node: exp.Select, scope: PrintScope) -> tuple[list[Output], list[str]]:
        cols: list[Output] = []
        rests: list[str] = []
        windows = [self.expression(one, scope) for one in nodes(node.args.get("windows"))]
        for index, item in enumerate(node.expressions):
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                found, more = self._star(star, item, scope)
                cols += found
                rests += more
                continue
            inner = item.this if isinstance(item, exp.Alias) else item
            own = item.args.get("alias") if isinstance(item, exp.Alias) else None
            name = self._name(own) if isinstance(own, exp.Identifier) else self._said(
                item.output_name.lower()
            ) or f"_col_{index}"  # fmt: skip
            value = self.expression(inner, scope)
            if windows and inner.find(exp.Window):
                value = mixed(value, *windows)
            made = Output(name, value, self._core(inner, scope))
            scope.outputs.setdefault(name.lower(), made)
            cols.append(made)
        return cols, rests

    def _star(
        self, star: exp.Star, item: exp.Expression, scope: PrintScope
    ) -> tuple[list[Output], list[str]]:
        table = item.args.get("table") if isinstance(item, exp.Column) else None
        named = scope.sources.get(table.name.lower()) if table is not None else None
        sources = [named] if named is not None else list(scope.sources.values())
        without = {one.name.lower() for one in nodes(star.args.get("except_"))}
        changed = {
            one.alias.lower(): self.expression(one.this, scope)
            for one in nodes(star.args.get("replace"))
        }
        names = {one.this.name.lower(): one.alias for one in nodes(star.args.get("rename"))}
        cols: list[Output] = []
        shared: set[str] = set()
        for col in (col for source in sources for col in source.cols):
            key = col.name.lower()
            if key in without or (table is None and key in scope.shared & shared):
                continue
            shared.add(key)
            value = changed.get(key)
            made = Output(col.name, value, value) if value else col
            cols.append(made._replace(name=names.get(key, made.name).lower()))
        for col in cols:
            scope.outputs.setdefault(col.name.lower(), col)
        edits = [*sorted(without), *(f"{a} {b}" for a, b in sorted({**changed, **names}.items()))]
        rests = [rest for source in sources for rest in source.rests]
        return cols, [mixed(rest, *edits) if edits else rest for rest in rests]

    def _conditions(self, node: object, scope: PrintScope) -> list[str]:
        """ANDed conditions, in an order of their own."""
        if not isinstance(node, exp.Expression):
            return []
        inner = node.this if isinstance(node, (exp.Where, exp.Having, exp.Qualify)) else node
        return sorted(self.expression(one, scope) for one in flat(inner, exp.And))

    def _keys(
        self, group: exp.Expression, cols: Sequence[Output], scope: PrintScope
    ) -> Iterable[str]:
        for key, value in group.args.items():
            for one in nodes(value):
                if key == "expressions" and one.is_int and 0 < int(one.name) <= len(cols):
                    yield cols[int(one.name) - 1].value
                else:
                    yield self.expression(one, scope)
            if value is True:
                yield key

    def _limits(self, node: exp.Expression, scope: PrintScope) -> list[str]:
        """LIMIT and OFFSET with the order that they cut; an order alone changes no rows."""
        cuts = [one for key in ("limit", "offset", "fetch") for one in nodes(node.args.get(key))]
        if not cuts:
            return []
        return [self.expression(one, scope) for one in [*cuts, *nodes(node.args.get("order"))]]

    def expression(self, node: exp.Expression, scope: PrintScope) -> str:
        """The fingerprint of an expression, its columns followed to where they come from."""
        if isinstance(node, (exp.Paren, exp.Alias)):
            return self.expression(node.this, scope)
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return self._column(node, scope).value
        if isinstance(node, QUERIES):
            return mixed("query", self.query(node, scope.ctes, scope).whole)
        for kind in (exp.And, exp.Or):
            if isinstance(node, kind):
                return mixed(node.key, *sorted(self.expression(one, scope)
                                               for one in flat(node, kind)))  # fmt: skip
        return self._generic(node, scope)

    def _generic(self, node: exp.Expression, scope: PrintScope) -> str:
        if isinstance(node, exp.Identifier):
            return mixed("name", self._name(node))
        if isinstance(node, exp.Literal):
            return mixed("literal", str(node.is_string), self._said(str(node.this)))
        parts = [type(node).__name__]
        for key in sorted(node.args):
            for one in arguments(node.args[key]):
                text = self.expression(one, scope) if isinstance(one, exp.Expression) else (
                    self._said(str(one).lower())
                )  # fmt: skip
                parts += [key, text]
        return mixed(*parts)

    def _core(self, node: exp.Expression, scope: PrintScope) -> str:
        while isinstance(node, (exp.Paren, exp.Alias, exp.Cast)):
            node = node.this
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return self._column(node, scope).core
        return self.expression(node, scope)

    def _column(self, node: exp.Column, scope: PrintScope) -> Output:
        name, table = self._name(node.this), node.table.lower()
        at: PrintScope | None = scope
        while at is not None:
            found = in_scope(name, table, at)
            if found is not None:
                return found
            at = at.parent
        text = mixed("unresolved", *(part.name.lower() for part in node.parts))
        return Output(name, text, text)

    def _name(self, node: exp.Expression) -> str:
        name = self._said(node.name)
        return name if node.args.get("quoted") and name != name.lower() else name.lower()

    def _said(self, text: str) -> str:
        """A text with the Jinja that its placeholders stand for."""
        for placeholder, inner in self.said.items():
            if placeholder in text:
                text = text.replace(placeholder, inner)
        return text
