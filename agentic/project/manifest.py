"""Shapes of dbt's manifest.json, v11 and v12: only the fields that agentic reads."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import msgspec
from msgspec.structs import force_setattr


class Metadata(msgspec.Struct, frozen=True):
    """The block that every dbt artifact starts with."""

    dbt_schema_version: str = ""
    dbt_version: str = ""
    generated_at: str = ""
    """ISO 8601, UTC."""
    invocation_id: str | None = None
    invocation_started_at: str | None = None
    project_name: str | None = None
    adapter_type: str | None = None
    env: dict[str, str] = {}

    @property
    def schema_number(self) -> int:
        """The 12 of `https://schemas.getdbt.com/dbt/manifest/v12.json`; 0 when there is none."""
        number = self.dbt_schema_version.rpartition("/v")[2].partition(".")[0]
        return int(number) if number.isdigit() else 0


class NodeColumn(msgspec.Struct, frozen=True):
    """A column as YAML declares it (not as the warehouse has it)."""

    name: str
    description: str | None = None
    data_type: str | None = None
    raw_meta: dict[str, Any] | None = msgspec.field(name="meta", default=None)
    tags: list[str] = []
    constraints: list[dict[str, Any]] = []
    config: dict[str, Any] = {}

    @property
    def meta(self) -> dict[str, Any]:
        return {**(self.raw_meta or {}), **(self.config.get("meta") or {})}


class DependsOn(msgspec.Struct, frozen=True):
    nodes: list[str] = []
    macros: list[str | None] = []
    """null where dbt found none: the test of a package that is not installed, say."""

    @property
    def known_macros(self) -> list[str]:
        return [name for name in self.macros if name is not None]


class TestMetadata(msgspec.Struct, frozen=True):
    """Which generic test a test is: `not_null`, with its arguments."""

    name: str
    kwargs: dict[str, Any] = {}
    namespace: str | None = None


class Checksum(msgspec.Struct, frozen=True):
    name: str = ""
    checksum: str = ""


class Reference(msgspec.Struct, frozen=True):
    """What stands in `ref()`."""

    name: str
    package: str | None = None
    version: str | int | float | None = None


_NOTHING = DependsOn()
_ENCODER = msgspec.msgpack.Encoder()


@lru_cache(maxsize=4096)
def _shared(config: bytes) -> dict[str, Any]:
    """One object for all equal configs."""
    found: dict[str, Any] = msgspec.msgpack.decode(config)
    return found


class Node(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Anything with a `unique_id` that can stand in the lineage; what it lacks is empty or None."""

    unique_id: str
    name: str
    resource_type: str = ""
    package_name: str = ""
    original_file_path: str = ""
    """Relative to the project (or package) root, as dbt wrote it."""
    path: str = ""
    relation_name: str | None = None
    database: str | None = None
    schema: str | None = None
    alias: str = ""
    """Name of the relation; for a source its identifier."""
    description: str | None = None
    columns: dict[str, NodeColumn] = {}
    config: dict[str, Any] = {}
    unrendered_config: dict[str, Any] = {}
    tags: list[str] = []
    raw_meta: dict[str, Any] | None = msgspec.field(name="meta", default=None)
    depends_on: DependsOn | None = None
    refs: list[Reference] = []
    sources: list[list[str]] = []
    raw_code: str = ""
    compiled: bool = False
    compiled_code: str | None = None
    compiled_path: str | None = None
    fqn: list[str] = []
    patch_path: str | None = None
    """`package://path` of the YAML that describes it."""
    attached_node: str | None = None
    column_name: str | None = None
    test_metadata: TestMetadata | None = None
    language: str = "sql"
    checksum: Checksum | None = None
    group: str | None = None
    access: str | None = None
    version: str | int | float | None = None
    latest_version: str | int | float | None = None
    root_path: str | None = None
    """For seeds: the project root when the manifest was made."""
    raw_owner: dict[str, Any] | None = msgspec.field(name="owner", default=None)
    """For exposures."""
    kind: str | None = msgspec.field(name="type", default=None)
    """For exposures: dashboard, notebook, ..."""
    url: str | None = None
    defer_relation: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        # dbt writes the same thirty settings for nearly every node: a third of all memory, if each
        # had its own. Nobody may change one in place.
        if self.config:
            force_setattr(self, "config", _shared(_ENCODER.encode(self.config)))

    @property
    def depends_on_nodes(self) -> list[str]:
        return (self.depends_on or _NOTHING).nodes

    @property
    def depends_on_macros(self) -> list[str]:
        return (self.depends_on or _NOTHING).known_macros

    @property
    def meta(self) -> dict[str, Any]:
        """`meta` and `config.meta`, merged; `config.meta` wins."""
        return {**(self.raw_meta or {}), **(self.config.get("meta") or {})}

    @property
    def materialized(self) -> str:
        return str(self.config.get("materialized") or "")

    @property
    def contract_enforced(self) -> bool:
        return bool((self.config.get("contract") or {}).get("enforced"))

    @property
    def tested(self) -> str:
        """For a test: `unique_id` of what it tests (the first of several); else empty."""
        if self.resource_type not in ("test", "unit_test"):
            return ""
        parents = self.depends_on_nodes
        if self.attached_node or not parents:
            return self.attached_node or ""
        # dbt attaches no generic test to a source; `relationships` names its other side first.
        return parents[-1] if self.test_metadata else parents[0]

    @property
    def owner(self) -> str:
        """Who is named as its owner in meta (or in an exposure's `owner`); empty when nobody is."""
        return owner_text(self.meta.get("owner")) or owner_text(self.raw_owner)


class Source(Node, frozen=True, kw_only=True, dict=True):
    """A source table."""

    source_name: str = ""
    source_meta: dict[str, Any] | None = None
    source_description: str | None = None
    identifier: str = ""
    loader: str | None = None
    loaded_at_field: str | None = None
    freshness: dict[str, Any] | None = None
    quoting: dict[str, Any] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        # One name for one thing: a relation's name is `alias` for every node.
        force_setattr(self, "alias", self.identifier or self.name)

    @property
    def owner(self) -> str:
        owner = owner_text(self.meta.get("owner"))
        return owner or owner_text((self.source_meta or {}).get("owner"))


class UnitTest(Node, frozen=True, kw_only=True, dict=True):
    """A unit test; `tests` names the node it tests, as written."""

    tests: str = msgspec.field(name="model", default="")
    given: list[dict[str, Any]] = []
    expect: dict[str, Any] | None = None
    overrides: dict[str, Any] | None = None
    checksum: Any = None
    """Plain text, where every other node has a mapping."""
    tested_node_unique_id: str | None = None
    """Empty in some versions' manifests: ask `tested`."""

    @property
    def tested(self) -> str:
        return self.tested_node_unique_id or next(iter(self.depends_on_nodes), "")


class Macro(msgspec.Struct, frozen=True, kw_only=True):
    unique_id: str
    name: str
    package_name: str = ""
    original_file_path: str = ""
    macro_sql: str = ""
    depends_on: DependsOn | None = None
    raw_meta: dict[str, Any] | None = msgspec.field(name="meta", default=None)

    @property
    def depends_on_macros(self) -> list[str]:
        return (self.depends_on or _NOTHING).known_macros


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of nodes and who owns them."""

    unique_id: str
    name: str
    package_name: str = ""
    raw_owner: dict[str, Any] | None = msgspec.field(name="owner", default=None)

    @property
    def owner(self) -> str:
        return owner_text(self.raw_owner)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A dbt manifest. Dicts are keyed by `unique_id`."""

    metadata: Metadata
    nodes: dict[str, Node]
    """SQL and Python nodes, seeds, snapshots, analyses, singular and generic tests, operations."""
    sources: dict[str, Source] = {}
    exposures: dict[str, Node] = {}
    metrics: dict[str, Node] = {}
    semantic_nodes: dict[str, Node] = msgspec.field(name="semantic_models", default_factory=dict)
    saved_queries: dict[str, Node] = {}
    unit_tests: dict[str, UnitTest] = {}
    functions: dict[str, Node] = {}
    macros: dict[str, Macro] = {}
    groups: dict[str, Group] = {}
    disabled: dict[str, list[Node]] | None = {}
    parent_map: dict[str, list[str]] | None = {}
    child_map: dict[str, list[str]] | None = {}
    selectors: dict[str, Any] = {}

    @cached_property
    def all(self) -> dict[str, Node]:
        """Everything that can stand in the lineage, in dbt's order; macros and groups are not."""
        return {
            **self.nodes,
            **self.sources,
            **self.exposures,
            **self.metrics,
            **self.semantic_nodes,
            **self.saved_queries,
            **self.unit_tests,
            **self.functions,
        }

    def owner_of(self, unique_id: str) -> str:
        """The owner of a node: its own, its group's, else the owner of what it tests."""
        node = self.all.get(unique_id)
        if node is None:
            return ""
        group = self.groups.get(f"group.{node.package_name}.{node.group}") if node.group else None
        return (
            node.owner
            or (group.owner if group else "")
            or (self.owner_of(node.tested) if node.tested else "")
        )

    def tests_of(self, unique_id: str) -> tuple[str, ...]:
        """`unique_id`s of the data and unit tests that stand on a node, sorted."""
        children = (self.child_map or {}).get(unique_id, [])
        return tuple(sorted(uid for uid in children if uid.startswith(("test.", "unit_test."))))


def owner_text(value: object) -> str:
    """An owner as one string, whichever of dbt's habits wrote it (name, address, dict, list)."""
    if isinstance(value, dict):
        parts = [str(value[key]) for key in ("name", "email") if value.get(key)]
        return f"{parts[0]} <{parts[1]}>" if len(parts) == 2 else "".join(parts)
    if isinstance(value, list):
        return ", ".join(text for text in map(owner_text, value) if text)
    return str(value) if value else ""
