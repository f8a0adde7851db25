"""Which nodes a build is about: names to ids, ids to dbt's selectors, changed files to nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from agentic.exceptions import WorkspaceError
from agentic.lineage import Graph
from agentic.project import Manifest, Node, UnitTest
from agentic.warehouse import Relation
from agentic.workspace.deferral import REFERABLE, parents_outside
from agentic.workspace.ground import holds


def resolve(select: Sequence[str], manifest: Manifest) -> tuple[str, ...]:
    """`unique_id`s of ids or names, in dbt's order. Raises WorkspaceError for an unknown one."""
    by_name: dict[str, list[str]] = {}
    for uid, node in manifest.nodes.items():
        by_name.setdefault(node.name, []).append(uid)
    found: set[str] = set()
    for one in select:
        ids = [one] if one in manifest.nodes else by_name.get(one, [])
        if not ids:
            raise WorkspaceError(
                f"no node {one!r} in the project as it is in the workspace",
                hint="Give a unique_id or a name of a model, seed, snapshot or test.",
            )
        found.update(ids)
    return tuple(uid for uid in manifest.nodes if uid in found)


def present(select: Sequence[str], manifest: Manifest) -> tuple[str, ...]:
    """Those of the ids or names that the project has."""
    names = {node.name for node in manifest.nodes.values()}
    return tuple(one for one in select if one in manifest.nodes or one in names)


def selectors(ids: Iterable[str], manifest: Manifest) -> tuple[str, ...]:
    """dbt's selectors for explicit nodes: their full names, so that `state:` plays no part."""
    return tuple("fqn:" + ".".join(manifest.nodes[uid].fqn) for uid in ids)


def with_missing_ancestors(
    ids: Collection[str],
    manifest: Manifest,
    baseline: Manifest,
    known: Collection[tuple[str, str]],
) -> tuple[str, ...]:
    """Ancestors that have to be built too, since the baseline's warehouse lacks them."""
    wanted = set(ids)
    added: set[str] = set()
    while True:
        lacking = {
            uid
            for uid in parents_outside(manifest, wanted)
            if uid not in baseline.nodes or not holds(known, Relation.of_node(baseline.nodes[uid]))
        }
        if not lacking:
            return tuple(sorted(added))
        added |= lacking
        wanted |= lacking


def changed_nodes(
    paths: Collection[str], manifest: Manifest, before: Manifest | None = None
) -> tuple[str, ...]:
    """Nodes that edits of these project files change, without their descendants.

    A SQL, Python or CSV file changes its own node, a macro file every node that calls it, a YAML
    file the nodes and sources it describes, as far as they differ from `before`, and
    dbt_project.yml the nodes whose configuration differs.
    """
    wanted = set(paths)
    own = manifest.metadata.project_name
    found = {
        uid
        for uid, node in manifest.nodes.items()
        # A package may have a file of the same relative path; edits are the project's own.
        if node.original_file_path in wanted and own in (None, node.package_name)
    }
    found |= _through_macros(wanted, manifest)
    found |= _through_yaml(wanted, manifest, before)
    if "dbt_project.yml" in wanted:
        found |= {
            uid
            for uid, node in manifest.nodes.items()
            if before is None or _differs(node, before.nodes.get(uid))
        }
    kept = {_tested(uid, manifest) for uid in found}
    return tuple(uid for uid in manifest.nodes if uid in kept)


def _through_macros(paths: set[str], manifest: Manifest) -> set[str]:
    own = manifest.metadata.project_name
    touched = {
        uid
        for uid, macro in manifest.macros.items()
        if macro.original_file_path in paths and own in (None, macro.package_name)
    }
    while touched:
        callers = {
            uid
            for uid, macro in manifest.macros.items()
            if uid not in touched and not touched.isdisjoint(macro.depends_on_macros)
        }
        if not callers:
            break
        touched |= callers
    return {
        uid
        for uid, node in manifest.nodes.items()
        if not touched.isdisjoint(node.depends_on_macros)
    }


def _through_yaml(paths: set[str], manifest: Manifest, before: Manifest | None) -> set[str]:
    found: set[str] = set()
    for uid, node in manifest.nodes.items():
        described = (node.patch_path or "").partition("://")[2]
        if described in paths and (before is None or _differs(node, before.nodes.get(uid))):
            found.add(uid)
    for uid, source in manifest.sources.items():
        old = before.sources.get(uid) if before else None
        if source.original_file_path in paths and (before is None or _differs(source, old)):
            children = (manifest.child_map or {}).get(uid, [])
            found.update(one for one in children if one in manifest.nodes)
    for test in manifest.unit_tests.values():
        if test.original_file_path in paths:
            found.update(tested_nodes(test))
    return found


def tested_nodes(test: UnitTest) -> tuple[str, ...]:
    """What a unit test tests; dbt fills `tested_node_unique_id` only when it runs the test."""
    known = test.tested_node_unique_id
    return (known,) if known else tuple(test.depends_on_nodes[:1])


def _tested(uid: str, manifest: Manifest) -> str:
    """A test stands for the node that it tests, which is built with all its tests."""
    node = manifest.nodes[uid]
    return node.attached_node if node.attached_node in manifest.nodes else uid


def _differs(node: Node, old: Node | None) -> bool:
    """Whether a node means something else; where it lies differs in every workspace."""
    if old is None:
        return True
    return _meaning(node) != _meaning(old)


def _meaning(node: Node) -> object:
    config = {
        key: value
        for key, value in node.config.items()
        if key not in ("schema", "database", "target_schema", "target_database", "meta", "docs")
    }
    return (
        config,
        {name: column.data_type for name, column in node.columns.items()},
        sorted(node.depends_on_nodes),
        node.raw_code,
        node.alias,
    )


def with_changed_ancestors(
    ids: Sequence[str], changed: Collection[str], graph: Graph
) -> tuple[str, ...]:
    """The nodes, and what lies between them and a changed node upstream: else they would be built
    on what the baseline has of it."""
    above = {one for uid in ids for one in graph.ancestors(uid)}
    touched = {one for uid in changed for one in (uid, *graph.descendants(uid))}
    between = {uid for uid in above & touched if uid.split(".")[0] in REFERABLE}
    return (*sorted(between - set(ids)), *ids)


def with_descendants(ids: Collection[str], manifest: Manifest, graph: Graph) -> tuple[str, ...]:
    """The nodes and everything downstream of them that dbt builds, parents first."""
    wanted = set(ids)
    for uid in ids:
        wanted.update(graph.descendants(uid))
    kept = {
        uid
        for uid in wanted
        if uid in manifest.nodes and manifest.nodes[uid].resource_type in REFERABLE
    }
    alone = {uid for uid in ids if uid in manifest.nodes and uid not in kept}
    return tuple(uid for uid in graph.order(kept | alone) if uid in manifest.nodes)
