"""dbt's node selection, evaluated on the manifest exactly as `dbt ls` does, or refused.

`select` never approximates: what depends on an earlier state, on results or on files that the
manifest does not show raises SelectorError, and the caller asks `dbt ls`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from agentic.exceptions import SelectorError
from agentic.lineage.methods import METHODS, NEEDS_DBT, UNSUPPORTED, default_method

if TYPE_CHECKING:
    from agentic.lineage.graph import Graph
    from agentic.project import Manifest

_PART = re.compile(
    r"\A(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?:\+(?P<down>\d*))?\Z"
)
# `dbt ls` lists neither; both are members of the graph.
_UNLISTED = ("analysis", "operation")


class Selection(msgspec.Struct, frozen=True):
    """What an expression selects, and which of its parts select nothing."""

    uids: frozenset[str]
    unmatched: tuple[str, ...]
    """Parts as written (`tag:gold`), and whole intersections whose parts only match apart."""


class _Part(msgspec.Struct, frozen=True):
    raw: str
    method: str
    arguments: tuple[str, ...]
    value: str
    at: bool
    up: str | None
    down: str | None


def select(expression: str, manifest: Manifest, graph: Graph) -> frozenset[str]:
    """The `unique_id`s that `dbt ls --select EXPRESSION` lists, tests of selected nodes included.

    Union by space, intersection by comma. Raises SelectorError, with code AC431 where only dbt can
    tell.
    """
    return resolve(expression, manifest, graph).uids


def matches_nothing(expression: str, manifest: Manifest, graph: Graph) -> tuple[str, ...]:
    """The parts of an expression that select nothing today, as written. Raises SelectorError."""
    return resolve(expression, manifest, graph).unmatched


def resolve(expression: str, manifest: Manifest, graph: Graph) -> Selection:
    """`select` and `matches_nothing` in one go. Raises SelectorError."""
    chosen: set[str] = set()
    unmatched: list[str] = []
    for term in expression.split():
        parts = [_parse(raw, expression) for raw in term.split(",")]
        found = [_evaluate(part, manifest, graph) for part in parts]
        empty = [part.raw for part, uids in zip(parts, found, strict=True) if not uids]
        both = set.intersection(*found)
        unmatched += empty or ([] if both else [term])
        chosen |= both
    listed = (uid for uid in chosen if manifest.all[uid].resource_type not in _UNLISTED)
    return Selection(uids=frozenset(listed), unmatched=tuple(dict.fromkeys(unmatched)))


def _parse(raw: str, expression: str) -> _Part:
    match = _PART.match(raw)
    if match is None or not match["value"]:
        raise SelectorError(
            f"{raw!r} in selection {expression!r} names nothing",
            hint="Write a node's name, or METHOD:VALUE such as tag:gold or path:models/staging.",
        )
    if match["at"] and match["down"] is not None:
        raise SelectorError(
            f"{raw!r}: '@' before and '+' after a name cannot be combined",
            hint="'@' already takes the children with all their parents: drop the '+'.",
        )
    written = match["method"]
    method, *arguments = written.split(".") if written else [default_method(match["value"])]
    if method in NEEDS_DBT:
        raise SelectorError(
            f"{raw!r}: the method {method!r} compares with another run, which only dbt can do",
            code=UNSUPPORTED,
        )
    if method not in METHODS:
        raise SelectorError(
            f"{raw!r}: {method!r} is not a selector method",
            hint=f"Methods: {', '.join(sorted(METHODS))}.",
        )
    return _Part(
        raw=raw,
        method=method,
        arguments=tuple(arguments),
        value=match["value"],
        at=bool(match["at"]),
        up=match["up"],
        down=match["down"],
    )


def _evaluate(part: _Part, manifest: Manifest, graph: Graph) -> set[str]:
    found = METHODS[part.method](manifest, part.value, part.arguments)
    chosen = {uid for uid in found if uid in graph}
    reached = set(chosen)
    if part.at:
        below = chosen | _walk(graph, chosen, down=True)
        reached |= below | _walk(graph, below, down=False)
    if part.up is not None:
        reached |= _walk(graph, chosen, down=False, depth=part.up)
    if part.down is not None:
        reached |= _walk(graph, chosen, down=True, depth=part.down)
    return reached | _tests_of(reached, manifest, graph)


def _walk(graph: Graph, start: Iterable[str], *, down: bool, depth: str = "") -> set[str]:
    edges = graph.digraph.succ if down else graph.digraph.pred
    left = int(depth) if depth else len(graph) + 1
    seen: set[str] = set()
    layer = set(start)
    while layer and left:
        layer = {other for uid in layer for other in edges[uid]} - seen
        seen |= layer
        left -= 1
    return seen


def _tests_of(uids: set[str], manifest: Manifest, graph: Graph) -> set[str]:
    """dbt's eager indirect selection: a test is taken as soon as one of its parents is."""
    return {
        child
        for uid in uids
        for child in graph.digraph.succ[uid]
        if manifest.all[child].resource_type in ("test", "unit_test")
    }
