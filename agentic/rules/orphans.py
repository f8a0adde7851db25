"""AR043: a foreign key points at a parent that does not exist."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from agentic.rules.asking import rows_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, failed_tests, is_raw, parent_of, trail
from agentic.sql import quote

_LOAD = ("_loaded_at", "_ingested_at", "_synced", "_extracted_at", "_inserted_at", "loaded_at")
_LATE_FROM = timedelta(hours=6)
"""How much older than its child's a parent's newest load is, at least, to be called late."""
_LATE_TO = timedelta(hours=60)
"""From here on the parent has stopped: nothing tells that waiting helps."""


@rule(code="AR043", cls="orphan_keys", order=43)
def orphan_keys(case: Case) -> Steps[Diagnosis | None]:
    """A foreign key has no parent row.

    What it does:
        Follows both ends of a failed `relationships` test to the raw data, lists the keys without
        a parent, and compares them with the parents there are: keys above the greatest parent may
        be parents that come late, keys among them are wrong.

    Why:
        A late parent mends itself; a wrong key never does. An inner join hides both.

    Example:
        `raw.orders` has orders of customer 999, and `raw.customers` ends at 100.

    Fix:
        Late parents (their newest load is hours older than that of every row without one): wait
        for the next load and check again. Wrong keys: the owner decides.
    """
    for test in failed_tests(case, "relationships"):
        to = str(test.arguments.get("to") or "")
        parent = parent_of(case, test.test, to, test.node)
        field = str(test.arguments.get("field") or "")
        if not parent or not field or not test.columns:
            continue
        child_steps = yield from trail(case, test.node, test.columns[0])
        parent_steps = yield from trail(case, parent, field.lower())
        if child_steps and parent_steps:
            child, up = origin(child_steps), origin(parent_steps)
            found = yield from compared(case, test, child, up)
            if found is not None:
                return found
    return None


def origin(steps: list[Step]) -> Step:
    """The raw end of a trail, or its highest place."""
    raw = [step for step in steps if is_raw(step.node)]
    return raw[-1] if raw else steps[-1]


def compared(
    case: Case, test: FailedTest, child: Step, up: Step, *, confidence: float = 0.92
) -> Steps[Diagnosis | None]:
    """The finding for keys of one raw relation that another lacks; None when it lacks none."""
    sql = _orphan_sql(child, up, case.dialect)
    rows = yield from rows_of(f"{sql} order by 2 desc, 1 limit 5", max_rows=5)
    total = yield from rows_of(
        f"select count(*) as keys, sum(times) as orphans from ({sql}) as o",  # noqa: S608 -- quoted
        max_rows=1,
    )
    if not rows or not total or not total[0]["keys"]:
        return None
    keys, orphans = int(total[0]["keys"]), int(total[0]["orphans"] or 0)
    name, parents = case.node(child.node).name, case.node(up.node).name
    draft = Draft(case, child.node, child.column, f"{keys} keys without a parent in {parents}")
    draft.fact(
        f"{orphans} rows hold {keys} keys that {parents}.{up.column} does not have.",
        child.shape.relation,
        rows,
    )
    draft.fact(f"{test.test} found {test.failures} rows.", case.path(test.test))
    owner = case.owner(child.node) or f"the owner of {name}"
    summary = (
        f"{orphans} rows of {name} point at {keys} values of {child.column} that {parents} lacks."
    )
    late = yield from _late(case, child, up)
    if late is not None and _LATE_FROM <= late.gap <= _LATE_TO:
        return _wait(draft, summary, late, parents)
    stopped = ""
    if late is not None and late.gap > _LATE_TO:
        stopped = f" {parents} has had no load since {late.parent}: it may have stopped."
    return draft.escalate(
        summary,
        confidence=confidence,
        next_step=(
            f"Ask {owner}: do these parents come later, or are the keys wrong?{stopped} "
            "No row is left out and no parent is made up."
        ),
    )


class Late(msgspec.Struct, frozen=True):
    """Loads of a child's orphans and of its parent."""

    parent: datetime
    """The parent's newest load."""
    first: datetime
    """The oldest load of a row without a parent."""
    newest: datetime
    """The child's newest load."""

    @property
    def gap(self) -> timedelta:
        """How long after the parent's newest load the first orphan came."""
        return self.first - self.parent


def _wait(draft: Draft, summary: str, late: Late, parents: str) -> Diagnosis:
    again = late.newest + max(late.gap, timedelta(hours=1))
    draft.fact(
        f"Every row without a parent was loaded from {late.first} on; {parents} was last loaded at "
        f"{late.parent}.",
    )
    step = (
        f"Wait for the next load of {parents} and run the build again at {again:%Y-%m-%d %H:%M}; "
        f"if the parents are still missing then, ask the owner of {parents}. No row is left out."
    )
    finding = draft.finding(f"{summary} {parents} is late.", confidence=0.92, next_step=step)
    return Diagnosis(finding, "wait", finding.summary, rationale=step)


def _late(case: Case, child: Step, up: Step) -> Steps[Late | None]:
    """When both sides were loaded; None where one of them does not say."""
    fresh, old = _load_column(case, child), _load_column(case, up)
    if not fresh or not old:
        return None
    key, parent = quote(child.column, case.dialect), quote(up.column, case.dialect)
    at, was = quote(fresh, case.dialect), quote(old, case.dialect)
    known = f"select {parent} from {up.shape.relation} where {parent} is not null"  # noqa: S608 -- quoted
    rows = yield from rows_of(
        f"select (select max({was}) from {up.shape.relation}) as parent_load, "  # noqa: S608 -- quoted
        f"min(case when {key} not in ({known}) then {at} end) as first_load, "
        f"max({at}) as newest_load from {child.shape.relation}",
        max_rows=1,
    )
    moments = [_moment(value) for value in rows[0].values()] if rows else []
    if len(moments) != 3 or None in moments:
        return None
    first, second, third = (one for one in moments if one is not None)
    return Late(first, second, third)


def _load_column(case: Case, step: Step) -> str:
    declared = (getattr(case.node(step.node), "loaded_at_field", None) or "").lower()
    for key, column in step.shape.columns.items():
        if key == declared or key.endswith(_LOAD):
            return column.name
    return ""


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        return None


def _orphan_sql(child: Step, up: Step, dialect: str) -> str:
    key, parent = quote(child.column, dialect), quote(up.column, dialect)
    return (
        f"select c.{key} as orphan, count(*) as times from {child.shape.relation} as c "  # noqa: S608 -- quoted
        f"left join {up.shape.relation} as p on c.{key} = p.{parent} "
        f"where c.{key} is not null and p.{parent} is null group by c.{key}"
    )
