"""What one SELECT can name, and how a name is looked up in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from sqlglot import exp

from agentic.sql.origins import TRANSFORMED, Col, Leaf, Shape, merged


class Watch(Protocol):
    """Told of every column and star while a statement is resolved."""

    def column(self, node: exp.Column, col: Col, scope: Scope) -> None: ...
    def output(self, item: exp.Expression, col: Col) -> None: ...
    def star(self, scope: Scope, index: int, node: exp.Star, sources: list[Shape]) -> None: ...
    def positional(self, cols: Iterable[Col]) -> None: ...


class Scope:
    """The relations that one SELECT can name, and the SELECT around it."""

    __slots__ = ("ctes", "filters", "outputs", "parent", "select", "shared", "sources")

    def __init__(
        self, ctes: dict[str, Shape], parent: Scope | None, select: exp.Expression | None = None
    ) -> None:
        self.ctes = ctes
        self.parent = parent
        self.select = select
        self.sources: dict[str, Shape] = {}
        self.outputs: dict[str, Col] = {}
        """Output columns so far, for names that refer to an alias of the same list."""
        self.shared: dict[str, Col] = {}
        """Columns that USING made one of two."""
        self.filters: dict[Leaf, str] = {}

    def around(self) -> Iterator[Scope]:
        """This scope, then those of the queries around it, inside out."""
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.parent

    def find(self, name: str, table: str = "") -> Col | None:
        """Resolve a name here; None when nothing here has it."""
        if table:
            source = self.sources.get(table.lower())
            return source.find(name) if source is not None else None
        if name.lower() in self.shared:
            return self.shared[name.lower()]
        for source in self.sources.values():
            found = source.listed(name)
            if found is not None:
                return found
        options = [
            col
            for source in self.sources.values()
            if source.is_open and (col := source.find(name)) is not None
        ]
        if len(options) > 1:
            names = " or ".join(alias for alias, source in self.sources.items() if source.is_open)
            return Col(
                name, {}, reason=f"{name} may come from {names}, whose columns are not known"
            )
        return options[0] if options else None


def column_parts(node: exp.Expression) -> list[str]:
    """Names of a column as written, outermost first: `o.amount` is ["o", "amount"]."""
    args = node.args
    if not args.get("table"):
        return [node.name]
    return [args[key].name for key in ("catalog", "db", "table", "this") if args.get(key)]


def look_up(parts: list[str], scope: Scope) -> Col | None:
    """Resolve a column here, else in the queries around this one; None when none has it."""
    if len(parts) == 1:
        return _bare(parts[0], scope)
    # A relation's alias wins at any distance: only then may the first part be a struct.
    for at in scope.around():
        if parts[-2].lower() in at.sources:
            return at.find(parts[-1], parts[-2])
        if len(parts) > 2 and parts[0].lower() in at.sources:
            return at.find(parts[1], parts[0])
    field = _bare(parts[0], scope)
    if field is None or field.reason:
        return None
    return Col(
        parts[-1], dict.fromkeys(field.leaves, TRANSFORMED), field.expression, base=field.base
    )


def _bare(name: str, scope: Scope) -> Col | None:
    for at in scope.around():
        found = at.find(name)
        alias = at.outputs.get(name.lower())
        # An alias of the same list beats a column that is only presumed to exist.
        if alias is not None and (found is None or _presumed(found, alias, at)):
            return alias
        if found is not None:
            return found
        if name.lower() in at.sources:
            return merged(name, at.sources[name.lower()].cols)
    return None


def _presumed(found: Col, alias: Col, at: Scope) -> bool:
    listed = any(source.listed(found.name) is not None for source in at.sources.values())
    return not listed and not alias.leaves.keys() & found.leaves.keys()
