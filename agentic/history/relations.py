"""What relations held after green invocations: the state to compare with when one is red."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.history.profiling import profile_by
from agentic.history.shapes import RelationProfile
from agentic.project import Manifest, Node, RunResults
from agentic.records import dumps, loads
from agentic.store import LastProfile, ProfileRow, Remembered, Store
from agentic.warehouse import Connection, Relation

Masked = Callable[[Node, Sequence[str]], Collection[str] | None]
"""Of a node and its live columns: those whose values may not be kept (`*`: all); None: the node may
not be read at all."""

RELATIONS = 60
"""Asked after one invocation; in a larger project the longest unseen come first."""
SECONDS = 6.0
QUERY_S = 3.0
MAX_ROWS = 200_000
_BUILT = frozenset({"success", "pass", "warn", "no-op"})


class Recorded(NamedTuple):
    """What `record_profiles` came to."""

    profiled: int
    left_out: int
    """Not asked for want of time, refused, or without a relation."""


def record_profiles(
    store: Store,
    connection: Connection,
    manifest: Manifest,
    run_results: RunResults,
    *,
    masked: Masked,
    good: bool = True,
) -> Recorded | None:
    """Profile sources and what was built, once an invocation; None when that was done before.

    Bounded in number and in time; small and long unseen relations come first. A relation that
    cannot be asked is left out. Raises StoreError, and WarehouseLocked where a writer came between.
    """
    invocation_id = run_results.metadata.invocation_id or ""
    kept = Remembered(store)
    if not invocation_id or kept.profiled(invocation_id):
        return None
    ends = time.monotonic() + SECONDS
    rows: list[ProfileRow] = []
    at = run_results.metadata.generated_at
    candidates = _candidates(manifest, run_results, kept.last_profiled())
    for node in candidates[:RELATIONS]:
        if time.monotonic() > ends:
            break
        profile = _profile(connection, node, masked)
        if profile is not None:
            stored = replace(
                profile,
                unique_id=node.unique_id,
                at=at,
                invocation_id=invocation_id,
                queries=(),
            )
            rows.append(ProfileRow(node.unique_id, profile.rows, dumps(stored)))
    kept.add_profiles(invocation_id, at=at, good=good, rows=rows)
    return Recorded(len(rows), len(candidates) - len(rows))


def last_good_profile(store: Store, unique_id: str) -> RelationProfile | None:
    """What the relation held after the last green invocation that was followed by a profile."""
    found = Remembered(store).profiles(unique_id, 1, good=True)
    return loads(found[0], RelationProfile) if found else None


def profiles(store: Store, unique_id: str, limit: int = 30) -> tuple[RelationProfile, ...]:
    """What the relation held after invocations, newest first."""
    found = Remembered(store).profiles(unique_id, limit)
    return tuple(loads(text, RelationProfile) for text in found)


def _profile(connection: Connection, node: Node, masked: Masked) -> RelationProfile | None:
    relation = Relation.of_node(node)
    try:
        live = connection.columns(relation) or ()
        hidden = masked(node, [column.name for column in live])
        if hidden is None or not live:
            return None

        def ask(sql: str, rows: int) -> Sequence[Sequence[Any]]:
            return connection.query(sql, max_rows=rows, timeout_s=QUERY_S).rows

        return profile_by(ask, connection.dialect, relation, live, masked=hidden, max_rows=MAX_ROWS)
    except WarehouseLocked:
        raise
    except WarehouseError:
        return None  # a view over what is gone, a type that does not aggregate, too slow


def _candidates(
    manifest: Manifest, results: RunResults, known: dict[str, LastProfile]
) -> list[Node]:
    """Longest unseen first, then tables before views and small before large."""

    def order(node: Node) -> tuple[str, bool, int, str]:
        last = known.get(node.unique_id)
        view = node.materialized == "view"
        return (last.at if last else "", view, last.rows if last else 0, node.unique_id)

    return sorted(_with_rows(manifest, results), key=order)


def _with_rows(manifest: Manifest, results: RunResults) -> Iterator[Node]:
    used = manifest.child_map or {}
    for uid, source in manifest.sources.items():
        if used.get(uid):
            yield source
    for result in results.results:
        node = manifest.nodes.get(result.unique_id)
        if node is None or not node.relation_name or result.status not in _BUILT:
            continue
        if node.resource_type in ("model", "seed", "snapshot") and node.materialized != "ephemeral":
            yield node
