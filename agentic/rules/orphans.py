"""AR043: a foreign key points at a parent that does not exist."""

from __future__ import annotations

import re

from agentic.rules.asking import rows_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.registry import rule
from agentic.rules.trail import FailedTest, Step, failed_tests, is_raw, trail
from agentic.sql import quote

_TO = re.compile(r"ref\(\s*['\"]([^'\"]+)['\"]|source\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)")


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
        Late parents: wait for the next load and check again. Wrong keys: the owner decides.
    """
    for test in failed_tests(case, "relationships"):
        parent = _parent(case, test)
        field = str(test.arguments.get("field") or "")
        if not parent or not field or not test.columns:
            continue
        child_steps = yield from trail(case, test.node, test.columns[0])
        parent_steps = yield from trail(case, parent, field.lower())
        if child_steps and parent_steps:
            child, up = _origin(child_steps), _origin(parent_steps)
            found = yield from _compared(case, test, child, up)
            if found is not None:
                return found
    return None


def _parent(case: Case, test: FailedTest) -> str:
    found = _TO.search(str(test.arguments.get("to") or ""))
    if found is None:
        return ""
    name = found[1] or found[3]
    above = case.graph.parents(test.test)
    return next((uid for uid in above if uid != test.node and case.node(uid).name == name), "")


def _origin(steps: list[Step]) -> Step:
    """The raw end of a trail, or its highest place."""
    raw = [step for step in steps if is_raw(step.node)]
    return raw[-1] if raw else steps[-1]


def _compared(case: Case, test: FailedTest, child: Step, up: Step) -> Steps[Diagnosis | None]:
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
    return draft.escalate(
        f"{orphans} rows of {name} point at {keys} values of {child.column} that {parents} lacks.",
        confidence=0.92,
        next_step=(
            f"Ask {owner}: do these parents come later, or are the keys wrong? "
            "No row is left out and no parent is made up."
        ),
    )


def _orphan_sql(child: Step, up: Step, dialect: str) -> str:
    key, parent = quote(child.column, dialect), quote(up.column, dialect)
    return (
        f"select c.{key} as orphan, count(*) as times from {child.shape.relation} as c "  # noqa: S608 -- quoted
        f"left join {up.shape.relation} as p on c.{key} = p.{parent} "
        f"where c.{key} is not null and p.{parent} is null group by c.{key}"
    )
