"""What a change does to the output columns of nodes: for checks and pull requests, not for a
verdict."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentic.policy.changes.case import Case
from agentic.policy.changes.node_judge import readers
from agentic.policy.changes.nodes_sql import stem
from agentic.policy.changes.shapes import ChangeRules, ProjectView
from agentic.sql.shape_facts import Shape


class ColumnsChanged(msgspec.Struct, frozen=True):
    """One changed node's output columns, before against after."""

    node: str
    """Name of the model or snapshot."""
    path: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    """(column, type it was cast to, type it is cast to); empty text: no cast."""
    readers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(removed column, nodes that still read it)."""
    compared: bool = True
    """False: the columns before or after cannot be told from the text."""


def columns_changed(
    files: Mapping[str, str | None],
    before: Mapping[str, str | None],
    *,
    project: ProjectView,
) -> tuple[ColumnsChanged, ...]:
    """Output columns of every changed SQL node that is there before and after."""
    case = Case(files, before, project, ChangeRules())
    found = []
    for path, text in sorted(case.changed.items()):
        if text is None or case.after.kind(path) not in ("model", "snapshot"):
            continue
        old_path = case.before_path(path, stem(path))
        if old_path is not None and old_path in case.base.files:
            found.append(_compared(case, path, old_path))
    return tuple(found)


def _compared(case: Case, path: str, old_path: str) -> ColumnsChanged:
    name = stem(path)
    base, after = case.base_library.shape(old_path, 1), case.library.shape(path, 1)
    if base is None or after is None:
        return ColumnsChanged(name, path, compared=False)
    was, now = _names(base), _names(after)
    same_stars = set(base.open_stars) == set(after.open_stars)
    removed = tuple(sorted(was - now)) if not after.open_stars or same_stars else ()
    return ColumnsChanged(
        node=name,
        path=path,
        added=tuple(sorted(now - was)) if not base.open_stars or same_stars else (),
        removed=removed,
        retyped=tuple(
            (one.name, old.type, one.type)
            for one in after.outputs
            if (old := base.output(one.name)) is not None and old.type != one.type
        ),
        readers=tuple((one, tuple(sorted(readers(case, name, one, set())))) for one in removed),
        compared=same_stars or not (base.open_stars or after.open_stars),
    )


def _names(shape: Shape) -> set[str]:
    return {one.name.lower() for one in shape.outputs}
