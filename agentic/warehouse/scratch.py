"""Databases made for a while on a server, each under a name that says who made it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol

from agentic.exceptions import WarehouseError
from agentic.project import Target
from agentic.warehouse.relation import Relation

_DRIVERS = {"postgres": "agentic.warehouse.postgres_scratch"}


class Scratch(Protocol):
    """A session with a target's server. It reads the target's database and writes others only."""

    role: str
    """Who is connected, after `set role`."""

    def may_create(self) -> bool:
        """True when the role may create databases."""

    def create(self, name: str, *, template: str = "") -> None:
        """Create a database: an empty one, or a copy of another that nobody is connected to."""

    def drop(self, name: str) -> None:
        """Drop a database and end its sessions; no error when there is none."""

    def databases(self, prefix: str) -> tuple[str, ...]:
        """The role's own databases whose names start so."""

    def size(self, relations: Iterable[Relation]) -> int:
        """Bytes that relations of the target's database hold, as far as they exist."""

    def copy_into(self, name: str, relations: Iterable[Relation]) -> tuple[Relation, ...]:
        """Copy relations of the target's database into another, as tables; returns the copied.

        One read-only snapshot. Not null, primary keys and unique constraints come along.
        """

    def __enter__(self) -> Scratch: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_scratch(target: Target) -> Scratch:
    """Connect to a target's server. Raises WarehouseError."""
    if target.adapter not in _DRIVERS:
        raise WarehouseError(f"not built yet: a scratch database on {target.adapter}")
    if target.unresolved:
        names = ", ".join(target.unresolved)
        raise WarehouseError(
            f"target {target.name!r} needs {names}, which is not set",
            hint=f"Set {names} in the environment.",
        )
    try:
        driver = importlib.import_module(_DRIVERS[target.adapter])
    except ImportError as error:
        raise WarehouseError(
            "psycopg is not installed beside agentic",
            hint="Install it: `pip install 'dbt-agentic[postgres]'`.",
        ) from error
    opened: Scratch = driver.connect(target)
    return opened
