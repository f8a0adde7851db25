"""A node's SQL before and after: rendered in its variants, judged, and compared by its shape."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from itertools import product

import msgspec
from jinja2 import nodes as tree_nodes

from agentic.exceptions import SqlError
from agentic.policy.changes.render import Renderer
from agentic.policy.changes.rendered import Rendered, Scope
from agentic.policy.changes.template import JinjaError, definitions, parse, plain_name
from agentic.policy.changes.tree import Tree
from agentic.policy.changes.values import REF, SOURCE, THIS, TooMuch
from agentic.sql.shape import read_shape
from agentic.sql.shape_facts import Shape

MAX_VARIANTS = 12
MAX_FREE = 4
"""Undecided conditions of which every combination is rendered."""


class Variants(msgspec.Struct, frozen=True):
    """Every way that a template can come out, as far as its undecided conditions go."""

    first: Rendered
    """Conditions taken as true: the incremental way, for an incremental model."""
    second: Rendered
    """Conditions taken as false."""
    others: tuple[Rendered, ...] = ()
    fault: str = ""
    """Not empty: the template does too much, and why."""

    @property
    def all(self) -> tuple[Rendered, ...]:
        return (self.first, self.second, *self.others)


EMPTY = Rendered("")


def render_all(text: str, scope: Scope) -> Variants:
    """Both ways of every undecided condition, at least once. Raises JinjaError."""
    body = parse(text).body
    try:
        first = Renderer(scope, {}, True).run(body)
        second = Renderer(scope, {}, False).run(body)
        others = [
            Renderer(scope, choices, otherwise).run(body)
            for choices, otherwise in combinations(first, second)
        ]
    except TooMuch as error:
        return Variants(EMPTY, EMPTY, (), str(error) or "the template does too much")
    return Variants(first, second, tuple(others))


def combinations(first: Rendered, second: Rendered) -> list[tuple[dict[str, bool], bool]]:
    """Ways of taking undecided conditions besides all true and all false.

    Every combination where there are few; else each condition against all others.
    """
    keys = list(dict.fromkeys([*first.asked, *second.asked]))
    if len(keys) < 2:
        return []
    if len(keys) <= MAX_FREE:
        ways = [
            dict(zip(keys, way, strict=True)) for way in product((True, False), repeat=len(keys))
        ]
        return [(way, otherwise) for way in ways[1:-1] for otherwise in (True, False)]
    return [
        ({key: not otherwise}, otherwise)
        for key in keys[:MAX_VARIANTS]
        for otherwise in (True, False)
    ]


class Library:
    """Rendered and shaped nodes of one tree, worked out when asked and kept."""

    def __init__(
        self,
        tree: Tree,
        dialect: str,
        known: dict[str, tuple[str, ...]],
        changed: Collection[str] = (),
    ) -> None:
        """`changed` are the files of the change: a seed among them has the columns of its header.
        Another seed's table may be older or newer than its file, so its columns stay open."""
        self.tree = tree
        self.changed = changed
        self.dialect = dialect
        self.known = known
        self._variants: dict[str, Variants | None] = {}
        self._shapes: dict[tuple[str, int], Shape | None] = {}
        self._busy: set[str] = set()

    def scope(self, name: str) -> Scope:
        return Scope(self.tree.macros, self.tree.variables, self.dialect, self.tree.name, name)

    def variants(self, path: str) -> Variants | None:
        """The file's variants; None when it is not Jinja or not there."""
        if path not in self._variants:
            text = self.tree.files.get(path)
            try:
                made = None if text is None else render_all(text, self.scope(stem(path)))
            except JinjaError:
                made = None
            self._variants[path] = made
        return self._variants[path]

    def shape(self, path: str, which: int) -> Shape | None:
        """The shape of a variant (0: conditions true, 1: false); None when it cannot be read."""
        key = (path, which)
        if key in self._shapes:
            return self._shapes[key]
        if path in self._busy:
            return None
        self._busy.add(path)
        try:
            self._shapes[key] = self._shape(path, which)
        finally:
            self._busy.discard(path)
        return self._shapes[key]

    def _shape(self, path: str, which: int) -> Shape | None:
        variants = self.variants(path)
        if variants is None or variants.fault:
            return None
        text = (variants.first, variants.second)[which].text
        try:
            return read_shape(text, dialect=self.dialect, columns=self.columns)
        except SqlError:
            return None

    def columns(self, place: str, name: str) -> tuple[str, ...] | None:
        """Columns of a relation, where they are known in full."""
        if place == SOURCE:
            return self.known.get(name.replace("~", "."))
        if place == THIS or place != REF:
            return None
        path = self.tree.nodes.get(name.split(".v", maxsplit=1)[0]) or self.tree.nodes.get(
            name.replace(".v", "_v")
        )
        if path is None:
            return self.known.get(name)
        if self.tree.kind(path) == "seed":
            header = csv_header(self.tree.files.get(path, ""))
            return header if path in self.changed else self.known.get(name)
        shape = self.shape(path, 1)
        if shape is None or shape.open_stars:
            return self.known.get(name)
        return tuple(one.name for one in shape.outputs)


def stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@lru_cache(maxsize=512)
def csv_header(text: str) -> tuple[str, ...] | None:
    lines = text.lstrip("\ufeff").splitlines()
    if not lines:
        return None
    return tuple(one.strip().strip('"').lower() for one in lines[0].split(","))


def snapshot_bodies(text: str) -> dict[str, list[tree_nodes.Node]]:
    """Snapshot blocks of a file by name."""
    try:
        found = definitions(parse(text))
    except JinjaError:
        return {}
    return {plain_name(block): block.body for kind, block in found if kind == "snapshot"}
