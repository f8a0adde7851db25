"""From a failing test's column back to the raw data: the columns that it was copied from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.lineage import ColumnLineage, column_lineage
from agentic.rules.asking import Shape, rows_of, shapes_of
from agentic.rules.case import TESTS, Case, Steps
from agentic.rules.witness import COPIES
from agentic.sql import quote


class FailedTest(msgspec.Struct, frozen=True):
    """A data test that found rows."""

    test: str
    kind: str
    """Name of the generic test without its package; empty for a singular test."""
    node: str
    """What it stands on."""
    columns: tuple[str, ...]
    arguments: dict[str, Any]
    failures: int | None


class Step(msgspec.Struct, frozen=True):
    """One place of a trail: the column as this relation calls it, and its live relation."""

    node: str
    column: str
    shape: Shape


_FILLS = re.compile(r"\b(coalesce|ifnull|nvl|isnull|case|concat|concat_ws)\b", re.IGNORECASE)
"""What may give a value for a null."""
_CAST = re.compile(r"(try_|safe_)?cast\(|trim\(|lower\(|upper\(", re.IGNORECASE)


def failed_tests(case: Case, *kinds: str) -> list[FailedTest]:
    """The incident's failed generic tests of the kinds; those with an error of SQL are left out."""
    return [one for one in failed_data_tests(case) if one.kind in kinds]


def failed_data_tests(case: Case) -> list[FailedTest]:
    """All failed data tests; one of the project's own SQL stands on the first node it reads."""
    found = []
    for signal in case.incident.signals:
        node = case.node(signal.node)
        if signal.kind != "test_failure" or node is None or signal.failures is None:
            continue
        if node.test_metadata is None:
            parents = case.graph.parents(signal.node)
            if parents:
                found.append(FailedTest(signal.node, "", parents[0], (), {}, signal.failures))
            continue
        given = node.test_metadata.kwargs
        arguments = {**given, **(given.get("arguments") or {})}
        found.append(
            FailedTest(
                test=signal.node,
                kind=node.test_metadata.name,
                node=node.attached_node or signal.attached,
                columns=_columns(node.column_name or "", arguments),
                arguments=arguments,
                failures=signal.failures,
            )
        )
    return [one for one in found if one.node in case.manifest.all]


def _columns(column: str, arguments: dict[str, Any]) -> tuple[str, ...]:
    many = arguments.get("combination_of_columns")
    if isinstance(many, list):
        return tuple(str(name) for name in many)
    return (column.strip('"`[]').lower(),) if column else ()


def trail(case: Case, node: str, column: str, *, computed: bool = False) -> Steps[list[Step]]:
    """The column and everything it is a plain copy of, from the node to the raw data.

    `computed`: what it is computed from as well, as far as a null lives on through the expression.
    Only places whose relation exists and holds the column; ephemeral nodes are passed over.
    """
    above = [u for u in case.graph.ancestors(node) if not u.startswith(TESTS)]
    shapes = yield from known_shapes(case, [node, *above])
    schemas = {
        uid: {c.name: c.type for c in shape.columns.values()}
        for uid, shape in shapes.items()
        if shape.exists and uid.startswith(("source.", "seed."))
    }
    traced = column_lineage(
        case.manifest, schemas=schemas, dialect=case.dialect, only={node, *above}
    )
    places, frontier = [(node, column)], [(node, column)]
    while frontier:
        origins = [place for here in frontier for place in _origins(traced, here, computed)]
        frontier = [place for place in dict.fromkeys(origins) if place not in places]
        places += frontier
    return [
        Step(uid, shapes[uid].columns[name.lower()].name, shapes[uid])
        for uid, name in places
        if uid in shapes and shapes[uid].exists and name.lower() in shapes[uid].columns
    ]


def known_shapes(case: Case, nodes: Sequence[str]) -> Steps[dict[str, Shape]]:
    """Live shapes, each asked once a case: trails of one incident cross the same nodes."""

    def nothing() -> dict[str, Shape | None]:
        return {}

    known = case.once(("trail", "shapes"), nothing)
    new = [uid for uid in nodes if uid not in known]
    if new:
        found = yield from shapes_of(new)
        known.update({uid: found.get(uid) for uid in new})
    return {uid: shape for uid in nodes if (shape := known[uid]) is not None}


def _origins(traced: ColumnLineage, here: tuple[str, str], computed: bool) -> list[tuple[str, str]]:
    """What a column is a copy of; a cast of one column is as good as a copy for counting."""
    made = [e for e in traced.upstream(*here) if e.kind not in ("filter", "join")]
    if len(made) == 1 and made[0].kind == "transformed" and _CAST.match(made[0].expression):
        return [(made[0].node, made[0].column)]
    if computed and made and all(e.kind == "transformed" for e in made):
        filled = any(_FILLS.search(e.expression) for e in made)
        return [] if filled else [(e.node, e.column) for e in made]
    return [(e.node, e.column) for e in made if e.kind in COPIES]


_TO = re.compile(r"ref\(\s*['\"]([^'\"]+)['\"]|source\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)")


def parent_of(case: Case, test: str, to: str, child: str | None) -> str:
    """The node that a relationships test's `to` names; empty when it cannot be told."""
    found = _TO.search(to)
    if found is None:
        return ""
    name = found[1] or found[3]
    above = [uid for uid in case.graph.parents(test) if case.node(uid).name == name]
    return next((uid for uid in above if uid != child), above[0] if above else "")


def is_raw(uid: str) -> bool:
    """True for what is loaded, not built from something."""
    return uid.startswith(("source.", "seed."))


def counted(steps: Sequence[Step], counts: Sequence[str], dialect: str) -> Steps[list[list[int]]]:
    """Aggregates over each step's relation in one statement; `{col}` stands for the column.

    One list a step, in order; empty when the statement failed, or its figures may not leave: of a
    masked column nothing is told.
    """
    parts = []
    for number, step in enumerate(steps):
        name = quote(step.column, dialect)
        named = [f"{t.format(col=name)} as c{number}_{n}" for n, t in enumerate(counts)]
        inner = f"select {', '.join(named)} from {step.shape.relation}"  # noqa: S608 -- quoted
        parts.append(f"({inner}) as s{number}")
    rows = yield from rows_of(f"select * from {' cross join '.join(parts)}", max_rows=1)  # noqa: S608 -- quoted above
    if not rows:
        return []
    figures = [int(value or 0) for value in rows[0].values()]
    width = len(counts)
    return [figures[start : start + width] for start in range(0, len(figures), width)]
