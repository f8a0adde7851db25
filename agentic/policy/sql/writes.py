"""Judges what a statement writes: where, and how destructively."""

from __future__ import annotations

import msgspec

from agentic.policy.world import Lens
from agentic.records import Verdict
from agentic.sql.effects import Facts, Statement
from agentic.sql.effects_writes import Effects, Write
from agentic.sql.tables import PII, Name, Refusal, RelationName

_FREE = frozenset({"create", "insert"})
_KINDS = frozenset({"TABLE", "VIEW", "TEMPORARY"})
_READS = frozenset({"Describe", "Summarize"})


class Decided(msgspec.Struct):
    """The verdict on the writes, if nothing refuses them."""

    verdict: Verdict = "allow"
    code: str = "OK_READ"
    reason: str = "It reads what may be read."
    refusals: list[Refusal] = []


def judge_writes(
    statement: Statement, facts: Facts, effects: Effects, lens: Lens, role: str
) -> Decided:
    """Judge every target of a statement."""
    if not effects.writes and statement.root not in ("Create", "Drop", "Alter", "TruncateTable"):
        return Decided()
    decided = Decided("allow", "OK_DEV_WRITE", "It builds in a build schema.")
    decided.refusals.extend(_shape(statement, facts, effects))
    if lens.dialect == "clickhouse" and "MaterializedProperty" in facts.classes:
        decided.refusals.extend(_pushes(effects, lens))
    for write in effects.writes:
        refusal = _target(write, lens, role, statement)
        if refusal is not None:
            decided.refusals.append(refusal)
        elif write.action not in _FREE:
            decided.verdict, decided.code = "ask", "DESTRUCTIVE_IN_SCOPE"
            decided.reason = f"{write.action.capitalize()} in a build schema needs approval."
    if decided.verdict == "allow" and _stores_protected(effects):
        decided.verdict, decided.code = "ask", "PII_COPY"
        decided.reason = "It copies protected values into a build schema, which needs approval."
    return decided


def _stores_protected(effects: Effects) -> bool:
    label = effects.stored.rest or 0
    for _, one in effects.stored.pairs:
        label |= one
    return bool(label & PII)


def _target(write: Write, lens: Lens, role: str, statement: Statement) -> Refusal | None:
    refusal = lens.writable(write.target)
    hidden = write.nested or (statement.root in ("Select", "Union", "Subquery"))
    if role == "reader":
        if hidden:
            return Refusal(
                "HIDDEN_WRITE", f"it looks like a read and would {write.action} {write.target.text}"
            )
        return refusal or Refusal("ROLE_READ_ONLY", f"a reader may not {write.action}")
    return refusal


def _shape(statement: Statement, facts: Facts, effects: Effects) -> list[Refusal]:
    """Forms that are denied wherever they point."""
    found = []
    used = facts.arguments
    if ("Drop", "cascade") in used or ("Alter", "cascade") in used or _cascades(statement):
        found.append(Refusal("CASCADE", "CASCADE also removes what depends on it"))
    kinds = {write.kind for write in effects.writes if write.action in ("drop", "alter", "create")}
    for kind in kinds - _KINDS:
        found.append(_kind(kind))
    if statement.root == "Create" and not effects.writes:
        found.append(_kind(str(statement.tree.args.get("kind") or "").upper()))
    if statement.root == "Alter":
        found.extend(_actions(facts))
    return found


def _pushes(effects: Effects, lens: Lens) -> list[Refusal]:
    # ClickHouse's materialized views run on every insert into the relation that they read.
    outside = [
        name
        for name in effects.reads
        if not lens.in_build(RelationName(Name(name.split(".")[-1]), Name(name.split(".")[-2])))
    ]
    if not outside:
        return []
    return [Refusal("CODE_DEFINITION", f"the view would run on every insert into {outside[0]}")]


def _cascades(statement: Statement) -> bool:
    option = statement.tree.args.get("option")
    return statement.root == "TruncateTable" and str(option or "").upper() == "CASCADE"


def _kind(kind: str) -> Refusal:
    if kind in ("SCHEMA", "DATABASE", "CATALOG", "NAMESPACE"):
        return Refusal("WRITE_OUT_OF_SCOPE", "schemas and databases are not an agent's to change")
    if kind in ("INDEX", "STATISTICS", ""):
        return Refusal("UNSUPPORTED_STATEMENT", "only tables and views may be made")
    if kind in ("ROLE", "USER", "POLICY"):
        return Refusal("PRIVILEGE_CHANGE", "it changes who may do what")
    if kind in ("STAGE", "FOREIGN TABLE", "EXTERNAL TABLE"):
        return Refusal("EXTERNAL_IO", f"a {kind.lower()} reaches outside the warehouse")
    return Refusal("CODE_DEFINITION", f"{kind} is not a table or a view")


_ACTIONS = frozenset(
    [
        "ColumnDef",
        "Delete",
        "Drop",
        "AlterColumn",
        "AlterRename",
        "RenameColumn",
        "AddConstraint",
        "SwapTable",
        "ModifyColumn",
        "Add",
        "DropPrimaryKey",
    ]
)


def _actions(facts: Facts) -> list[Refusal]:
    found = []
    for setting in facts.settings:
        kind, _, name = setting.partition(":")
        if kind == "action" and name not in _ACTIONS:
            found.append(Refusal("UNSUPPORTED_STATEMENT", f"ALTER with {name} is not on the list"))
    return found
