"""Which columns a node's children expect it to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agentic.lineage.relations import markers_of, relation_names
from agentic.sql.reading import TARGET, Reading, read

if TYPE_CHECKING:
    from agentic.project import Manifest, Node

_READERS = ("model", "snapshot")


class Expected(msgspec.Struct, frozen=True):
    """A column that somebody reads by its name."""

    name: str
    """As first written."""
    readers: tuple[str, ...]
    """`unique_id`s of the nodes that read it, sorted."""


def columns_expected_of(uid: str, manifest: Manifest, dialect: str) -> dict[str, Expected]:
    """Columns that children read from a source, seed or node, by name in lower case.

    Compiled code is read where dbt left it, else raw code with its Jinja masked. What a child
    passes on by a star is expected where a grandchild reads it.
    """
    found: dict[str, tuple[str, set[str]]] = {}
    _gather(uid, manifest, dialect, found, seen=set())
    return {
        key: Expected(name, tuple(sorted(readers)))
        for key, (name, readers) in sorted(found.items())
    }


def _gather(
    uid: str,
    manifest: Manifest,
    dialect: str,
    found: dict[str, tuple[str, set[str]]],
    seen: set[str],
) -> None:
    node = manifest.all.get(uid)
    if node is None or uid in seen:
        return
    seen.add(uid)
    for child_uid in (manifest.child_map or {}).get(uid, ()):
        child = manifest.all.get(child_uid)
        if child is None or child.resource_type not in _READERS or child.language != "sql":
            continue
        reading = reading_of(child, node, dialect)
        for variant in reading.variants:
            for mention in variant.columns:
                base = mention.col.base
                if base and base[0] == TARGET and not variant.tags_of(mention.node):
                    found.setdefault(base[1].lower(), (base[1], set()))[1].add(child_uid)
        _through_stars(reading, child_uid, manifest, dialect, found, seen)


def _through_stars(
    reading: Reading,
    child: str,
    manifest: Manifest,
    dialect: str,
    found: dict[str, tuple[str, set[str]]],
    seen: set[str],
) -> None:
    """A child that hands on every column is read in the node's place."""
    for variant in reading.variants:
        rests = [
            rest for rest in variant.shape.rests if any(base.key == TARGET for base in rest.bases)
        ]
        if len(rests) != 1:
            continue
        own = {col.name.lower() for col in variant.shape.cols if not _is_targets(col.base)}
        below: dict[str, tuple[str, set[str]]] = {}
        _gather(child, manifest, dialect, below, seen)
        for key, (name, readers) in below.items():
            if key not in own and key not in rests[0].without:
                found.setdefault(key, (name, set()))[1].update(readers)
        return


def _is_targets(base: tuple[str, str] | None) -> bool:
    return base is not None and base[0] == TARGET


def reading_of(child: Node, node: Node, dialect: str) -> Reading:
    """A child's code with every column that it reads from a node."""
    if child.compiled_code and node.materialized != "ephemeral":
        name = max(relation_names(node), key=len)
        return read(child.compiled_code, dialect, markers=[name])
    return read(child.raw_code, dialect, markers=list(markers_of(node)))
