"""How Jinja names a node, as `agentic.sql.rewrite` writes it."""

from __future__ import annotations

from agentic.rules.case import Case


def markers_of(case: Case, uid: str) -> tuple[str, ...]:
    """`source('shop','orders')` for a source, `ref('orders')` for anything else."""
    name = case.node(uid).name
    if uid.startswith("source."):
        return (f"source({uid.split('.')[2]!r},{name!r})",)
    return (f"ref({name!r})",)
