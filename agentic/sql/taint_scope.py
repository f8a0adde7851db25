"""The names in sight at one place of a statement."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.sql.tables import BARE, CLEAN, PII, Columns


class Source(msgspec.Struct):
    """One item of FROM under the name by which columns reach it."""

    alias: str
    columns: Columns
    path: str = ""
    """The relation's name as written, for `schema.table.column`."""
    silent: bool = False
    """Not part of a star (semi and anti joins)."""


class Scope(msgspec.Struct):
    """The names in sight at one place of a statement."""

    parent: Scope | None = None
    ctes: dict[str, Columns] = {}
    sources: list[Source] = []
    aliases: dict[str, int] = {}
    """Output names of this SELECT, seen by its other clauses."""
    bound: dict[str, int] = {}
    """Parameters of lambdas."""
    windows: dict[str, Any] = {}
    before: Scope | None = None
    """The FROM clause that this part of a join stands in, for lateral names."""

    def outer(self) -> Scope | None:
        """What a subquery in FROM sees: the enclosing query's names, not its own siblings."""
        return self.parent

    def lateral(self) -> Scope:
        """What a LATERAL item sees: the items before it too."""
        return Scope(parent=self, ctes=self.ctes)

    def find(self, alias: str) -> Source | None:
        """The source of that name, nearest first."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.alias == alias and alias:
                    return source
            if scope.before is not None:
                found = scope.before.find(alias)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def labels(self, name: str, start: int, stop: int | None) -> int:
        """All labels that a name may have in some of the sources."""
        label = CLEAN
        for source in self.sources[start:stop]:
            label |= source.columns.label(name) or CLEAN
        return label


def rowwise(label: int) -> int:
    return label | BARE if label & PII else label


def listed_label(name: str, scope: Scope, *, deep: bool = False) -> int | None:
    """A name that a scope knows: column, output name, lambda parameter, or a source's row.

    `deep` also asks the enclosing scopes, then the sources whose columns are not all known.
    """
    found = _own_label(name, scope)
    if found is None and deep and scope.parent is not None:
        found = listed_label(name, scope.parent, deep=True)
    if found is None and deep:
        for source in scope.sources:
            if source.columns.rest is not None:
                found = (found or CLEAN) | (source.columns.label(name) or CLEAN)
    return found


def _own_label(name: str, scope: Scope) -> int | None:
    found: int | None = None
    for source in (*scope.sources, *(scope.before.sources if scope.before else ())):
        if source.columns.listed(name):
            found = (found or CLEAN) | (source.columns.label(name) or CLEAN)
    for names in (scope.aliases, scope.bound):
        if name in names:
            found = (found or CLEAN) | names[name]
    if found is None and name:
        for source in scope.sources:
            if source.alias == name:
                found = (found or CLEAN) | rowwise(source.columns.whole())
    return found
