"""Differences between the columns that the project expects of a relation and those it has now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentic.lineage import Expected, columns_expected_of
from agentic.rules.asking import Column, Shape, shapes_of, text_of
from agentic.rules.case import TESTS, Case, Steps
from agentic.rules.likeness import mentions
from agentic.rules.markers import markers_of
from agentic.sql import rewrite


class Drift(msgspec.Struct, frozen=True):
    """One relation that lacks columns which the project reads from it."""

    node: str
    missing: tuple[str, ...]
    """Names that the project reads and the relation lacks."""
    added: tuple[Column, ...]
    """Live columns that the project neither reads nor declares."""
    shape: Shape
    readers: dict[str, tuple[str, ...]]
    """Missing column -> children that read it, by name or by a star."""


def source_drifts(case: Case) -> Steps[list[Drift]]:
    """Drifts of every source and seed above the failure, those the messages name first."""
    nodes = case.above("source", "seed")
    if not nodes:
        return []
    shapes = yield from shapes_of(nodes)
    shapes = yield from _with_headers(case, shapes)
    return ordered(case, [d for uid, shape in shapes.items() if (d := drift_of(case, uid, shape))])


def drift_of(case: Case, uid: str, shape: Shape) -> Drift | None:
    """What a relation lacks; None when it has all that is read, or is missing as a whole."""
    if not shape.exists or not shape.columns:
        return None
    expected = expected_columns(case, uid)
    missing = tuple(sorted(expected - shape.columns.keys()))
    if not missing:
        return None
    node = case.node(uid)
    known = expected | {name.lower() for name in node.columns}
    known.add((getattr(node, "loaded_at_field", None) or "").lower())
    # A loader's own columns (_loaded_at, _fivetran_synced) replace no column of the business.
    loaders = not any(name.startswith("_") for name in missing)
    added = tuple(
        column
        for key, column in shape.columns.items()
        if key not in known and not (loaders and key.startswith("_"))
    )
    readers = {name: readers_of(case, uid, name, tuple(shape.columns)) for name in missing}
    return Drift(uid, missing, added, shape, readers)


def expected_columns(case: Case, uid: str) -> set[str]:
    """Lower-case names that the children's SQL and the tests on it read from a node."""
    found = set(_expected(case, uid))
    for test in case.graph.children(uid):
        node = case.node(test)
        if test.startswith(TESTS[0]) and node.attached_node == uid and node.column_name:
            found.add(str(node.column_name).strip('"`[]').lower())
    return found


def _expected(case: Case, uid: str) -> dict[str, Expected]:
    def make() -> dict[str, Expected]:
        return columns_expected_of(uid, case.manifest, case.dialect)

    return case.once(("expected", uid), make)


def used_columns(case: Case, uid: str, shape: Shape) -> list[str]:
    """Lower-case live columns that the project reads, macro arguments included, sorted."""
    expected = expected_columns(case, uid)
    text = "\n".join(case.code(reader) for reader in case.readers(uid))
    return sorted(key for key in shape.columns if key in expected or mentions(text, key))


def readers_of(case: Case, uid: str, name: str, columns: Sequence[str] = ()) -> tuple[str, ...]:
    """Children that read a column by its name, or hand it on by a star to someone who does."""
    expected = _expected(case, uid).get(name.lower())
    if expected is None:
        # Named inside a macro's arguments alone, where nothing was compiled.
        return tuple(u for u in case.readers(uid) if mentions(case.node(u).raw_code or "", name))
    return tuple(
        child
        for child in case.readers(uid)
        if child in expected.readers or _hands_on(case, uid, child, name, columns)
    )


def _hands_on(case: Case, uid: str, child: str, name: str, columns: Sequence[str]) -> bool:
    expected = _expected(case, uid)[name.lower()]
    if not set(expected.readers) & set(case.graph.descendants(child)):
        return False
    given = [c for c in columns if c != name.lower()]
    text = rewrite.rename_source_column(
        case.node(child).raw_code or "",
        old=name,
        new=f"{name}_now",
        relation_markers=markers_of(case, uid),
        dialect=case.dialect,
        columns=[*given, f"{name}_now"] if given else (),
    )
    return text is not None


def _with_headers(case: Case, shapes: dict[str, Shape]) -> Steps[dict[str, Shape]]:
    """Where a seed itself failed, its file is the newer truth: `dbt seed` keeps the old table."""
    found = dict(shapes)
    for uid in (uid for uid in case.failing if uid.startswith("seed.")):
        text = yield from text_of(case.path(uid))
        header = (text or "").lstrip("\ufeff").split("\n", 1)[0]
        names = [part.strip().strip('"') for part in header.split(",") if part.strip()]
        if not names:
            continue
        old = found.get(uid, Shape(False, "", {})).columns
        columns = {
            n.lower(): Column(n, old[n.lower()].type if n.lower() in old else "") for n in names
        }
        found[uid] = Shape(True, found[uid].relation if uid in found else "", columns)
    return found


def ordered(case: Case, drifts: list[Drift]) -> list[Drift]:
    """Those that the messages name first, then those that failed themselves."""

    def rank(drift: Drift) -> tuple[bool, bool, str]:
        named = any(mentions(text, name) for text in case.messages for name in drift.missing)
        return (not named, drift.node not in case.failing, drift.node)

    return sorted(drifts, key=rank)
