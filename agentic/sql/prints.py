"""Fingerprints of relations and columns, and how a name is looked up among them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from sqlglot import exp

from agentic.sql.meaning import QUERIES


class Output(NamedTuple):
    """One output column."""

    name: str
    """In lower case unless it was quoted."""
    value: str
    """Fingerprint of what it holds."""
    core: str
    """The same without the casts around it."""


class Print(NamedTuple):
    """A query, or a relation, as fingerprints."""

    cols: tuple[Output, ...]
    rests: tuple[str, ...]
    """Of every star over a relation whose columns nobody knows."""
    rows: str

    @property
    def whole(self) -> str:
        return mixed(self.rows, *self.rests, *(text for col in self.cols for text in col[:2]))


def mixed(*parts: str) -> str:
    """One fingerprint of several texts."""
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


class PrintScope:
    """The relations that one SELECT can name, and the SELECT around it."""

    def __init__(self, ctes: Mapping[str, Print], parent: PrintScope | None) -> None:
        self.ctes = ctes
        self.parent = parent
        self.sources: dict[str, Print] = {}
        self.outputs: dict[str, Output] = {}
        self.shared: set[str] = set()
        """Names that USING made one column of two."""


def in_scope(name: str, table: str, scope: PrintScope) -> Output | None:
    key = name.lower()
    if table:
        source = scope.sources.get(table)
        return _of_source(key, source) if source is not None else None
    for source in scope.sources.values():
        for col in source.cols:
            if col.name.lower() == key:
                return col
    open_ = [source for source in scope.sources.values() if source.rests]
    alias = scope.outputs.get(key)
    if alias is not None:
        return alias
    if len(open_) == 1:
        return _of_source(key, open_[0])
    if open_:
        text = mixed("one of", key, *(rest for source in open_ for rest in source.rests))
        return Output(name, text, text)
    return None


def _of_source(key: str, source: Print) -> Output | None:
    for col in source.cols:
        if col.name.lower() == key:
            return col
    if not source.rests:
        return None
    text = mixed("column of", key, *source.rests)
    return Output(key, text, text)


def flat(node: exp.Expression, kind: type[exp.Expression]) -> list[exp.Expression]:
    """The operands of a chain of ANDs or ORs."""
    waiting, found = [node], []
    while waiting:
        one = waiting.pop()
        if isinstance(one, exp.Paren):
            waiting.append(one.this)
        elif isinstance(one, kind):
            waiting += [one.args["this"], one.args["expression"]]
        else:
            found.append(one)
    return found


def aggregates(node: exp.Expression) -> bool:
    """True when an expression folds rows itself, not in a window or a subquery."""
    if isinstance(node, (exp.Window, *QUERIES)):
        return False
    if isinstance(node, exp.AggFunc):
        return True
    return any(
        aggregates(one)
        for value in node.args.values()
        for one in arguments(value)
        if isinstance(one, exp.Expression)
    )


def arguments(value: object) -> list[object]:
    items = value if isinstance(value, list) else [value]
    return [one for one in items if one is not None and one is not False]


def nodes(value: object) -> list[exp.Expression]:
    return [one for one in arguments(value) if isinstance(one, exp.Expression)]
