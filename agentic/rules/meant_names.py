"""Which name a `ref` or `source` meant that names nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from agentic.rules.asking import FileChange, shapes_of
from agentic.rules.case import Case, Steps
from agentic.rules.code_text import MissingName
from agentic.rules.likeness import likeness, nearest
from agentic.sql import rewrite

LIKE = 0.6
"""How like a name must be that is further off than a slip of the hand."""
MARGIN = 0.1
"""How far it must lie before the next."""


def known_names(case: Case, kind: str) -> set[str]:
    """Names that a `ref` (kind node) or a `source` can name."""
    if kind == "source":
        return {".".join(uid.split(".")[2:4]) for uid in case.manifest.sources}
    kinds = ("model.", "seed.", "snapshot.")
    return {node.name for uid, node in case.manifest.nodes.items() if uid.startswith(kinds)}


def read_before(case: Case, gone: MissingName, text: str) -> str | None:
    """What the last manifest that could be read has the node read, and its text does no more."""
    node = case.node(gone.node)
    if node is None or last_known(case, gone) is not None:
        return None
    kind = "source." if gone.kind == "source" else ("model.", "seed.", "snapshot.")
    parents = [uid for uid in node.depends_on_nodes if uid.startswith(kind)]
    was = {
        ".".join(uid.split(".")[2:4]) if gone.kind == "source" else case.node(uid).name
        for uid in parents
        if case.node(uid) is not None
    }
    lost = was - names_read(text, gone.kind)
    return lost.pop() if len(lost) == 1 else None


def meant_name(case: Case, gone: MissingName, changes: Iterable[FileChange]) -> str | None:
    """The name that was meant: the one that stood there before, or the only one near."""
    known = known_names(case, gone.kind) - {gone.name}
    before = [c.before for c in changes if c.path == gone.path and c.before and c.after != c.before]
    if before:
        was = names_read(before[0], gone.kind)
        now = names_read(next(c.after or "" for c in changes if c.before == before[0]), gone.kind)
        lost = (was - now) & known
        if len(lost) == 1 and gone.name in now:
            return lost.pop()
    if gone.kind == "source":
        group, _, table = gone.name.partition(".")
        same = {n for n in known if n.partition(".")[0] == group}
        if found := nearest(table, {n.partition(".")[2] for n in same}):
            return f"{group}.{found}"
        group_found = nearest(group, {n.partition(".")[0] for n in known})
        whole = f"{group_found}.{table}"
        return whole if whole in known else None
    return nearest(gone.name, known)


def last_known(case: Case, gone: MissingName) -> Any:
    """The node of that name in the last manifest: then it is no misspelling."""
    if gone.kind != "node":
        return None
    named = (n for n in case.manifest.nodes.values() if n.name == gone.name)
    return next((n for n in named if not n.unique_id.startswith("test.")), None)


def fitting(case: Case, gone: MissingName, text: str) -> Steps[str | None]:
    """A name further off: the one node that has what the text reads, and is not below it."""
    if gone.kind != "node":
        return None
    below = set(case.graph.descendants(gone.node)) if case.node(gone.node) else set()
    options = [
        node
        for uid, node in case.manifest.nodes.items()
        if uid.startswith(("model.", "seed.", "snapshot."))
        and uid not in below
        and uid != gone.node
        and likeness(node.name, gone.name) >= LIKE
    ]
    ranked = sorted(options, key=lambda n: -likeness(n.name, gone.name))[:6]
    read = rewrite.columns_read(text, case.dialect).get(f"ref({gone.name!r})", {})
    if read and ranked:
        shapes = yield from shapes_of([n.unique_id for n in ranked])
        having = [
            n
            for n in ranked
            if n.unique_id in shapes and set(read) <= set(shapes[n.unique_id].columns)
        ]
        ranked = having or ranked
    likes = [likeness(n.name, gone.name) for n in ranked]
    clear = len(likes) == 1 or (len(likes) > 1 and likes[0] - likes[1] >= MARGIN)
    return str(ranked[0].name) if clear and likes[0] >= LIKE else None


def names_read(text: str, kind: str) -> set[str]:
    """Names that a text reads by `ref` or `source`."""
    if kind == "source":
        pairs = re.findall(r"source\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)['\"]", text)
        return {".".join(pair) for pair in pairs}
    return set(re.findall(r"ref\(\s*(?:['\"][^'\"]+['\"]\s*,\s*)?['\"]([^'\"]+)['\"]\s*\)", text))
