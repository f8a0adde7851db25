"""What a column has to be: its type, what its tests ask, what the last good build made of it."""

from __future__ import annotations

import re

import msgspec

from agentic.lineage import ColumnLineage
from agentic.rules.asking import rows_of, shapes_of
from agentic.rules.case import Case, Steps
from agentic.rules.likeness import family
from agentic.rules.trail import parent_of
from agentic.rules.uses import moment_cast, number_cast
from agentic.rules.witness import Witness, copies_of, find_witness, stored, traced_below
from agentic.sql import quote

_SUM = re.compile(r"(?:cast\(\s*)?sum\(", re.IGNORECASE)


class Need(msgspec.Struct, frozen=True):
    """What is known of a column that is not there any more."""

    column: str
    type: str = ""
    """Its type, or one of its family; empty when nothing speaks for one."""
    accepted: tuple[str, ...] = ()
    unique: bool = False
    filled: bool = False
    parent: tuple[str, str] | None = None
    """(node, column) that a relationships test says it points at."""
    witness: Witness | None = None
    total: float | None = None
    """What a stored sum of it comes to; a filter may have left some out."""
    total_at: str = ""

    @property
    def family(self) -> str:
        return family(self.type)


def need_of(case: Case, uid: str, column: str) -> Steps[Need]:
    """What tests, readers, and the relations that the failing build did not touch say of it."""
    places = [(uid, column), *copies_of(case, uid, column)]
    witness = yield from find_witness(case, uid, column)
    total, total_at = (None, "") if witness is not None else (yield from _total(case, places))
    tests = [test for place in places for test in tests_on(case, *place)]
    kinds = {kind for kind, _ in tests}
    listed = next((t for kind, t in tests if kind == "accepted_values"), None)
    related = next((t for kind, t in tests if kind == "relationships"), None)
    return Need(
        column=column,
        type=_type(case, uid, column, places, witness, total),
        accepted=_values(listed),
        unique=any(
            kind == "unique"
            for place in places
            if keeps_rows(case, uid, place[0])
            for kind, _ in tests_on(case, *place)
        ),
        filled="not_null" in kinds,
        parent=_parent(case, related),
        witness=witness,
        total=total,
        total_at=total_at,
    )


def keeps_rows(case: Case, uid: str, node: str) -> bool:
    """No filter, join or group lies between: what is unique below is so above."""
    traced = traced_below(case, uid)
    between = ({node} | set(case.graph.ancestors(node))) & set(case.graph.descendants(uid))
    return not any(traced.rows(one) for one in between)


def _type(
    case: Case,
    uid: str,
    column: str,
    places: list[tuple[str, str]],
    witness: Witness | None,
    total: float | None,
) -> str:
    if witness is not None and witness.type:
        return witness.type
    declared = {name.lower(): c for name, c in case.node(uid).columns.items()}.get(column)
    if declared is not None and declared.data_type:
        return str(declared.data_type)
    if total is not None:
        return "decimal"
    for node, name in places:
        for reader in case.readers(node):
            code = case.code(reader)
            if kind := moment_cast(code, name) or number_cast(code, name):
                return kind if family(kind) else "decimal"
    return ""


def tests_on(case: Case, node: str, column: str) -> list[tuple[str, dict[str, object]]]:
    """(kind, arguments) of the generic tests on one column."""
    found = []
    for uid in case.graph.children(node):
        test = case.node(uid)
        if not uid.startswith("test.") or test.attached_node != node or not test.test_metadata:
            continue
        if (test.column_name or "").strip('"`[]').lower() == column.lower():
            given = test.test_metadata.kwargs
            arguments = {**given, **(given.get("arguments") or {}), "__test": uid}
            found.append((str(test.test_metadata.name), arguments))
    return found


def _values(arguments: dict[str, object] | None) -> tuple[str, ...]:
    values = (arguments or {}).get("values")
    return tuple(str(value) for value in values) if isinstance(values, list | tuple) else ()


def _parent(case: Case, arguments: dict[str, object] | None) -> tuple[str, str] | None:
    if arguments is None:
        return None
    test = str(arguments["__test"])
    node = parent_of(case, test, str(arguments.get("to") or ""), case.node(test).attached_node)
    field = str(arguments.get("field") or "")
    return (node, field) if node and field else None


def _total(case: Case, places: list[tuple[str, str]]) -> Steps[tuple[float | None, str]]:
    """A sum of the column that a stored relation still holds."""
    sums = [place for place in _sums(case, places) if stored(case, place[0])][:5]
    shapes = yield from shapes_of([node for node, _ in sums])
    for node, name in sums:
        shape = shapes.get(node)
        live = shape.columns.get(name.lower()) if shape is not None and shape.exists else None
        if shape is None or live is None or family(live.type) != "number":
            continue
        sql = f"select sum({quote(live.name, case.dialect)}) as total from {shape.relation}"  # noqa: S608 -- quoted
        rows = yield from rows_of(sql, max_rows=1)
        if rows and rows[0]["total"]:
            return float(rows[0]["total"]), f"{shape.relation}.{live.name}"
    return None, ""


def _sums(case: Case, places: list[tuple[str, str]]) -> list[tuple[str, str]]:
    traced = traced_below(case, places[0][0])
    found = []
    for node, name in places:
        for edge in traced.downstream(node, name):
            if edge.kind != "aggregated":
                continue
            made = [e for e in traced.upstream(edge.node, edge.column) if e.kind == "aggregated"]
            if len(made) == 1 and _SUM.match(made[0].expression):
                found.append((edge.node, edge.column))
    return found


def needs_filled(case: Case, uid: str, column: str) -> str:
    """The first not_null test that a null of a source's column would break; empty when none would.

    A null lives on through every expression but one that begins with `coalesce`.
    """
    traced = traced_below(case, uid)
    seen, frontier = {(uid, column)}, [(uid, column)]
    while frontier:
        for node, name in frontier:
            kinds = tests_on(case, node, name)
            if test := next((t for kind, t in kinds if kind == "not_null"), None):
                return str(test["__test"])
        below = [e for here in frontier for e in traced.downstream(*here) if e.column != "*"]
        frontier = [
            (e.node, e.column)
            for e in below
            if (e.node, e.column.lower()) not in seen and not _fills(traced, e.node, e.column)
        ]
        frontier = [(node, name.lower()) for node, name in dict.fromkeys(frontier)]
        seen |= set(frontier)
    return ""


def _fills(traced: ColumnLineage, node: str, column: str) -> bool:
    made = [e.expression for e in traced.upstream(node, column) if e.expression]
    return any(text.lower().startswith(("coalesce(", "ifnull(", "count(")) for text in made)
