"""Two faults at once, and one fault that many nodes show."""

from __future__ import annotations

import msgspec

from agentic.evals.code_faults import renamable_outputs, rename_output, syntax_error
from agentic.evals.code_faults import upstream_alias_renamed as alias_renamed
from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.evals.raw_faults import column_renamed
from agentic.evals.reading import mentions, sql_of
from agentic.project import Node

_FEWEST_NODES = 3


class _Apart(Scene):
    """A scene without the nodes that another fault reaches."""

    def __init__(self, scene: Scene, reached: frozenset[str]) -> None:
        super().__init__(scene.project, scene.manifest, seed=scene.seed)
        self._reached = reached

    def own_nodes(self) -> list[Node]:
        return [node for node in super().own_nodes() if node.unique_id not in self._reached]

    def children(self, unique_id: str) -> list[Node]:
        found = super().children(unique_id)
        return [node for node in found if node.unique_id not in self._reached]


def reach(scene: Scene, unique_id: str) -> frozenset[str]:
    """A node and all downstream of it."""
    found, queue = {unique_id}, [unique_id]
    while queue:
        for child in (scene.manifest.child_map or {}).get(queue.pop(), []):
            if child not in found:
                found.add(child)
                queue.append(child)
    return frozenset(found)


@fault("two_faults", layer="raw")
def two_faults(scene: Scene) -> Injected:
    """A source column is renamed and, elsewhere, a commit breaks a node."""
    first = column_renamed(scene)
    apart = _Apart(scene, reach(scene, first.node))
    for second in (alias_renamed, syntax_error):
        try:
            other = second(apart)
        except NoPlace:
            continue
        paths = tuple(dict.fromkeys([*first.paths, *other.paths]))
        return msgspec.structs.replace(first, others=(other,), paths=paths)
    raise NoPlace("no two places of which neither is downstream of the other")


@fault("one_cause_many_nodes", layer="code")
def one_cause_many_nodes(scene: Scene) -> Injected:
    """One output column is renamed, and every child that reads it fails."""
    options = []
    for node, text, match in renamable_outputs(scene):
        readers = [c for c in scene.children(node.unique_id) if mentions(sql_of(c), match[1])]
        if len(readers) >= _FEWEST_NODES:
            options.append((len(readers), node, text, match))
    most = max((one[0] for one in options), default=0)
    chosen = [one for one in options if one[0] == most]
    _, node, text, match = scene.choose("one_cause_many_nodes", chosen)
    found = rename_output(scene, node, text, match)
    detail = f"{found.detail}; {most} nodes read it"
    return msgspec.structs.replace(found, detail=detail, most_runs=1)
