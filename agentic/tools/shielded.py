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
        if whole
        or name.lower() in world.protected_names
        or matches(f"{key}.{name.lower()}", rules)
        # A dot in a name would otherwise be taken for one more part, which no `*` covers.
        or ("." in name and matches(f"{key}.{name.lower().replace('.', '_')}", rules))
    )
