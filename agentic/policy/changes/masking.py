"""Compares two shapes of one node: does the change lose rows or grain, or wrap an existing
column?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from agentic.records import Verdict
from agentic.sql.shape_facts import Leaf, Output, RowFact, Shape

Exists = Callable[[str, str], bool | None]
"""(leaf relation, column): is the column still there? None where nobody knows."""

WORDS = {
    "where": "a filter",
    "having": "a filter on groups",
    "qualify": "a filter on windows",
    "limit": "a limit",
    "distinct": "distinct",
    "group": "a grouping",
    "join": "a join",
    "union": "a set operation",
    "sample": "a sample",
    "from": "another relation",
}
# Taking these away gives more rows, or the same.
FREE_TO_REMOVE = frozenset(["where", "having", "limit", "sample", "from", "join"])


class Difference(msgspec.Struct, frozen=True):
    """One thing that a change does to a node's rows or columns."""

    verdict: Verdict
    code: str
    reason: str
    key: str


class Renames:
    """Which upstream columns a change reads under a new name; one old name has one new name."""

    def __init__(self, base: Shape, after: Shape, exists: Exists) -> None:
        self.after_reads = set(after.reads)
        self.base_reads = set(base.reads)
        self.exists = exists
        self.pairs: dict[Leaf, Leaf] = {}

    def same(self, old: tuple[Leaf, ...], new: tuple[Leaf, ...]) -> bool:
        """Could `new` be `old` after renames alone?"""
        if old == new:
            return True
        gone = [leaf for leaf in old if leaf not in new]
        came = [leaf for leaf in new if leaf not in old]
        if len(gone) != len(came):
            return False
        if len(gone) > 1:
            gone, came = sorted(gone), sorted(came)
        return all(self.pair(left, right) for left, right in zip(gone, came, strict=True))

    def pair(self, old: Leaf, new: Leaf) -> bool:
        if old.relation != new.relation and self.exists(old.relation, "") is False:
            return old.column == new.column
        if old.relation != new.relation or old in self.after_reads or new in self.base_reads:
            return False
        if self.exists(old.relation, old.column):
            return False
        if self.exists(new.relation, new.column) is False:
            return False
        return self.pairs.setdefault(old, new) == new


def compare(base: Shape, after: Shape, exists: Exists) -> Iterator[Difference]:
    """What an edit of an existing node does that a person should know."""
    renames = Renames(base, after, exists)
    yield from _columns(base, after, renames)
    yield from _rows(base, after, renames)


def dropped(base: Shape, after: Shape) -> list[str]:
    """Output columns that are gone."""
    if after.open_stars and set(base.open_stars) <= set(after.open_stars):
        names: set[str] = set()
    elif after.open_stars:
        names = set()
    else:
        names = {one.name.lower() for one in base.outputs} - {
            one.name.lower() for one in after.outputs
        }
    return sorted(names)


def _columns(base: Shape, after: Shape, renames: Renames) -> Iterator[Difference]:
    for old in base.outputs:
        new = after.output(old.name)
        if new is not None and new.text != old.text:
            yield from _column(old, new, renames)
    if base.open_stars:
        known = {one.name for one in base.outputs}
        for new in after.outputs:
            if new.name not in known:
                yield from _overriding(new, base)


def _overriding(new: Output, base: Shape) -> Iterator[Difference]:
    """A column that may have come through a star before, under its own name."""
    passed = [
        leaf
        for leaf in new.leaves
        if leaf.column == new.name.lower() and leaf.relation in base.open_stars
    ]
    if passed and new.masking:
        yield _masked(new, new.masking)


def _column(old: Output, new: Output, renames: Renames) -> Iterator[Difference]:
    if old.pattern == new.pattern and renames.same(old.leaves, new.leaves):
        return
    added = Counter(new.masking) - Counter(old.masking)
    if added:
        yield _masked(new, tuple(added.elements()))
        return
    if old.leaves and not new.leaves:
        yield Difference(
            "ask",
            "SYMPTOM_MASKING",
            f"Column {new.name} becomes a constant.",
            f"constant {new.name}",
        )
        return
    gone = [leaf for leaf in old.leaves if leaf not in new.leaves]
    came = [leaf for leaf in new.leaves if leaf not in old.leaves]
    if (gone or came) and not renames.same(old.leaves, new.leaves):
        yield Difference(
            "ask",
            "SYMPTOM_MASKING",
            f"Column {new.name} is computed from other columns than before.",
            f"source {new.name}",
        )
    elif (
        old.masking and Counter(new.masking) == Counter(old.masking) and _literals_differ(old, new)
    ):
        yield Difference(
            "ask",
            "SYMPTOM_MASKING",
            f"Column {new.name} maps values in another way than before.",
            f"mapping {new.name}",
        )


def _literals_differ(old: Output, new: Output) -> bool:
    return old.pattern != new.pattern


def _masked(new: Output, functions: Iterable[str]) -> Difference:
    names = ", ".join(sorted({one.removeprefix("AGG ").lower() for one in functions}))
    return Difference(
        "ask",
        "SYMPTOM_MASKING",
        f"Column {new.name} is wrapped in {names}, which can hide the values that a test would "
        "find.",
        f"wrapped {new.name} {names}",
    )


def _rows(base: Shape, after: Shape, renames: Renames) -> Iterator[Difference]:
    gone, came = _unmatched(list(base.rows), list(after.rows), renames)
    old_joins = {one.pattern for one in base.rows if one.kind == "join"}
    for fact in came:
        if fact.aside and fact.aside not in old_joins:
            continue
        if not fact.aside and fact.kind == "join" and fact.detail == "left":
            continue
        if fact.kind == "from" and _harmless_from(gone, renames):
            continue
        yield Difference(
            "ask",
            "SYMPTOM_MASKING",
            f"The change adds {_words(fact)}, so that rows or grain of an existing node change.",
            f"adds {fact.kind} {fact.pattern}",
        )
    for fact in gone:
        if (
            fact.kind not in FREE_TO_REMOVE
            and not fact.aside
            and not any(one.kind == fact.kind for one in came)
        ):
            yield Difference(
                "ask",
                "SYMPTOM_MASKING",
                f"The change takes away {_words(fact)}, so that the grain of an existing node "
                "changes.",
                f"removes {fact.kind} {fact.pattern}",
            )


def _words(fact: RowFact) -> str:
    if fact.kind == "join":
        kind = {"left!": "left join without a key"}.get(fact.detail, f"{fact.detail} join")
        return f"a {kind}" if not kind.startswith("i") else f"an {kind}"
    if fact.kind == "union":
        return f"a {fact.detail}"
    return WORDS.get(fact.kind, fact.kind)


def _harmless_from(gone: list[RowFact], renames: Renames) -> bool:
    """A relation read in place of one that is not there: a misspelt reference, mended."""
    old = [one for one in gone if one.kind == "from"]
    return len(old) == 1 and renames.exists(old[0].text.strip("'"), "") is False


def _unmatched(
    base: list[RowFact], after: list[RowFact], renames: Renames
) -> tuple[list[RowFact], list[RowFact]]:
    """Facts that only one side has, renames of upstream columns set aside."""
    came = []
    left = list(base)
    for fact in after:
        exact = next(
            (
                one
                for one in left
                if (one.kind, one.text) == (fact.kind, fact.text)
                and bool(one.aside) == bool(fact.aside)
            ),
            None,
        )
        if exact is not None:
            left.remove(exact)
        else:
            came.append(fact)
    still = []
    for fact in came:
        alike = next(
            (
                one
                for one in left
                if (one.kind, one.pattern) == (fact.kind, fact.pattern)
                and bool(one.aside) == bool(fact.aside)
                and renames.same(one.leaves, fact.leaves)
            ),
            None,
        )
        if alike is not None:
            left.remove(alike)
        else:
            still.append(fact)
    return left, still
