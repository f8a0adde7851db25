"""Signals with one origin are one incident: the earliest failing node, and what failed below it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Protocol

import msgspec

from agentic.records import Incident, Signal

# Within one place: what stopped the node comes before what its tests found.
_RANK = {
    "parse_error": 0,
    "compile_error": 1,
    "contract_violation": 2,
    "run_error": 3,
    "source_stale": 4,
    "unit_test_failure": 5,
    "test_failure": 6,
}
_HEX = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE)
_QUOTED = re.compile(r"'[^'\n]*'")
_NUMBER = re.compile(r"\d+")


class GraphLike(Protocol):
    """What grouping asks of `agentic.lineage.Graph`."""

    def ancestors(self, uid: str) -> list[str]: ...

    def descendants(self, uid: str) -> list[str]: ...

    def earliest(self, uids: Collection[str]) -> tuple[str, ...]: ...


class Invocation(msgspec.Struct, frozen=True):
    """Which invocation the signals are of."""

    id: str = ""
    target: str = ""
    ended_at: str = ""
    """ISO 8601, UTC."""


def group(
    signals: Sequence[Signal],
    graph: GraphLike,
    invocation: Invocation,
    *,
    skipped: Sequence[str] = (),
) -> tuple[Incident, ...]:
    """One incident for each earliest failing place, in the order of its `unique_id`."""
    places = {_place(signal) for signal in signals}
    roots = graph.earliest(places)
    above = {place: {place, *graph.ancestors(place)} for place in places}
    members: dict[str, list[Signal]] = {root: [] for root in roots}
    for signal in signals:
        root = next((one for one in roots if one in above[_place(signal)]), None)
        if root is not None:
            members[root].append(signal)
    found = []
    for root in roots:
        below = set(graph.descendants(root))
        lost = tuple(uid for uid in skipped if uid in below or uid == root)
        found.append(incident_of(members[root], invocation, place=root, skipped=lost))
    return tuple(found)


def group_by_source(signals: Sequence[Signal], invocation: Invocation) -> tuple[Incident, ...]:
    """Stale tables of one source are one incident: its loader stopped."""
    sources: dict[str, list[Signal]] = {}
    for signal in signals:
        sources.setdefault(f"{signal.kind} {signal.node.rpartition('.')[0]}", []).append(signal)
    return tuple(incident_of(sources[key], invocation) for key in sorted(sources))


def incident_of(
    signals: Sequence[Signal],
    invocation: Invocation,
    *,
    place: str = "",
    skipped: tuple[str, ...] = (),
) -> Incident:
    """One incident from signals that belong together; its head is the gravest at `place`."""
    ordered = sorted(
        signals, key=lambda one: (_place(one) != place, _RANK.get(one.kind, 9), one.node)
    )
    head = ordered[0]
    fingerprint = fingerprint_of(head)
    return Incident(
        id=f"{fingerprint}-{invocation.id[:8]}" if invocation.id else fingerprint,
        kind=head.kind,
        node=head.node,
        message=head.message,
        fingerprint=fingerprint,
        signals=tuple(ordered),
        skipped=skipped,
        invocation_id=invocation.id,
        target=invocation.target,
        first_seen_at=invocation.ended_at,
    )


def fingerprint_of(signal: Signal) -> str:
    """Ten hex characters that are the same for the same failure of the same node.

    Numbers, hashes and quoted values differ between invocations and are left out. Parse errors
    quote the names that matter, so there they stay.
    """
    text = _HEX.sub("#", signal.message)
    if signal.kind not in ("parse_error", "compile_error"):
        text = _QUOTED.sub("'?'", text)
    text = " ".join(_NUMBER.sub("#", text).split())
    place = signal.node or signal.path
    return sha256(f"{signal.kind}\n{place}\n{text}".encode()).hexdigest()[:10]


def _place(signal: Signal) -> str:
    """Where a signal lies in the lineage: a test lies at what it tests."""
    return signal.attached or signal.node
