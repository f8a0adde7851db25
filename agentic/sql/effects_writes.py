"""What a statement writes: every relation that it creates, fills, changes or removes."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlglot import exp

from agentic.sql.effects import Statement
from agentic.sql.tables import (
    BARE,
    CLEAN,
    Catalog,
    Columns,
    Name,
    Readable,
    Refusal,
    RelationName,
    relation_name,
)
from agentic.sql.taint import Resolver
from agentic.sql.taint_scope import Scope, Source


class Write(msgspec.Struct, frozen=True):
    """One effect on one relation."""

    target: RelationName
    action: str
    """create, insert, overwrite, upsert, update, delete, merge, alter, rename, drop, truncate."""
    kind: str = "TABLE"
    """What the target is: TABLE, VIEW, SCHEMA, ..."""
    nested: bool = False
    """Inside a query, where a reader would not look."""


class Effects(msgspec.Struct):
    """All that a statement reads, writes and shows."""

    reads: tuple[str, ...]
    writes: tuple[Write, ...]
    shown: Columns
    """What comes back to the caller."""
    stored: Columns
    """What is written into relations."""
    findings: tuple[Refusal, ...]
    unseen: int
    """Relations that the resolver did not reach; above zero nothing may be concluded."""


class Writer(Resolver):
    """A resolver that also knows DDL and DML."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.writes: list[Write] = []
        self.stored: list[Columns] = []
        self.depth = 0

    def root(self, node: Any) -> Columns:
        """Resolve a whole statement. Returns what it shows."""
        handler = _ROOTS.get(type(node))
        if handler is not None:
            shown: Columns = handler(self, node)
        elif isinstance(node, exp.Describe | exp.Summarize):
            shown = self.described(node)
        else:
            shown = self.query(node, None, {})
            if isinstance(node.args.get("into"), exp.Into):
                self.stored.append(shown)
                shown = Columns([])
        return shown

    def into(self, node: Any) -> None:
        """SELECT ... INTO makes a table."""
        self.target(node.this, "create", "TEMPORARY" if node.args.get("temporary") else "TABLE")

    def described(self, node: Any) -> Columns:
        """DESCRIBE shows names and types; SUMMARIZE shows values."""
        inner = node.this
        if isinstance(inner, exp.Table):
            scope = Scope()
            self.source(inner, scope)
            shown = self.star(scope, None)
        else:
            shown = self.query(inner, None, {}) if isinstance(inner, exp.Expr) else Columns([])
        if isinstance(node, exp.Describe):
            return Columns([])
        return Columns([(name, label & ~BARE) for name, label in shown.pairs], shown.rest)

    def written(self, node: Any, parent: Scope | None, ctes: dict[str, Columns]) -> Columns:
        """A writing statement inside a query."""
        self.depth += 1
        handler = _ROOTS.get(type(node))
        if handler is None:
            self.refuse("HIDDEN_WRITE", f"{type(node).__name__} inside a query")
            return Columns([], CLEAN)
        shown: Columns = handler(self, node, parent, ctes)
        self.depth -= 1
        return shown

    def target(self, node: Any, action: str, kind: str = "TABLE") -> RelationName | None:
        """Note a write. The table's columns, if it has a list, are not read."""
        if isinstance(node, exp.Schema):
            node = node.this
        if not isinstance(node, exp.Table):
            self.refuse("UNSUPPORTED_STATEMENT", f"{action} of something that is not a relation")
            return None
        self.seen.add(id(node))
        name = relation_name(node, self.dialect)
        if name is None:
            self.refuse("EXTERNAL_IO", f"{action} through a function")
            return None
        self.writes.append(Write(name, action, kind.upper(), self.depth > 0))
        return name

    def offered(self, name: RelationName | None) -> Columns:
        """The target's own columns; unknown ones are open."""
        answer = self.catalog.relation(name) if name is not None else None
        return answer.columns if isinstance(answer, Readable) else Columns([], CLEAN)

    def returning(self, node: Any, scope: Scope, stored: Columns | None = None) -> Columns:
        """What RETURNING or OUTPUT shows."""
        clause = node.args.get("returning")
        if clause is None:
            return Columns([])
        if stored is not None:
            label = stored.whole() & ~BARE
            for source in scope.sources:
                source.columns = Columns(
                    [(name, own | label) for name, own in source.columns.pairs],
                    None if source.columns.rest is None else source.columns.rest | label,
                )
        if clause.args.get("into"):
            self.refuse("HIDDEN_WRITE", "OUTPUT INTO writes a second relation")
        return self.projections(clause.expressions, scope)

    # -- DDL -----------------------------------------------------------------------------------

    def create(self, node: Any, *_: Any) -> Columns:
        """CREATE TABLE, CREATE VIEW; everything else is the policy's to refuse."""
        kind = str(node.args.get("kind") or "").upper()
        if kind not in ("TABLE", "VIEW"):
            return Columns([])
        self.target(node.this, "create", kind)
        clone = node.args.get("clone")
        if clone is not None:
            self.copied(clone.this)
        for like in node.find_all(exp.LikeProperty):
            if isinstance(like.this, exp.Table):
                self.source(like.this, Scope())
        if isinstance(node.expression, exp.Expr):
            ctes = self.with_ctes(node, None, {})
            body = node.expression
            self.stored.append(self.query(body, None, ctes))
        return Columns([])

    def copied(self, node: Any) -> None:
        """CLONE and COPY: the whole relation is stored."""
        scope = Scope()
        self.source(node, scope)
        self.stored.append(self.star(scope, None))

    def drop(self, node: Any, *_: Any) -> Columns:
        """DROP: every target, in whichever argument the parser put it."""
        kind = str(node.args.get("kind") or "TABLE")
        targets = [*(node.args.get("tables") or ()), node.args.get("this")]
        for one in targets:
            if isinstance(one, exp.Expr):
                self.target(one, "drop", kind)
        return Columns([])

    def truncate(self, node: Any, *_: Any) -> Columns:
        """TRUNCATE TABLE a, b."""
        for one in node.expressions:
            self.target(one, "truncate")
        return Columns([])

    def alter(self, node: Any, *_: Any) -> Columns:
        """ALTER, with the second relation of RENAME and SWAP."""
        name = self.target(node.this, "alter", str(node.args.get("kind") or "TABLE"))
        for action in node.args.get("actions") or ():
            if not isinstance(action, exp.AlterRename | exp.SwapTable):
                continue
            other = action.this
            if isinstance(other, exp.Table) and other.args.get("db") is None and name is not None:
                self.seen.add(id(other))
                moved = RelationName(Name(str(other.name), bool(other.this.args.get("quoted"))))
                moved = RelationName(moved.name, name.schema, name.database)
                self.writes.append(Write(moved, "rename", "TABLE", self.depth > 0))
            else:
                self.target(other, "rename")
        return Columns([])

    # -- DML -----------------------------------------------------------------------------------

    def insert(
        self, node: Any, parent: Scope | None = None, ctes: dict[str, Columns] | None = None
    ) -> Columns:
        """INSERT, with its overwriting and upserting forms."""
        ctes = self.with_ctes(node, parent, ctes or {})
        conflict = node.args.get("conflict")
        action = "insert"
        if node.args.get("overwrite") or node.args.get("where"):
            action = "overwrite"
        elif (
            node.args.get("alternative") and str(node.args["alternative"]).upper() == "REPLACE"
        ) or (conflict is not None and _updates(conflict)):
            action = "upsert"
        name = self.target(node.this, action)
        body = node.args.get("expression")
        stored = Columns([])
        if isinstance(body, exp.Expr):
            stored = self.query(body, parent, ctes)
            self.stored.append(stored)
        target = Source(name.name.text.lower() if name else "", self.offered(name))
        excluded = Source("excluded", Columns([], stored.whole() & ~BARE))
        scope = Scope(parent=parent, ctes=ctes, sources=[target, excluded])
        for key in ("conflict", "where", "partition"):
            if isinstance(node.args.get(key), exp.Expr):
                self.predicate_assignments(node.args[key], scope)
        scope.sources = [target]
        return self.returning(node, scope, stored)

    def predicate_assignments(self, node: Any, scope: Scope) -> None:
        """Assignments and conditions of ON CONFLICT, ON DUPLICATE KEY and PARTITION."""
        for column in node.find_all(exp.Query):
            self.query(column, scope, scope.ctes)

    def update(
        self, node: Any, parent: Scope | None = None, ctes: dict[str, Columns] | None = None
    ) -> Columns:
        """UPDATE, also through an alias or over a join."""
        ctes = self.with_ctes(node, parent, ctes or {})
        scope = Scope(parent=parent, ctes=ctes)
        named: dict[str, Any] = {}
        for item in (node.args.get("from_"), node.this):
            self.named_tables(item, named)
        self.changed(node.this, named, ctes, "update")
        for join in node.this.args.get("joins") or ():
            self.changed(join.this, named, ctes, "update")
        self.offer(node.this, scope, named)
        if node.args.get("from_") is not None:
            self.source(node.args["from_"].this, scope)
        self.assigned(node.expressions, scope)
        self.restrict(node, scope)
        return self.returning(node, scope)

    def delete(
        self, node: Any, parent: Scope | None = None, ctes: dict[str, Columns] | None = None
    ) -> Columns:
        """DELETE, also through an alias, of several relations, or USING others."""
        ctes = self.with_ctes(node, parent, ctes or {})
        scope = Scope(parent=parent, ctes=ctes)
        named: dict[str, Any] = {}
        using = node.args.get("using")
        others = using if isinstance(using, list) else []
        for item in (node.this, *others):
            self.named_tables(item, named)
        for one in node.args.get("tables") or [node.this]:
            self.changed(one, named, ctes, "delete")
        if node.this is not None:
            self.offer(node.this, scope, named)
        for item in others:
            self.source(item, scope)
        self.restrict(node, scope)
        return self.returning(node, scope)

    def merge(
        self, node: Any, parent: Scope | None = None, ctes: dict[str, Columns] | None = None
    ) -> Columns:
        """MERGE INTO target USING source."""
        ctes = self.with_ctes(node, parent, ctes or {})
        scope = Scope(parent=parent, ctes=ctes)
        self.changed(node.this, {}, ctes, "merge")
        self.offer(node.this, scope, {})
        self.source(node.args["using"], scope)
        if isinstance(node.args.get("on"), exp.Expr):
            self.predicate(node.args["on"], scope)
        whens = node.args.get("whens")
        for when in whens.expressions if whens is not None else ():
            if isinstance(when.args.get("condition"), exp.Expr):
                self.predicate(when.args["condition"], scope)
            then = when.args.get("then")
            if isinstance(then, exp.Update):
                self.assigned(then.expressions, scope)
            elif isinstance(then, exp.Insert) and isinstance(then.expression, exp.Expr):
                label = self.children(then.expression, scope)
                self.stored.append(Columns([("", label)]))
        return self.returning(node, scope)

    def named_tables(self, node: Any, named: dict[str, Any]) -> None:
        """Aliases in FROM, USING and joins, so that `DELETE o FROM gold.orders o` is understood."""
        if not isinstance(node, exp.Expr):
            return
        for table in node.find_all(exp.Table):
            alias = table.args.get("alias")
            if isinstance(alias, exp.TableAlias) and alias.this is not None:
                named[str(alias.name).lower()] = table

    def changed(self, node: Any, named: dict[str, Any], ctes: Any, action: str) -> None:
        """A target by its name, by an alias, or by a common table expression over it."""
        if isinstance(node, exp.Table) and node.args.get("db") is None:
            name = relation_name(node, self.dialect)
            other = named.get(str(node.name).lower())
            if other is not None and other is not node:
                self.seen.add(id(node))
                self.target(other, action)
                return
            if name is not None and name.name.fold(self.dialect) in ctes:
                self.seen.add(id(node))
                self.refuse("WRITE_OUT_OF_SCOPE", f"{action} through a common table expression")
                return
        self.target(node, action)

    def offer(self, node: Any, scope: Scope, named: dict[str, Any]) -> None:
        """The target's columns for the clauses that follow."""
        if isinstance(node, exp.Table):
            real = named.get(str(node.name).lower(), node) if not node.args.get("db") else node
            columns = self.offered(relation_name(real, self.dialect))
            scope.sources.append(Source(str(node.alias_or_name).lower(), columns))
            self.joins(node, scope)

    def assigned(self, expressions: list[Any], scope: Scope) -> None:
        """SET column = value: the values are stored."""
        for one in expressions:
            value = one.args.get("expression")
            if isinstance(value, exp.Expr):
                self.stored.append(Columns([("", self.value(value, scope))]))

    def restrict(self, node: Any, scope: Scope) -> None:
        """WHERE, ORDER BY and LIMIT of a change."""
        for key in ("where", "order", "limit"):
            part = node.args.get(key)
            if isinstance(part, exp.Expr):
                self.predicate(part.this if isinstance(part, exp.Where) else part, scope)


def _updates(conflict: Any) -> bool:
    action = conflict.args.get("action")
    text = str(getattr(action, "name", action) or "").upper()
    return bool(conflict.args.get("duplicate")) or "UPDATE" in text or bool(conflict.expressions)


_ROOTS: dict[type, Any] = {
    exp.Create: Writer.create,
    exp.Drop: Writer.drop,
    exp.TruncateTable: Writer.truncate,
    exp.Alter: Writer.alter,
    exp.Insert: Writer.insert,
    exp.Update: Writer.update,
    exp.Delete: Writer.delete,
    exp.Merge: Writer.merge,
}


def effects_of(statement: Statement, catalog: Catalog, tables: int) -> Effects:
    """Resolve a statement; `tables` is how many relations the walk over all nodes counted."""
    resolver = Writer(catalog)
    shown = resolver.root(statement.tree)
    stored = Columns([])
    for one in resolver.stored:
        stored.pairs.extend(one.pairs)
        if one.rest is not None:
            stored.rest = (stored.rest or CLEAN) | one.rest
    return Effects(
        reads=tuple(resolver.reads),
        writes=tuple(resolver.writes),
        shown=shown,
        stored=stored,
        findings=tuple(resolver.findings),
        unseen=tables - len(resolver.seen),
    )
