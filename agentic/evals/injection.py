"""What an injection works on, what it leaves behind, and the registry of fault classes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from agentic.evals.needs import NEEDS
from agentic.exceptions import AgenticError, WarehouseError
from agentic.project import Manifest, Node, Project, Source
from agentic.records import CodePage, DecisionKind, publish
from agentic.sql import exp, quote, relation_sql
from agentic.warehouse import Column, Connection, Relation

Layer = Literal["raw", "code"]
Choice = TypeVar("Choice")


class NoPlace(AgenticError):
    """This project has no place where the fault class could happen."""

    code = "AC595"


class Refused(NoPlace):
    """The warehouse itself keeps the fault out of the place that was chosen."""


publish(
    CodePage(
        code=NoPlace.code,
        name="no-place-for-fault",
        what="The project has no place where the fault could happen, or the class is unknown.",
        fix="Choose another class; `python -m agentic.evals.demo --list` shows them.",
    )
)


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that was put in, and the right answer to it."""

    cls: str
    layer: Layer
    node: str
    """`unique_id` of the root cause: the source for raw faults, the edited node for code faults."""
    column: str | None = None
    """The name that the project expects."""
    observed: str | None = None
    """What is there now."""
    expected_decision: DecisionKind
    detail: str
    """One sentence for people."""
    paths: tuple[str, ...] = ()
    """Files that were edited, relative to the project."""
    command: tuple[str, ...] = ("build",)
    """The dbt command that notices it."""
    also_decisions: tuple[DecisionKind, ...] = ()
    """Right as well, where the class leaves it to what the project says."""
    also_nodes: tuple[str, ...] = ()
    """Names of the same root cause: the file of a YAML fault, or the nodes that it describes."""
    also_classes: tuple[str, ...] = ()
    same_outputs: bool = True
    """A fix must give every node the rows that it had before."""
    others: tuple[Injected, ...] = ()
    """Faults put in at the same time, each an incident of its own."""
    most_runs: int = 0
    """How many incidents may come of it; 0: not counted."""

    @property
    def decisions(self) -> tuple[DecisionKind, ...]:
        """Every right decision."""
        return (self.expected_decision, *self.also_decisions)


class Places(msgspec.Struct, frozen=True):
    """Where a fault may be put."""

    fresh: frozenset[str] | None = None
    """Sources whose freshness passed; None: it was not asked."""
    only: frozenset[str] | None = None
    """None: anywhere."""

    def __contains__(self, unique_id: str) -> bool:
        return self.only is None or unique_id in self.only


class Scene:
    """A project at rest, with everything an injection needs to choose a place and change it."""

    def __init__(
        self,
        project: Project,
        manifest: Manifest,
        *,
        connection: Connection | None = None,
        seed: int = 0,
        within: Places | None = None,
    ) -> None:
        self.project = project
        self.manifest = manifest
        self.seed = seed
        self.within = within or Places()
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """A writable connection. Raises NoPlace when the scene has none."""
        if self._connection is None:
            raise NoPlace("raw faults need a connection to the warehouse")
        return self._connection

    def choose(self, fault: str, options: Sequence[Choice]) -> Choice:
        """One of the options, the same for the same seed. Raises NoPlace when there is none."""
        if not options:
            raise NoPlace(
                f"{fault} needs {NEEDS.get(fault, 'a place')}: {self.project.name!r} has none",
                hint="`--list` shows the classes; another class may fit this project.",
            )
        return random.Random(f"{fault}:{self.seed}").choice(options)  # noqa: S311 - not a secret

    def columns(self, source: Node) -> tuple[Column, ...]:
        """The real columns of a relation; none when it does not exist."""
        return self.connection.columns(Relation.of_node(source)) or ()

    def change(self, source: Node, template: str, *, column: str = "", **parts: object) -> None:
        """Run one statement on a source's table: `{table}` and `{column}` are filled in quoted.

        `parts` fill the other places: expressions and numbers made here, never outside text.
        """
        dialect = self.connection.dialect
        table = relation_sql([source.schema, source.alias], dialect)
        named = {"table": table, "column": quote(column, dialect) if column else "", **parts}
        try:
            self.connection.execute(template.format(**named))
        except WarehouseError as error:
            said = error.message.splitlines()[0]
            raise Refused(
                f"the warehouse does not let it happen to {source.name!r}: {said}",
                hint="A constraint that the warehouse itself enforces keeps such rows out.",
            ) from error

    def quoted(self, name: str) -> str:
        """A quoted identifier."""
        return quote(name, self.connection.dialect)

    def literal(self, value: str) -> str:
        """A text literal."""
        return exp.Literal.string(value).sql(dialect=self.connection.dialect)

    def children(self, unique_id: str) -> list[Node]:
        """Nodes of this project that read from a node and hold SQL, in order."""
        found = (self.manifest.child_map or {}).get(unique_id, [])
        nodes = [self.manifest.nodes[uid] for uid in found if uid in self.manifest.nodes]
        wanted = [n for n in nodes if n.resource_type in ("model", "snapshot") and self.is_own(n)]
        return sorted(wanted, key=lambda node: node.unique_id)

    def is_own(self, node: Node) -> bool:
        """True for a node of the project itself, not of an installed package."""
        return node.package_name == self.project.name

    def is_open(self, node: Node) -> bool:
        """True for an own node where a fault may be put."""
        return self.is_own(node) and node.unique_id in self.within

    @property
    def sources(self) -> list[Source]:
        """Sources of the project that something reads, in order."""
        ordered = sorted(self.manifest.sources.values(), key=lambda source: source.unique_id)
        return [one for one in ordered if self.is_open(one) and self.children(one.unique_id)]

    @property
    def seeds(self) -> list[Node]:
        """Seeds of the project that something reads, in order."""
        ordered = sorted(self.manifest.nodes.values(), key=lambda node: node.unique_id)
        seeds = [one for one in ordered if one.resource_type == "seed" and self.is_open(one)]
        return [one for one in seeds if self.children(one.unique_id)]

    def own_nodes(self) -> list[Node]:
        """SQL nodes of the project, in order."""
        nodes = sorted(self.manifest.nodes.values(), key=lambda node: node.unique_id)
        kinds = ("model", "snapshot")
        return [
            n for n in nodes if n.resource_type in kinds and n.language == "sql" and self.is_open(n)
        ]

    def file(self, node: Node) -> Path:
        """Where a node's text is."""
        return self.project.root / node.original_file_path


Injector = Callable[[Scene], Injected]


class FaultClass(msgspec.Struct, frozen=True):
    """One class that can be injected."""

    cls: str
    layer: Layer
    what: str
    """One line for `--list`: the injector's docstring."""
    inject: Injector


_CLASSES: dict[str, FaultClass] = {}


def fault(cls: str, *, layer: Layer) -> Callable[[Injector], Injector]:
    """Register an injector; the function is returned unchanged."""

    def register(function: Injector) -> Injector:
        if cls in _CLASSES:
            raise ValueError(f"fault class {cls!r} is registered twice")
        what = (function.__doc__ or "").strip().splitlines()[0]
        _CLASSES[cls] = FaultClass(cls, layer, what, function)
        return function

    return register


def fault_classes() -> dict[str, FaultClass]:
    """Every class that can be injected, by name."""
    return dict(sorted(_CLASSES.items()))
