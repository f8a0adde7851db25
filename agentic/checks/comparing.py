"""How the rows of one relation, before and after a change, are compared and judged."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from agentic.checks.given_back import given_back
from agentic.checks.proof import built_before, workspace_of
from agentic.checks.subject import Subject
from agentic.checks.unreadable import became_null
from agentic.exceptions import WarehouseError
from agentic.records import Outcome
from agentic.warehouse import Connection, Relation
from agentic.workspace import (
    GREEN,
    BuildOutcome,
    RelationDiff,
    clock_columns,
    diff_relations,
    key_of,
)

_ROUNDING = 1e-9
_VOLATILE = re.compile(
    r"\b(current_(timestamp|date|time)|localtimestamp|now|getdate|sysdate|today|random|uuid|"
    r"gen_random_uuid|run_started_at|invocation_id|generate_uuid)\b",
    re.I,
)


class Line(msgspec.Struct, frozen=True):
    """One relation's comparison."""

    uid: str
    result: Outcome
    why: str
    against: str = ""
    diff: RelationDiff = RelationDiff(compared=False)

    def row(self, relation: Relation) -> dict[str, object]:
        """As the report's table shows it; what was not compared has no counts."""
        diff, shown = self.diff, self.diff.compared
        return {
            "relation": relation.identifier,
            "node": self.uid,
            "rows before": diff.rows_left if shown else None,
            "rows after": diff.rows_right if shown else None,
            "only before": diff.only_left if shown else None,
            "only after": diff.only_right if shown else None,
            "changed": diff.changed if shown else None,
            "key": ", ".join(diff.key),
            "result": self.result,
            "against": self.against,
            "why": self.why,
        }


class Comparison:
    """The relations that a change built, against one state before it after another."""

    def __init__(self, subject: Subject, built: BuildOutcome) -> None:
        self.subject = subject
        self.built = built
        self.after = {
            uid: relation
            for uid, relation in built.relations.items()
            if uid in built.selected and built.results[uid].status in GREEN
        }
        self.lines: dict[str, Line] = {}

    @property
    def new(self) -> list[str]:
        """Nodes that the change adds: nothing stood there before."""
        return [uid for uid in self.after if uid not in self.subject.manifest.nodes]

    @property
    def open(self) -> list[str]:
        """Nodes that nothing has been said about yet, or nothing that counts."""
        return [
            uid
            for uid in self.after
            if uid not in self.lines or self.lines[uid].result == "not_compared"
        ]

    def with_baseline(self) -> None:
        """What stands in the warehouse: equal is equal, but a difference proves nothing yet."""
        manifest = self.subject.manifest
        with workspace_of(self.subject).connection() as connection:
            for uid in self.after:
                old = manifest.nodes.get(uid)
                if old is None:
                    self.lines[uid] = Line(uid, "pass", "new: built, and nothing to compare with")
                    continue
                before = Relation.of_node(old)
                diff = self._diff(connection, uid, before)
                outcome: Outcome = "pass" if diff.equal else "not_compared"
                why = "" if diff.equal else (diff.why or "differs from what stands there")
                self.lines[uid] = Line(uid, outcome, why, str(before), diff)

    def with_build(
        self, base: BuildOutcome, uids: Iterable[str], *, label: str, certain: bool
    ) -> None:
        """Older code on the same raw data. `certain`: a difference is this change's alone."""
        with workspace_of(self.subject).connection() as connection:
            for uid in uids:
                before = base.relations.get(uid)
                if before is None or base.results[uid].status not in GREEN:
                    continue
                diff = self._diff(connection, uid, before)
                found = self._judge(connection, uid, base, before, diff)
                too_many = diff.keys_lost > self._losable
                if found.result == "fail" and not certain and not too_many:
                    found = msgspec.structs.replace(found, result="warn")
                self.lines[uid] = msgspec.structs.replace(found, against=label)

    def explain(self, uids: Iterable[str], why: str) -> None:
        """Say why nodes stay uncompared; the counts against the baseline are kept."""
        for uid in uids:
            line = self.lines[uid]
            self.lines[uid] = msgspec.structs.replace(line, result="not_compared", why=why)

    def _diff(self, connection: Connection, uid: str, before: Relation) -> RelationDiff:
        """Not compared when a side cannot be read, as an old view over a column that has gone."""
        manifest = self.subject.manifest
        node = manifest.nodes.get(uid)
        clock = clock_columns(node) if node else frozenset()
        after = self.after[uid]
        try:
            names = [column.name for column in connection.columns(after) or ()] if clock else []
            columns = [name for name in names if name.lower() not in clock] or None
            key = key_of(uid, manifest)
            return diff_relations(connection, before, after, key=key, columns=columns)
        except WarehouseError as error:
            first = error.message.strip().splitlines()[0]
            return RelationDiff(compared=False, why=f"{before} cannot be read: {first}")

    def _judge(
        self,
        connection: Connection,
        uid: str,
        base: BuildOutcome,
        before: Relation,
        diff: RelationDiff,
    ) -> Line:
        if not diff.compared:
            return Line(uid, "not_compared", diff.why)
        if diff.equal:
            return Line(uid, "pass", "", diff=diff)
        note = self.built.notes.get(uid) or base.notes.get(uid)
        if note:
            return Line(uid, "not_compared", note, diff=diff)
        outcome, why = self._verdict(connection, uid, base, before, diff)
        return Line(uid, outcome, why, diff=diff)

    def _verdict(
        self,
        connection: Connection,
        uid: str,
        base: BuildOutcome,
        before: Relation,
        diff: RelationDiff,
    ) -> tuple[Outcome, str]:
        if diff.keys_lost > self._losable:
            allowed = f"limits.rows_deleted allows {self._losable}" if self._losable else ""
            return "fail", "; ".join(filter(None, (f"{diff.keys_lost} keys are lost", allowed)))
        if diff.keys_lost and not diff.changed and not diff.only_right:
            return "warn", f"{diff.keys_lost} keys are lost, as limits.rows_deleted allows"
        if diff.same_values:
            return "warn", "the columns differ, the values of the others do not"
        if self._only_rounding(connection, uid, before, diff):
            return "warn", "differs only in the last digits of floating-point sums"
        if _repairs_rows(self.subject):
            return "warn", _why_rows_change(self.subject)
        rows_differ = bool(diff.only_left or diff.only_right)
        if not rows_differ and self._volatile(uid):
            return "warn", "its SQL reads the clock or a random value, so that each build differs"
        if not rows_differ:
            null = became_null(self.subject, connection, before, self.after[uid], diff)
            other = f"{diff.rows_changed} rows have other values: {', '.join(diff.changed)}"
            return ("warn", null) if null else ("fail", other)
        excused = given_back(self.subject, connection, uid, base.relations, self.after)
        plain = "rows differ, though the incident is not about wrong rows"
        return ("warn", excused) if excused else ("fail", plain)

    @property
    def _losable(self) -> int:
        """Keys that a change may take away."""
        rails = self.subject.guardrails
        return int(rails.limits.rows_deleted) if rails is not None else 0

    def _only_rounding(
        self, connection: Connection, uid: str, before: Relation, diff: RelationDiff
    ) -> bool:
        if diff.by != "key" or diff.only_left or diff.only_right:
            return False
        near = diff_relations(
            connection, before, self.after[uid], key=diff.key, tolerance=_ROUNDING
        )
        return near.same_values

    def _volatile(self, uid: str) -> bool:
        """Whether the node, or one that was built before it, reads the clock or a random value."""
        manifest = self.built.manifest
        nodes = manifest.nodes if manifest else {}
        parents = (manifest.parent_map or {}) if manifest else {}
        waiting, seen = [uid], {uid}
        while waiting:
            one = waiting.pop()
            if one in nodes and _VOLATILE.search(nodes[one].raw_code):
                return True
            near = [up for up in parents.get(one, []) if up not in seen]
            seen.update(near)
            waiting += [up for up in near if up in self.built.results]
        return False


def _why_rows_change(subject: Subject) -> str:
    if subject.incident is not None and subject.incident.kind == "request":
        return "its rows change: a person sees whether that was asked"
    return "its rows change, as a repair of wrong rows must"


def _repairs_rows(subject: Subject) -> bool:
    """The incident itself says that rows are wrong, and the proposal is not a mere rename."""
    return built_before(subject.incident) and not subject.proposal.rename_undone
