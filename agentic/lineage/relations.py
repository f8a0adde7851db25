"""Which node a name in SQL means: relation names in compiled code, ref() and source() in raw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentic.project import Manifest, Node


class Names:
    """Names of all relations of a manifest; a node's own parents win where two share a name."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def anywhere(self, name: str) -> str | None:
        """A relation that the code names though it is no parent of the node."""
        return self._all.get(name)

    @cached_property
    def _all(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for uid, node in self.manifest.all.items():
            if node.alias:
                for name in relation_names(node):
                    found.setdefault(name, uid)
        return found

    def around(self, node: Node) -> Mapping[str, str]:
        """Dotted names in lower case, as far as one node's compiled code can use them."""
        return {
            name: uid
            for uid in [*node.depends_on_nodes, node.unique_id]
            if uid in self.manifest.all
            for name in relation_names(self.manifest.all[uid])
        }

    def markers(self, node: Node) -> Mapping[str, str]:
        """`ref('x')`, `source('a','b')` and `{{ this }}` of one node's raw code."""
        near = {
            marker: uid
            for uid in node.depends_on_nodes
            if uid in self.manifest.all
            for marker in markers_of(self.manifest.all[uid])
        }
        near["{{ this }}"] = node.unique_id
        return {**self.around(node), **near}


def relation_names(node: Node) -> Iterator[str]:
    """`db.schema.name`, `schema.name` and `name` of a node's relation, in lower case."""
    alias = node.alias or node.name
    parts = [part.lower() for part in (node.database, node.schema, alias) if part]
    for index in range(len(parts)):
        yield ".".join(parts[index:])


def markers_of(node: Node) -> Iterator[str]:
    """How raw code refers to a node, in the spelling of `agentic.sql`."""
    if node.resource_type == "source":
        yield f"source({node.source_name!r},{node.name!r})"  # type: ignore[attr-defined]
    else:
        yield f"ref({node.name!r})"
        yield f"ref({node.package_name!r},{node.name!r})"
        if node.version is not None:
            for version in (node.version, str(node.version)):
                for word in ("v", "version"):
                    yield f"ref({node.name!r},{word}={version!r})"
