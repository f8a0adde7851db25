"""Missing tests: keys and relationships that today's rows uphold, and that nothing guards yet."""

from __future__ import annotations

import re
from typing import Any

from agentic.lineage import ColumnLineage
from agentic.rules.asking import Shape, rows_of
from agentic.rules.case import Case, Steps
from agentic.rules.role_docs import propose_documentation, told_of_documentation
from agentic.rules.role_work import (
    ROOTS,
    Done,
    Wish,
    asked_about,
    counted,
    label,
    live_shapes,
    not_looked_at,
    own_nodes,
    report,
    seen_at,
    traced,
    unlooked,
    write,
)
from agentic.rules.routines import routine
from agentic.rules.yaml_added import Said
from agentic.sql import quote

_KEY = re.compile(r"^(?:id|.+_id|.+_key|.+_sk|.+_uuid)$")
_PREFIX = re.compile(r"^(?:stg|staging|base|int|intermediate|fct|fact|dim|raw|src|mart)_+")
LOOK_AGAIN = "Build what was not looked at, or let the agent read it; then ask again."
CALLS_KEPT = 14
"""Of a run's calls, for files, edits and the report."""


class Found:
    """What was looked at, and what the rows said."""

    def __init__(self) -> None:
        self.wishes: dict[str, Wish] = {}
        self.broken: list[tuple[str, str]] = []
        """(`node.column`, what today's rows say): no test is proposed there."""
        self.keys: dict[str, str] = {}
        """Node -> its key, where rows or a test say that it is one."""
        self.unseen: list[str] = []
        """Nodes and `node.column`s that no row told anything of."""

    def want(self, uid: str, column: str, test: str) -> None:
        wish = self.wishes.setdefault(uid, Wish(uid, why="tests that today's rows pass"))
        for at, said in enumerate(wish.said):
            if said.column == column:
                wish.said[at] = Said(column, tests=(*said.tests, test))
                return
        wish.said.append(Said(column, tests=(test,)))


@routine("quality", order=50)
def add_missing_tests(case: Case) -> Steps[None]:
    """Propose `unique`, `not_null` and `relationships` where keys have none and the rows hold."""
    nodes = own_nodes(case, "model.")  # a snapshot holds every version of a row
    shapes = yield from live_shapes(nodes)
    found = Found()
    tests = tests_of(case)
    wanted = asked_about(case, nodes)
    asked = [uid for uid in wanted if uid in shapes]
    found.unseen += unlooked(case, wanted, shapes)
    _known_keys(case, found, tests)
    calls = yield from _keys(case, found, shapes, asked, tests)
    roots = yield from live_shapes(own_nodes(case, *ROOTS))
    guarded = _Guarded(traced(case, roots), tests)
    yield from _relations(case, found, shapes, asked, (guarded, calls))
    done = yield from write(case, list(found.wishes.values()))
    if done.written:
        yield from _proposed(found, done)
        return
    if found.broken or done.refused:
        yield from report(
            decision="escalate",
            title="keys do not hold today",
            rationale=_broken(found, done),
            said=None,
            step="Find the rows that break the key, and their owner; then add the test.",
        )
        return
    yield from _nothing_missing(case, not_looked_at(found.unseen))


def _nothing_missing(case: Case, unseen: str) -> Steps[None]:
    """No test to propose: descriptions, if any are missing. What was not looked at is for a
    person."""
    documented, origins = yield from propose_documentation(case)
    text = "every key that could be recognised is tested, and every relationship that holds."
    text = f"Where it could be looked at, {text} {unseen}" if unseen else f"E{text[1:]}"
    if not documented.written:
        yield from report(
            decision="escalate" if unseen else "no_change",
            title="not every key could be looked at" if unseen else "no test is missing",
            rationale=text,
            said=None,
            step=LOOK_AGAIN if unseen else "",
        )
        return
    yield from report(
        decision="fix",
        title=f"docs({label(documented.written[0].node)}): describe columns as their parents do",
        rationale=f"{text} {told_of_documentation(documented, origins)} {documented.rest()}",
        said=None,
    )


class _Guarded:
    """Columns with a relationships test, and what is passed on from them: one test near the source
    says more than five below it."""

    def __init__(self, lineage: ColumnLineage, tests: dict[str, dict[str, set[str]]]) -> None:
        self.lineage = lineage
        self.known = {
            (uid, column)
            for uid, columns in tests.items()
            for column, names in columns.items()
            if "relationships" in names
        }

    def holds(self, uid: str, column: str) -> bool:
        """Whether the column, or one that it is, is guarded."""
        waiting, seen = [(uid, column.lower())], set()
        while waiting:
            at = waiting.pop()
            if at in self.known:
                return True
            seen.add(at)
            for edge in self.lineage.upstream(*at):
                key = (edge.node, edge.column.lower())
                if edge.kind in ("unchanged", "renamed") and key not in seen:
                    waiting.append(key)
        return False


def tests_of(case: Case) -> dict[str, dict[str, set[str]]]:
    """Node -> lower-case column (empty: of the whole node) -> names of its generic tests."""
    found: dict[str, dict[str, set[str]]] = {}
    for uid, node in case.manifest.nodes.items():
        known = node.test_metadata
        if not uid.startswith("test.") or not known or not node.attached_node:
            continue
        column = (node.column_name or "").strip('"`').lower()
        name = str(getattr(known, "name", "") or "")
        found.setdefault(node.attached_node, {}).setdefault(column, set()).add(name)
    return found


def _known_keys(case: Case, found: Found, tests: dict[str, dict[str, set[str]]]) -> None:
    for uid, columns in tests.items():
        for column, names in columns.items():
            if column and "unique" in names and uid in case.manifest.all:
                found.keys.setdefault(uid, column)


def _keys(
    case: Case,
    found: Found,
    shapes: dict[str, Shape],
    asked: list[str],
    tests: dict[str, dict[str, set[str]]],
) -> Steps[int]:
    """Ask the rows of each likely key that lacks a test; returns how many calls that took."""
    calls = 0
    for uid in asked:
        known = tests.get(uid, {})
        grain_said = "" in known or any("unique" in names for names in known.values())
        column = found.keys.get(uid) or ("" if grain_said else likely_key(case, uid, shapes[uid]))
        missing = [one for one in ("unique", "not_null") if one not in known.get(column, set())]
        if not column or not missing:
            continue
        if calls >= case.calls - CALLS_KEPT or len(found.wishes) > case.nodes_changed:
            found.unseen.append(uid)
            continue
        calls += 1
        name = shapes[uid].columns[column].name if column in shapes[uid].columns else column
        said = yield from _counted(case, shapes[uid], name)
        if said is None or not said[0]:
            found.unseen.append(f"{uid}.{name}")
            continue
        rows, filled, different = said
        if rows == filled == different:
            found.keys[uid] = column
            for one in missing:
                found.want(uid, name, one)
        else:
            nulls, twice = rows - filled, filled - different
            told = ", ".join(
                part
                for part in (
                    f"{nulls} empty" if nulls else "",
                    f"{twice} repeated" if twice else "",
                )
                if part
            )
            found.broken.append((f"{uid}.{name}", f"{told} of {rows} rows"))
    return calls


def likely_key(case: Case, uid: str, shape: Shape) -> str:
    """The column that a node's name calls its key (`orders` -> `order_id`), or its only `id`."""
    bare = _PREFIX.sub("", case.node(uid).name.lower()).split("__")[-1]
    stems = {bare, _singular(bare)}
    wanted = [f"{stem}_{tail}" for stem in stems for tail in ("id", "key", "sk", "uuid")] + ["id"]
    return next((name for name in wanted if name in shape.columns), "")


def _singular(word: str) -> str:
    for tail, cut in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("s", "")):
        if word.endswith(tail) and not word.endswith("ss"):
            return word[: -len(tail)] + cut
    return word


def _counted(case: Case, shape: Shape, column: str) -> Steps[tuple[int, int, int] | None]:
    """Rows, filled and different values of a column; None where they may not be asked."""
    name = quote(column, case.dialect)
    sql = (
        f"select count(*) as n, count({name}) as filled, count(distinct {name}) as different "  # noqa: S608 -- both are quoted
        f"from {shape.relation}"
    )
    rows = yield from rows_of(sql, max_rows=1)
    if not rows:
        return None
    n, filled, different = (int(value or 0) for value in rows[0].values())
    return n, filled, different


def _relations(
    case: Case,
    found: Found,
    shapes: dict[str, Shape],
    asked: list[str],
    spent: tuple[_Guarded, int],
) -> Steps[None]:
    """Columns called as another node's key, whose every value is there."""
    guarded, calls = spent
    by_key: dict[str, list[str]] = {}
    for uid, column in found.keys.items():
        # A relation that only happens to hold each value today is no home of the key.
        if uid in shapes and column != "id" and likely_key(case, uid, shapes[uid]) == column:
            by_key.setdefault(column, []).append(uid)
    for uid in asked:
        for column, known in shapes[uid].columns.items():
            parent = _parent(case, uid, by_key.get(column, []))
            if not parent or found.keys.get(uid) == column or not _KEY.match(column):
                continue
            if guarded.holds(uid, column):
                continue
            if calls >= case.calls - CALLS_KEPT or len(found.wishes) > case.nodes_changed:
                found.unseen.append(f"{uid}.{known.name}")
                continue
            calls += 1
            orphans = yield from _orphans(case, shapes[uid], shapes[parent], known.name)
            to = case.node(parent).name
            if orphans == 0:
                field = shapes[parent].columns[column].name
                found.want(uid, known.name, f"relationships:\n  to: ref('{to}')\n  field: {field}")
                guarded.known.add((uid, column))
            elif orphans:
                found.broken.append((f"{uid}.{known.name}", f"{orphans} rows are not in {to}"))
            else:
                found.unseen.append(f"{uid}.{known.name}")


def _parent(case: Case, uid: str, holders: list[str]) -> str:
    """The node whose key a column is: an ancestor first, then one beside it; never one below."""
    below = set(case.graph.descendants(uid))
    above = set(case.graph.ancestors(uid))
    others = [one for one in holders if one != uid and one not in below]
    if len(others) > 1:
        folder = case.path(uid).rpartition("/")[0]
        others.sort(key=lambda one: (case.path(one).rpartition("/")[0] != folder, one not in above))
    return others[0] if others else ""


def _orphans(case: Case, child: Shape, parent: Shape, column: str) -> Steps[int | None]:
    name = quote(column, case.dialect)
    field = quote(parent.columns[column.lower()].name, case.dialect)
    sql = (
        f"select count(*) as n from {child.relation} as c left join {parent.relation} as p "  # noqa: S608 -- all are quoted
        f"on c.{name} = p.{field} where c.{name} is not null and p.{field} is null"
    )
    rows = yield from rows_of(sql, max_rows=1)
    return int(rows[0]["n"] or 0) if rows else None


def _proposed(found: Found, done: Done) -> Steps[None]:
    wishes = done.written
    count = sum(len(said.tests) for wish in wishes for said in wish.said)
    cited = [f"{wish.node}.{said.column}" for wish in wishes for said in wish.said]
    first = wishes[0]
    nodes = counted(len(wishes), "node")
    suite = {
        "summary": f"{counted(count, 'test')} that today's rows pass, on {nodes}.",
        "node": first.node,
        "expectations": [
            _expectation(wish.node, said.column, test)
            for wish in wishes
            for said in wish.said
            for test in said.tests
        ][:200],
        "evidence": [
            seen_at("Counted today: filled, different, and found where they point.", *cited)
        ],
    }
    more = f", and {counted(len(wishes) - 1, 'more node')}" if len(wishes) > 1 else ""
    yield from report(
        decision="fix",
        title=f"test({label(first.node)}): guard keys that hold today{more}",
        rationale=" ".join(filter(None, (str(suite["summary"]), _broken(found, done)))),
        said=suite,
    )


def _expectation(uid: str, column: str, test: str) -> dict[str, Any]:
    name, _, rest = test.partition(":")
    pairs = [line.strip().partition(": ") for line in rest.strip().split("\n") if line.strip()]
    why = "a key that other nodes count on" if not pairs else "each value is in the other node"
    return {
        "column": column,
        "test": name,
        "arguments": [{"name": key, "value": value} for key, _, value in pairs],
        "severity": "error",
        "why": f"{label(uid)}: {why}, and true of every row today",
    }


def _broken(found: Found, done: Done) -> str:
    told = "; ".join(f"{label(at)}: {what}" for at, what in found.broken[:10])
    parts = [
        f"No test where it would be red today: {told}." if told else "",
        done.rest(),
        not_looked_at(found.unseen),
    ]
    return " ".join(part for part in parts if part)
