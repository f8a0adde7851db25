"""guardrails.yml as the warehouse's own grants, for a role that can do no more than the file says.

What the role may read is named relation by relation; what a column rule denies is left out by a
column grant where the warehouse has them, else the whole relation is. Masked columns are readable,
since builds copy them: agentic masks their values, unless `hide_masked` leaves them out too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from agentic.project import Manifest, Node
from agentic.records import CompiledGuardrails, Rule

_READ = ("source", "seed", "model", "snapshot")
_UPPER = frozenset({"snowflake"})
_LOWER = frozenset({"postgres", "redshift", "databricks"})
_PART = re.compile(r'"((?:[^"]|"")+)"|`([^`]+)`|([^.]+)')


class Readable(msgspec.Struct, frozen=True):
    """A relation that the role may read, in the warehouse's own spelling."""

    node: str
    """`unique_id`."""
    parts: tuple[str, ...]
    """Database (if any), schema, identifier."""
    kind: str
    """`table`, `view`, or another materialization of dbt's."""
    columns: tuple[str, ...] | None = None
    """The columns that may be read; None for all."""
    masked: tuple[str, ...] = ()
    """Readable columns whose values leave masked."""
    barred: tuple[str, ...] = ()
    """Known columns that may not be read."""

    @property
    def schema(self) -> tuple[str, ...]:
        return self.parts[:-1]


class LeftOut(msgspec.Struct, frozen=True):
    """A relation that the role may not read, and why."""

    node: str
    parts: tuple[str, ...]
    why: str


class Reading(msgspec.Struct, frozen=True):
    """Everything of the project, sorted by name, on one side or the other."""

    readable: tuple[Readable, ...]
    left_out: tuple[LeftOut, ...]


def reading_of(
    manifest: Manifest,
    guardrails: CompiledGuardrails,
    *,
    dialect: str,
    columns: Mapping[str, Iterable[str]],
    column_grants: bool,
    hide_masked: bool = False,
) -> Reading:
    """What the guardrails let a role read. `columns`: the real columns of relations, by
    `unique_id`, as far as they are known; without them documented columns are taken."""
    readable: list[Readable] = []
    left_out: list[LeftOut] = []
    for uid, node in sorted(manifest.all.items()):
        if node.resource_type not in _READ or not node.schema or _ephemeral(node):
            continue
        parts = parts_of(node, dialect)
        rule = _denied(uid, parts, guardrails.read_deny)
        if rule is not None:
            left_out.append(LeftOut(uid, parts, f"read.deny: {rule.text}"))
            continue
        if "*" in parts[-1]:
            left_out.append(LeftOut(uid, parts, "a wildcard over tables is no table to grant"))
            continue
        known = list(columns.get(uid, ())) or [one.name for one in node.columns.values()]
        one = _columns(uid, parts, node, known, guardrails, hide_masked)
        if one.columns is not None and (not column_grants or not one.columns):
            why = "a column of it is denied, and " + (
                "no other is known" if column_grants else f"{dialect} grants whole relations"
            )
            left_out.append(LeftOut(uid, parts, why))
        else:
            readable.append(one)
    return Reading(
        tuple(sorted(readable, key=lambda one: one.parts)),
        tuple(sorted(left_out, key=lambda one: one.parts)),
    )


def parts_of(node: Node, dialect: str) -> tuple[str, ...]:
    """A relation's name as the warehouse keeps it: what dbt does not quote, the warehouse folds."""
    written = [
        (quoted or ticked, bool(quoted or ticked)) if quoted or ticked else (bare, False)
        for quoted, ticked, bare in _PART.findall(node.relation_name or "")
    ]
    if len(written) < 2:
        names = (node.database, node.schema, node.alias or node.name)
        return tuple(name for name in names if name)
    return tuple(
        part
        for name, quoted in written
        for part in ([name.replace('""', '"')] if quoted else [_fold(name, dialect)])
    )


def _fold(name: str, dialect: str) -> str:
    if dialect in _UPPER:
        return name.upper()
    return name.lower() if dialect in _LOWER else name


def _ephemeral(node: Node) -> bool:
    return node.config.get("materialized") == "ephemeral"


def _denied(uid: str, parts: tuple[str, ...], rules: Iterable[Rule]) -> Rule | None:
    """By name too: two nodes may stand for one table."""
    return next((rule for rule in rules if _concerns(rule, uid, parts)), None)


def _concerns(rule: Rule, uid: str, parts: tuple[str, ...]) -> bool:
    return uid in rule.nodes or any(names(parts, one) for one in rule.relations)


def names(parts: tuple[str, ...], pattern: str) -> bool:
    """Whether a dotted pattern names this relation or column: its last parts, case ignored."""
    wanted = pattern.lower().split(".")
    pairs = zip(reversed([part.lower() for part in parts]), reversed(wanted), strict=False)
    return len(wanted) <= len(parts) and all(fnmatchcase(own, want) for own, want in pairs)


def _columns(
    uid: str,
    parts: tuple[str, ...],
    node: Node,
    known: list[str],
    guardrails: CompiledGuardrails,
    hide_masked: bool,
) -> Readable:
    denied = [text for rule in guardrails.read_deny for text in rule.columns]
    masks = [text for rule in guardrails.read_mask for text in rule.columns]
    masked_whole = any(_concerns(rule, uid, parts) for rule in guardrails.read_mask)
    if hide_masked:
        denied, masks = denied + masks, []
    barred = [name for name in known if any(names((*parts, name), text) for text in denied)]
    # A rule may name a column that is not known to be there: then only what is known is granted.
    concerned = bool(barred) or any(_may_name(parts, text) for text in denied)
    allowed = None
    if concerned:
        allowed = tuple(name for name in known if name not in barred)
    if hide_masked and masked_whole:
        allowed = ()
    masked = tuple(
        name for name in known if masked_whole or any(names((*parts, name), text) for text in masks)
    )
    if masked_whole and not known:
        masked = ("*",)
    kind = str(node.config.get("materialized") or "table")
    kept = () if hide_masked else tuple(name for name in masked if name not in barred)
    return Readable(uid, parts, kind, allowed, kept, tuple(barred))


def _may_name(parts: tuple[str, ...], pattern: str) -> bool:
    relation, dot, _ = pattern.rpartition(".")
    return bool(dot) and names(parts, relation)
