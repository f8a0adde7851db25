"""AP012: what the change does to the rows, by key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from agentic.checks.proof import base_built, built_before, change_built, red_before, workspace_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.exceptions import WarehouseError
from agentic.project import Node
from agentic.records import CheckResult, CodePage, Outcome, publish
from agentic.warehouse import Connection, Relation
from agentic.workspace import (
    GREEN,
    BuildOutcome,
    RelationDiff,
    clock_columns,
    diff_relations,
    key_of,
)

CODE, NAME = "AP012", "data diff"
_ROUNDING = 1e-9
_ORDER: tuple[Outcome, ...] = ("fail", "not_compared", "warn", "pass")
_VOLATILE = re.compile(
    r"\b(current_(timestamp|date|time)|localtimestamp|now|getdate|sysdate|today|random|uuid|"
    r"gen_random_uuid|run_started_at|invocation_id|generate_uuid)\b",
    re.I,
)

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Rows, keys and values of every built relation, before and after the change. `before` "
        "is what stands in the baseline's warehouse; where that differs, it is the code before the "
        "change, built on the same raw data.",
        why="Tests hold what somebody thought of; the difference shows everything else.",
        fix="`fail`: keys were lost, or values changed that should not have. `not_compared`: the "
        "code before the change cannot be built on today's raw data, so that a difference may come "
        "from the data; compare the counts in the table by eye.",
    )
)


class _Line(msgspec.Struct, frozen=True):
    """One relation's comparison."""

    uid: str
    result: Outcome
    why: str
    against: str = ""
    diff: RelationDiff | None = None

    def row(self, relation: Relation) -> dict[str, object]:
        diff = self.diff or RelationDiff(compared=False)
        shown = diff.compared
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


@check(CODE, NAME, order=12, builds=True)
def data_diff(subject: Subject) -> CheckResult:
    """Equal passes; lost keys fail; what cannot be compared says so."""
    built = change_built(subject)
    after = {
        uid: relation
        for uid, relation in built.relations.items()
        if uid in built.selected and built.results[uid].status in GREEN
    }
    if not after:
        return _result("not_compared", "no relation was built, so that there is none to compare")
    lines = {uid: line for uid, line in _against_baseline(subject, after) if line is not None}
    left = [uid for uid in after if uid not in lines or lines[uid].result != "pass"]
    if left:
        lines.update(_against_base(subject, built, after, left, lines))
    return _concluded(lines, after)


def _against_baseline(
    subject: Subject, after: dict[str, Relation]
) -> Iterator[tuple[str, _Line | None]]:
    """Against what stands in the warehouse: equal is equal, but a difference proves nothing yet."""
    with workspace_of(subject).connection() as connection:
        for uid, relation in after.items():
            old = subject.manifest.nodes.get(uid)
            if old is None:
                yield uid, _Line(uid, "pass", "new: there is no relation before")
                continue
            before = Relation.of_node(old)
            diff = _diff(connection, subject, uid, before, relation)
            if diff is None or not diff.compared:
                yield uid, None
            else:
                outcome: Outcome = "pass" if diff.equal else "not_compared"
                yield uid, _Line(uid, outcome, "" if diff.equal else "differs", str(before), diff)


def _against_base(
    subject: Subject,
    built: BuildOutcome,
    after: dict[str, Relation],
    left: list[str],
    lines: dict[str, _Line],
) -> dict[str, _Line]:
    """Against the code before the change on the same raw data, as far as that can be built."""
    why = _why_no_base(subject, left)
    base = None if why else base_built(subject, built.selected)
    if base is not None and not base.relations:
        why = f"the code before the change builds nothing on today's raw data: {_first(base)}"
    found: dict[str, _Line] = {}
    with workspace_of(subject).connection() as connection:
        for uid in left:
            before = base.relations.get(uid) if base else None
            green = base is not None and uid in base.results and base.results[uid].status in GREEN
            if before is not None and green and base is not None:
                sides = _Sides(uid, before, after[uid], base.notes)
                found[uid] = _judge(connection, subject, built, sides)
                continue
            reason = why or "the code before the change does not build it on today's raw data"
            known = lines.get(uid) or _Line(uid, "not_compared", "")
            found[uid] = msgspec.structs.replace(known, result="not_compared", why=reason)
    return found


class _Sides(msgspec.Struct, frozen=True):
    uid: str
    before: Relation
    after: Relation
    notes: dict[str, str]


def _why_no_base(subject: Subject, left: list[str]) -> str:
    """A build that is known to fail is not tried: it costs as much as one that works."""
    incident = subject.incident
    if incident is None or built_before(incident) or subject.proposal.rename_undone:
        return ""
    red = {*red_before(incident), *incident.skipped}
    below = {one for uid in red for one in subject.graph.descendants(uid)}
    if incident.kind == "parse_error" or not set(left) <= red | below:
        return ""
    return "the code before the change does not build on today's raw data: that is the incident"


def _judge(connection: Connection, subject: Subject, built: BuildOutcome, sides: _Sides) -> _Line:
    """Both sides stand on the same raw data: a difference is the change's doing."""
    uid = sides.uid
    against = "the code before the change"
    diff = _diff(connection, subject, uid, sides.before, sides.after)
    if diff is None or not diff.compared:
        why = diff.why if diff else "its rows cannot be read here"
        return _Line(uid, "not_compared", why, against)
    if diff.equal:
        return _Line(uid, "pass", "", against, diff)
    note = built.notes.get(uid) or sides.notes.get(uid)
    if note:
        return _Line(uid, "not_compared", note, against, diff)
    outcome, why = _verdict(connection, subject, built, sides, diff)
    return _Line(uid, outcome, why, against, diff)


def _verdict(
    connection: Connection,
    subject: Subject,
    built: BuildOutcome,
    sides: _Sides,
    diff: RelationDiff,
) -> tuple[Outcome, str]:
    if diff.keys_lost:
        return "fail", f"{diff.keys_lost} keys are lost"
    if diff.same_values:
        return "warn", "the columns differ, the values of the others do not"
    if _only_rounding(connection, sides, diff):
        return "warn", "differs only in the last digits of floating-point sums"
    if _repairs_rows(subject):
        return "warn", "its rows change, as a repair of wrong rows must"
    if _volatile(built, sides.uid) and not diff.only_left and not diff.only_right:
        return "warn", "its SQL reads the clock or a random value, so that each build differs"
    if diff.only_left or diff.only_right:
        return "fail", "rows differ, though the incident is not about wrong rows"
    return "fail", f"{diff.rows_changed} rows have other values: {', '.join(diff.changed)}"


def _only_rounding(connection: Connection, sides: _Sides, diff: RelationDiff) -> bool:
    if diff.by != "key" or diff.only_left or diff.only_right:
        return False
    near = diff_relations(connection, sides.before, sides.after, key=diff.key, tolerance=_ROUNDING)
    return near.same_values


def _repairs_rows(subject: Subject) -> bool:
    """The incident itself says that rows are wrong, and the proposal is not a mere rename."""
    return built_before(subject.incident) and not subject.proposal.rename_undone


def _volatile(built: BuildOutcome, uid: str) -> bool:
    """Whether the node, or one that was built before it, reads the clock or a random value."""
    nodes = built.manifest.nodes if built.manifest else {}
    parents = (built.manifest.parent_map or {}) if built.manifest else {}
    waiting, seen = [uid], {uid}
    while waiting:
        one = waiting.pop()
        node = nodes.get(one)
        if isinstance(node, Node) and _VOLATILE.search(node.raw_code):
            return True
        for parent in parents.get(one, []):
            if parent not in seen and parent in built.results:
                seen.add(parent)
                waiting.append(parent)
    return False


def _diff(
    connection: Connection, subject: Subject, uid: str, before: Relation, after: Relation
) -> RelationDiff | None:
    """None when a side cannot be read, as an old view over a column that has gone."""
    node = subject.manifest.nodes.get(uid)
    clock = clock_columns(node) if node else frozenset()
    try:
        names = [column.name for column in connection.columns(after) or ()] if clock else []
        columns = [name for name in names if name.lower() not in clock] or None
        key = key_of(uid, subject.manifest)
        return diff_relations(connection, before, after, key=key, columns=columns)
    except WarehouseError:
        return None


def _concluded(lines: dict[str, _Line], after: dict[str, Relation]) -> CheckResult:
    table = tuple(line.row(after[uid]) for uid, line in sorted(lines.items()))
    worst = min((line.result for line in lines.values()), key=_ORDER.index)
    if worst == "pass":
        return _result("pass", f"{len(table)} relations are equal before and after", table)
    worse = [line for line in lines.values() if line.result == worst]
    equal = sum(line.result == "pass" for line in lines.values())
    first = f"{after[worse[0].uid].identifier}: {worse[0].why}"
    rest = f" (and {len(worse) - 1} more)" if len(worse) > 1 else ""
    return _result(worst, f"{equal} of {len(table)} relations are equal; {first}{rest}", table)


def _first(base: BuildOutcome) -> str:
    messages = [base.error, *(one.message or "" for one in base.results.values())]
    text = next((message for message in messages if message.strip()), "nothing was selected")
    return text.strip().splitlines()[0]


def _result(result: Outcome, detail: str, table: tuple[dict[str, object], ...] = ()) -> CheckResult:
    return CheckResult(code=CODE, name=NAME, result=result, detail=detail, table=table)
