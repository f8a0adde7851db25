"""The policy's world, from the manifest and the compiled guardrails."""

from __future__ import annotations

from collections.abc import Iterable

from agentic.policy import World
from agentic.project import Manifest, Target
from agentic.records import CompiledGuardrails, Rule

_RELATIONS = ("source.", "seed.", "model.", "snapshot.")


def world_of(manifest: Manifest, guardrails: CompiledGuardrails, target: Target) -> World:
    """What a statement may read: the project's relations less what `read` takes away.

    Columns are not listed, since documented columns are rarely all; the policy then takes every
    column as possible and a star over a relation with protected columns as protected.
    """
    return World(
        relations={
            f"{node.schema}.{node.alias}": ()
            for uid, node in manifest.all.items()
            if uid.startswith(_RELATIONS) and node.schema and node.alias
        },
        default_schema=target.schema,
        default_database=target.database or "",
        read_deny=_relations(manifest, guardrails.read_deny),
        read_mask=_relations(manifest, guardrails.read_mask),
        change_deny=_relations(manifest, guardrails.change_deny),
        columns_deny=_columns(guardrails.read_deny),
        columns_mask=(*_columns(guardrails.read_mask), *_masked_whole(manifest, guardrails)),
        build_schemas=guardrails.build_schemas,
        pii_columns=tuple(_pii(manifest, guardrails)),
    )


def _relations(manifest: Manifest, rules: Iterable[Rule]) -> tuple[str, ...]:
    found: list[str] = []
    for rule in rules:
        found += [pattern for pattern in rule.relations if pattern.count(".") >= 1]
        found += [
            f"{node.schema}.{node.alias}"
            for node in (manifest.all.get(uid) for uid in rule.nodes)
            if node is not None and node.schema
        ]
    return tuple(dict.fromkeys(found))


def _columns(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for rule in rules for column in rule.columns))


def _masked_whole(manifest: Manifest, guardrails: CompiledGuardrails) -> Iterable[str]:
    """Marked columns of relations that a rule masks as a whole: readable, and masked."""
    hidden = {uid for rule in guardrails.read_mask for uid in rule.nodes}
    marked = (name.rpartition(".") for name in guardrails.pii_columns)
    for uid, _, column in marked:
        if uid in hidden:
            node = manifest.all[uid]
            yield f"{node.schema}.{node.alias}.{column}"


def _pii(manifest: Manifest, guardrails: CompiledGuardrails) -> Iterable[str]:
    for name in guardrails.pii_columns:
        uid, _, column = name.rpartition(".")
        node = manifest.all.get(uid)
        if node is not None and node.schema:
            yield f"{node.schema}.{node.alias}.{column}"
