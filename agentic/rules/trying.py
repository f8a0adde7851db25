"""Would the warehouse take a repair? Its own planner is asked, nothing is built."""

from __future__ import annotations

from collections.abc import Sequence

from agentic.rules.asking import ask, shapes_of
from agentic.rules.case import Case, Steps
from agentic.rules.hunks import hunks_between
from agentic.rules.mends import Mend
from agentic.sql.fault import outputs

ASKED = 3
"""Repairs that the planner is asked about; a run's tool calls are counted."""
CLEAR = 8
"""How much likelier the first repair must be than the next to be taken on its own."""

GUESS = 24
"""From this cost on a repair needs the planner's word."""


def compiled_with(case: Case, uid: str, before: str, after: str) -> str | None:
    """The node's compiled SQL with a change of its raw text laid over; None where Jinja is near."""
    node = case.node(uid)
    text = str(node.compiled_code or "") if node is not None else ""
    if not text:
        return None
    for old, new in hunks_between(before, after):
        same = old and "{{" not in old and "{%" not in old and text.count(old) == 1
        if not same:
            return None
        text = text.replace(old, new)
    return text


def accepted(case: Case, uid: str, before: str, after: str) -> Steps[bool | None]:
    """True or False as the warehouse's planner says; None where it could not be asked."""
    sql = compiled_with(case, uid, before, after)
    if sql is None:
        return None
    result = yield from ask("explain_query", sql=sql)
    if result.decision is not None:
        return None
    if not result.is_error:
        return True if isinstance(result.content, dict) and "columns" in result.content else None
    # A refusal by policy, or a name that only dbt knows, says nothing about the text.
    said = str(result.content).lower()
    told = ("syntax error", "parser error", "binder error", "must appear in the group by")
    return False if any(one in said for one in told) else None


def chosen(case: Case, uid: str, code: str, found: Sequence[Mend]) -> Steps[Mend | None]:
    """The one repair that the evidence leaves; None when it leaves none, or more than one.

    Evidence: the columns that the node's relation had after the last good build, and whether the
    warehouse's planner takes the text.
    """
    left = list(found)
    if len(left) > 1:
        left = yield from _of_last_build(case, uid, left)
    taken: list[Mend] = []
    for one in left[:ASKED]:
        verdict = yield from accepted(case, uid, code, one.text)
        if verdict is True or (verdict is None and one.cost < GUESS):
            taken.append(one)
        if verdict is None or (verdict and _clear(one, left)):
            rest = left[left.index(one) + 1 :]
            taken += [other for other in rest if verdict or other.cost < GUESS]
            break
    if not taken:
        return None
    return taken[0] if len(taken) == 1 or _clear(taken[0], taken) else None


def _clear(first: Mend, found: Sequence[Mend]) -> bool:
    others = [one.cost for one in found if one is not first]
    return not others or min(others) - first.cost >= CLEAR


def _of_last_build(case: Case, uid: str, found: list[Mend]) -> Steps[list[Mend]]:
    if not uid.startswith(("model.", "snapshot.")) or case.node(uid) is None:
        return found
    shapes = yield from shapes_of([uid])
    shape = shapes.get(uid)
    if shape is None or not shape.exists:
        return found
    had = set(shape.columns)
    same = [one for one in found if set(outputs(one.text, case.dialect) or ()) == had]
    return same or found
