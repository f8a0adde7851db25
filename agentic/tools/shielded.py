"""Which columns of a relation may give counts alone."""

from __future__ import annotations

from collections.abc import Iterable

from agentic.policy import World
from agentic.policy.world import matches


def hidden_columns(world: World, relation: str, columns: Iterable[str]) -> frozenset[str] | None:
    """Columns of `schema.table` whose values may not be kept or shown; None: it may not be read.

    A column that is named like a protected one elsewhere counts as a copy of it.
    """
    key = relation.lower()
    if world.denied(key):
        return None
    rules = (*world.columns_deny, *world.columns_mask, *world.pii_columns)
    whole = matches(key, world.read_mask)
    return frozenset(
        name
        for name in columns
        if whole or name.lower() in world.protected_names or _named(key, name, rules)
    )


def masked_columns(world: World, relation: str, columns: Iterable[str]) -> frozenset[str]:
    """Columns of which the policy masks counts as well: nothing of them can be asked."""
    key = relation.lower()
    whole = matches(key, world.read_mask)
    return frozenset(name for name in columns if whole or _named(key, name, world.columns_mask))


def _named(key: str, column: str, patterns: Iterable[str]) -> bool:
    """A dot in a name would be one part more, which no `*` covers: it is tried both ways."""
    names = {column.lower(), column.lower().replace(".", "_")}
    return any(matches(f"{key}.{name}", patterns) for name in names)
