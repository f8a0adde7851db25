"""Silent changes of sources become incidents of kind `anomaly`: every test is green, and yet.

Asked only after a green build, of sources that something reads, bounded in number and time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.history import RelationProfile, daily_series, profile_relation
from agentic.history.anomalies import Notice, new_zeros, notices
from agentic.project import Manifest, Node
from agentic.records import Incident, Signal
from agentic.triggers.divided import divider_of
from agentic.triggers.grouping import Invocation, incident_of
from agentic.triggers.late_rows import late_rows
from agentic.warehouse import Connection, Relation

Masked = Callable[[Node, Sequence[str]], Collection[str] | None]
"""Columns of a node that give counts alone; None: it may not be read."""
Before = Callable[[str], Sequence[RelationProfile]]
"""Profiles of a node after earlier green builds, newest first."""

RELATIONS = 40
SECONDS = 8.0
QUERY_S = 5.0
MAX_ROWS = 200_000


def silent_changes(
    connection: Connection,
    manifest: Manifest,
    invocation: Invocation,
    *,
    masked: Masked,
    before: Before,
    seconds: float = SECONDS,
) -> tuple[Incident, ...]:
    """One incident a source and kind of change; none where nothing stands out.

    A source that cannot be asked in time is left out. Raises WarehouseLocked.
    """
    ends = time.monotonic() + seconds
    found: list[Incident] = []
    used = manifest.child_map or {}
    sources = [node for uid, node in sorted(manifest.sources.items()) if used.get(uid)]
    for source in sources[:RELATIONS]:
        if time.monotonic() > ends:
            break
        changes, zeros = _changes(connection, source, masked, before)
        for change in dict.fromkeys(one.change for one in changes):
            signals = [signal_of(source, one) for one in changes if one.change == change]
            found.append(incident_of(signals, invocation))
        for zero in zeros:
            reader = divider_of(manifest, source.unique_id, zero.column, connection.dialect)
            if reader is not None:
                signals = [signal_of(source, zero, reader=reader)]
                found.append(incident_of(signals, invocation))

    def readable(node: Node) -> bool:
        return masked(node, ()) is not None

    if time.monotonic() <= ends:
        late = late_rows(connection, manifest, readable)
        found += [incident_of([signal], invocation) for signal in late]
    return tuple(found)


def _changes(
    connection: Connection, source: Node, masked: Masked, before: Before
) -> tuple[tuple[Notice, ...], tuple[Notice, ...]]:
    """What changed, and which columns hold a zero for the first time."""
    relation = Relation.of_node(source)
    try:
        live = connection.columns(relation) or ()
        hidden = masked(source, [column.name for column in live])
        if hidden is None or not live:
            return (), ()
        now = profile_relation(
            connection, relation, masked=hidden, max_rows=MAX_ROWS, timeout_s=QUERY_S
        )
        if now is None:
            return (), ()
        series = daily_series(connection, relation, now, timeout_s=QUERY_S)
    except WarehouseLocked:
        raise
    except WarehouseError:
        return (), ()  # too slow, or a type that does not aggregate: nothing can be said
    past = before(source.unique_id)
    return notices(now, series, past), new_zeros(now, past)


def signal_of(source: Node, notice: Notice, *, reader: Node | None = None) -> Signal:
    """A notice as a signal; its figures stay data for the rule that explains it.

    `reader`: the node that divides by the column.
    """
    figures: dict[str, str | float | None] = {
        "change": notice.change,
        "column": notice.column,
        "before": round(notice.before, 4),
        "now": round(notice.now, 4),
        "since": notice.since,
        "basis": notice.basis,
        "scale": notice.scale,
        "score": notice.score,
    }
    if reader is not None:
        figures["reader"] = reader.unique_id
    return Signal(
        kind="anomaly",
        node=source.unique_id,
        message=_sentence(source.name, notice, reader.name if reader is not None else ""),
        path=source.original_file_path,
        figures=figures,
    )


def _sentence(name: str, notice: Notice, reader: str) -> str:
    since = f" since {notice.since}" if notice.since else ""
    against = f"against {notice.basis}"
    if notice.change == "volume_drop":
        usual = f"{notice.before:,.0f} were usual"
        return f"{name} has {notice.now:,.0f} rows where {usual}{since}, {against}"
    if notice.change == "null_keys":
        return f"{name}.{notice.column} is null in {notice.now:.0%} of the rows{since}, {against}"
    if notice.change == "timezone":
        way = "later" if notice.now > 0 else "earlier"
        return f"{name}.{notice.column} is {abs(notice.now):g} hours {way} than it was, {against}"
    if notice.change == "division_by_zero":
        return (
            f"{name}.{notice.column} is 0 in some rows, which it never was, and {reader} divides "
            f"by it, {against}"
        )
    if notice.change == "unit_scale_change":
        return (
            f"{name}.{notice.column} is {notice.ratio:,.4g} times what it was on average{since} "
            f"({notice.scale}), {against}"
        )
    return f"{name}.{notice.column} holds other values than before{since}, {against}"
