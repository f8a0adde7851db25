"""Tests before and after: an existing one that is edited, hidden or gone is weakened, unless it is
provably stricter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from agentic.policy.changes.resources import Test, as_json
from agentic.policy.changes.settings import same
from agentic.records import Verdict

_THRESHOLD = re.compile(r"\s*(>=|>|!=|<>|=|==)\s*([0-9]+)\s*$")


class Weakening(msgspec.Struct, frozen=True):
    """One existing test that a change touches."""

    test: Test
    verdict: Verdict
    reason: str
    line: int
    path: str


Moves = Callable[[str, str, str], bool]
"""(owner, old, new): is it one column, which the change gives another name?"""
Emits = Callable[[str, str], bool | None]
"""(owner, column): does the node give this column? None where nobody knows."""


def compare_tests(
    before: Iterable[Test],
    after: Iterable[Test],
    *,
    gone: Callable[[str], bool],
    emits: Emits,
    moves: Moves,
) -> Iterator[Weakening]:
    """Every existing test that is lost or weakened; `gone(owner)` tells that the node is
    deleted."""
    left = list(after)
    missing: list[Test] = []
    for test in before:
        if off(test.config.get("enabled")) or gone(test.owner):
            continue
        twin = _twin(test, left)
        if twin is None:
            missing.append(test)
            continue
        left.remove(twin)
        reason = weaker_config(test.config, twin.config)
        if reason:
            yield Weakening(test, "deny", reason, twin.line, twin.path)
    for test in missing:
        moved = _moved(test, left, moves)
        if moved is None:
            yield from _missing(test, left, emits)
            continue
        left.remove(moved)
        reason = (
            f"The test {test.kind} goes with its column from {test.column} to {moved.column}; "
            "nothing else of it changes."
        )
        yield Weakening(test, "ask", reason, moved.line, moved.path)


def _moved(test: Test, left: list[Test], moves: Moves) -> Test | None:
    """The same test on the same column under its new name."""
    return next(
        (
            one
            for one in left
            if (one.owner, one.kind, one.arguments) == (test.owner, test.kind, test.arguments)
            and test.column
            and one.column
            and moves(test.owner, test.column.lower(), one.column.lower())
            and not weaker_config(test.config, one.config)
        ),
        None,
    )


def _twin(test: Test, candidates: list[Test]) -> Test | None:
    alike = [
        one for one in candidates if _place(one) == _place(test) and one.arguments == test.arguments
    ]
    return min(alike, key=lambda one: bool(weaker_config(test.config, one.config)), default=None)


def _place(test: Test) -> tuple[str, str, str]:
    return (test.owner, test.column.lower(), test.kind)


def _missing(test: Test, left: list[Test], emits: Emits) -> Iterator[Weakening]:
    name = f"{test.kind} on {test.column or test.owner.partition(':')[2]}"
    for one in left:
        if _place(one) != _place(test):
            continue
        if stricter_arguments(
            test.kind, json.loads(test.arguments), json.loads(one.arguments)
        ) and not weaker_config(test.config, one.config):
            left.remove(one)
            return
    renamed = _renamed(test, left, emits)
    if renamed is not None:
        left.remove(renamed)
        yield Weakening(
            test,
            "ask",
            f"The test {name} named a column that its node never gives; only the name is "
            "corrected.",
            renamed.line,
            renamed.path,
        )
        return
    edited = next((one for one in left if _place(one) == _place(test)), None)
    if edited is not None:
        yield Weakening(
            test,
            "deny",
            f"The existing test {name} is edited; an existing test stays as it is.",
            edited.line,
            edited.path,
        )
    else:
        yield Weakening(test, "deny", f"The existing test {name} is gone.", 0, test.path)


def _renamed(test: Test, left: list[Test], emits: Emits) -> Test | None:
    """The same test, naming a column that the node gives in place of one that it never gave."""
    for one in left:
        if (
            one.owner != test.owner
            or one.kind != test.kind
            or weaker_config(test.config, one.config)
        ):
            continue
        if one.column != test.column and one.arguments == test.arguments:
            if emits(test.owner, test.column) is False and emits(one.owner, one.column):
                return one
        elif one.column == test.column and _only_names(test, one, emits):
            return one
    return None


def _only_names(old: Test, new: Test, emits: Emits) -> bool:
    """Do the arguments differ in column names alone, wrong before and right now?"""
    was, now = json.loads(old.arguments), json.loads(new.arguments)
    if set(was) != set(now):
        return False
    pairs = [(was[key], now[key]) for key in was if was[key] != now[key]]
    flat: list[tuple[Any, Any]] = []
    for left, right in pairs:
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            flat += [pair for pair in zip(left, right, strict=True) if pair[0] != pair[1]]
        else:
            flat.append((left, right))
    owner = old.owner
    if "to" in was and "field" in was and "to" in now:
        owner = _target(str(was["to"])) or owner
    return bool(flat) and all(
        isinstance(left, str)
        and isinstance(right, str)
        and emits(owner, left) is False
        and emits(owner, right) is True
        for left, right in flat
    )


def _target(text: str) -> str:
    found = re.search(r"ref\(\s*['\"]([^'\"]+)['\"]\s*\)", text)
    return f"model:{found.group(1)}" if found else ""


def off(value: Any) -> bool:
    """A setting that switches off, also as text."""
    return value is False or (
        isinstance(value, str) and value.strip().lower() in ("false", "no", "off")
    )


def weaker_config(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why a test's configuration is not at least as strict as before; empty when it is."""
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if same(was, now) or key in _HARMLESS:
            continue
        judge = _STRICTER.get(key)
        if judge is None or not judge(was, now):
            what = "set" if was is None else "removed" if now is None else "changed"
            return f"{key} of an existing test is {what}, which can hide failures."
    return ""


_HARMLESS = frozenset(
    ["store_failures", "store_failures_as", "meta", "name", "description", "group", "docs"]
)


def _severity(was: Any, now: Any) -> bool:  # noqa: ARG001 - same signature as its siblings
    return str(now or "error").lower() == "error"


def _removed(was: Any, now: Any) -> bool:  # noqa: ARG001 - same signature as its siblings
    return now in (None, "")


def _enabled(was: Any, now: Any) -> bool:  # noqa: ARG001
    return now in (None, True)


def _threshold(was: Any, now: Any) -> bool:
    """`> 10` to `> 5`: every count that failed before still fails."""
    old, new = _least(was), _least(now)
    return old is not None and new is not None and new <= old


def _least(value: Any) -> int | None:
    """The smallest number of failing rows that fails a condition which holds for all larger
    ones."""
    if value is None:
        return 1
    found = _THRESHOLD.match(str(value))
    if not found:
        return None
    operator, number = found.group(1), int(found.group(2))
    if operator == ">":
        return number + 1
    if operator == ">=":
        return max(number, 0)
    return 1 if operator in ("!=", "<>") and number == 0 else None


def _tags(was: Any, now: Any) -> bool:
    def listed(value: Any) -> set[str]:
        return {value} if isinstance(value, str) else {str(one) for one in value or []}

    return listed(was) <= listed(now)


_STRICTER: dict[str, Callable[[Any, Any], bool]] = {
    "severity": _severity,
    "where": _removed,
    "limit": _removed,
    "enabled": _enabled,
    "error_if": _threshold,
    "warn_if": _threshold,
    "tags": _tags,
}


def stricter_arguments(kind: str, was: dict[str, Any], now: dict[str, Any]) -> bool:
    """Can every row that failed before be shown to fail still?"""
    if same(was, now):
        return True
    changed = {key for key in {*was, *now} if not same(was.get(key), now.get(key))}
    plain = kind.rsplit(".", 1)[-1]
    if plain == "accepted_values" and changed == {"values"}:
        return _subset(now.get("values"), was.get("values"))
    if plain in ("rejected_values", "not_accepted_values") and changed == {"values"}:
        return _subset(was.get("values"), now.get("values"))
    if plain == "unique_combination_of_columns" and changed == {"combination_of_columns"}:
        return _subset(now.get("combination_of_columns"), was.get("combination_of_columns"))
    if plain in ("accepted_range", "expect_column_values_to_be_between") and changed <= {
        "min_value",
        "max_value",
    }:
        return _bound(was.get("min_value"), now.get("min_value"), 1) and _bound(
            was.get("max_value"), now.get("max_value"), -1
        )
    if plain in ("at_least_one", "not_null_proportion") and changed == {"at_least"}:
        return _bound(was.get("at_least"), now.get("at_least"), 1)
    return False


def _subset(small: Any, large: Any) -> bool:
    if not isinstance(small, list) or not isinstance(large, list) or not small:
        return False
    return {as_json(one) for one in small} <= {as_json(one) for one in large}


def _bound(was: Any, now: Any, direction: int) -> bool:
    if same(was, now):
        return True
    if not isinstance(now, int | float) or isinstance(now, bool):
        return False
    return was is None or (isinstance(was, int | float) and (now - was) * direction >= 0)
