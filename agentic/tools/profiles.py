"""Tools that say what relations hold: figures of columns now, and against another time or place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from agentic.exceptions import WarehouseError
from agentic.history import (
    ColumnProfile,
    RelationProfile,
    last_good_profile,
    profile_by,
    profile_relation,
)
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, page, short
from agentic.tools.dbt import workspace_of
from agentic.tools.judged import answer
from agentic.tools.live import relation_of
from agentic.tools.nodes import UniqueId, find_node
from agentic.tools.registry import ToolError, tool
from agentic.tools.shielded import hidden_columns, masked_columns
from agentic.warehouse import Column, Relation

MAX_ROWS = 1_000_000
TOP = 6
_RELATION = Annotated[str, Meta(description="unique_id of a source, seed, snapshot or model")]


@tool(toolset="context", effect="read")
def profile_column(
    bench: Bench,
    *,
    node: _RELATION,
    columns: Annotated[list[str], Meta(description="column names", min_length=1, max_length=40)],
) -> dict[str, Any]:
    """Live figures of columns: rows, nulls, distinct values, least and greatest value, sum, and
    the commonest values of a text column that has few.

    Values are left out where the guardrails protect them; of masked columns nothing is told.
    """
    relation, live = _live(bench, node)
    by_name = {column.name.lower(): column for column in live}
    missing = [name for name in columns if name.lower() not in by_name]
    if missing:
        names = ", ".join(column.name for column in live)
        raise ToolError(f"{node} has no column {', '.join(missing)}", hint=names)
    found, withheld = _now(bench, relation, [by_name[name.lower()] for name in columns])
    return {
        "node": node,
        "rows": found.rows,
        **lean({"looked_at": found.looked_at if found.looked_at != found.rows else None}),
        "columns": {
            **{one.name: _figures(one) for one in found.columns},
            **{name: {"masked": True} for name in sorted(withheld)},
        },
    }


def _live(bench: Bench, unique_id: str) -> tuple[Relation, tuple[Column, ...]]:
    relation = relation_of(bench, unique_id)
    live = bench.connection().columns(relation) if relation is not None else None
    if relation is None or not live:
        raise ToolError(f"{unique_id} has no relation in the warehouse")
    return relation, live


def _now(
    bench: Bench, relation: Relation, columns: Sequence[Column]
) -> tuple[RelationProfile, frozenset[str]]:
    """Figures as the policy lets them out, and the columns of which it lets out none."""
    if bench.world is None:
        raise ToolError("no statement can be judged in this run")

    def ask(sql: str, rows: int) -> Sequence[Sequence[Any]]:
        return answer(bench, sql, max_rows=rows)[1].rows

    key = f"{relation.schema}.{relation.identifier}"
    names = [column.name for column in columns]
    hidden = hidden_columns(bench.world, key, names)
    if hidden is None:
        raise ToolError(f"{relation} may not be read")
    withheld = masked_columns(bench.world, key, names)
    some = [column for column in columns if column.name not in withheld]
    found = profile_by(ask, bench.dialect, relation, some, masked=hidden, max_rows=MAX_ROWS)
    return found, withheld


def _figures(column: ColumnProfile) -> dict[str, Any]:
    return {
        "nulls": column.nulls,
        "distinct": column.distinct,
        "min": column.min,
        "max": column.max,
        **lean(
            {
                "sum": None if column.sum is None else short(column.sum),
                "blank": column.blank or None,
                "top": {one.value: one.rows for one in column.top[:TOP]},
                "masked": column.masked or None,
            }
        ),
    }


@tool(toolset="context", effect="workspace", timeout_s=900.0)
def compare_profiles(
    bench: Bench,
    *,
    node: _RELATION,
    against: Annotated[
        Literal["last_good", "workspace"],
        Meta(description="what it held after the last green build, or as the proposal builds it"),
    ] = "last_good",
    also: Annotated[
        tuple[UniqueId, ...],
        Meta(description="instead: one other node to compare with", max_length=1),
    ] = (),
    more: More = "",
) -> dict[str, Any]:
    """What a relation holds now against before, another node, or the proposal's own build: rows,
    columns added, gone or retyped, and each column whose figures moved, the largest move first.
    """
    uid = find_node(bench, node).unique_id
    relation, live = _live(bench, uid)
    now, withheld = _now(bench, relation, live)
    if also:
        other = find_node(bench, also[0]).unique_id
        right, more_withheld = _now(bench, *_live(bench, other))
        told = {"node": uid, "against": other}
        return {**told, **_differences(now, right, withheld | more_withheld, more)}
    if against == "workspace":
        told = {"node": uid, "against": "workspace"}
        return {**told, **_differences(now, _built(bench, uid), withheld, more)}
    before = last_good_profile(bench.history, uid) if bench.history is not None else None
    if before is None:
        note = "no green build of it is remembered; figures are of now"
        figures = {one.name: _figures(one) for one in now.columns}
        return {"node": uid, "note": note, "rows": now.rows, "columns": figures}
    told = {"node": uid, "against": f"last good, {before.at[:19]}"}
    return {**told, **_differences(before, now, withheld, more)}


def _built(bench: Bench, unique_id: str) -> RelationProfile:
    """The node as the proposal builds it; of what is protected above it only counts."""
    space = workspace_of(bench)
    outcome = space.build([unique_id])
    relation = outcome.relations.get(unique_id)
    if not outcome.ok or relation is None:
        raise ToolError(f"{unique_id} does not build", hint="dbt_build shows dbt's error.")
    with space.connection() as connection:
        try:
            found = profile_relation(connection, relation, masked=_may_hold(bench, unique_id))
        except WarehouseError as error:
            raise ToolError("its figures cannot be computed") from error
    if found is None:
        raise ToolError(f"the workspace has no relation of {unique_id}")
    return found


def _may_hold(bench: Bench, unique_id: str) -> tuple[str, ...]:
    """A proposal may carry any value of the project into it."""
    above = bench.graph.ancestors(unique_id) if not bench.edits else tuple(bench.manifest.all)
    for uid in (unique_id, *above):
        node = bench.manifest.all.get(uid)
        if node is not None and node.schema:
            key = f"{node.schema}.{node.alias}".lower()
            if bench.world is None or bench.world.shields(key):
                return ("*",)
    return ()


def _differences(
    left: RelationProfile, right: RelationProfile, withheld: Collection[str], more: str
) -> dict[str, Any]:
    unasked = {name.lower() for name in withheld}
    old, new = (
        {name: one for name, one in side.by_name.items() if name not in unasked}
        for side in (left, right)
    )
    moves = []
    for name in old:
        if name in new and (move := _move(old[name], new[name], left, right)):
            moves.append(move)
    moves.sort(key=lambda pair: (-pair[0], pair[1]["column"]))
    retyped = {
        new[name].name: [old[name].type, new[name].type]
        for name in old
        if name in new and old[name].type.lower() != new[name].type.lower()
    }
    return {
        "rows": [left.rows, right.rows],
        **lean(
            {
                "columns_gone": [one.name for key, one in old.items() if key not in new],
                "columns_new": [one.name for key, one in new.items() if key not in old],
                "types": retyped,
            }
        ),
        **page([row for _, row in moves], more, name="changed"),
        "unchanged": len(set(old) & set(new)) - len(moves),
        **lean({"masked": sorted(withheld)}),
    }


def _move(
    old: ColumnProfile, new: ColumnProfile, left: RelationProfile, right: RelationProfile
) -> tuple[float, dict[str, Any]] | None:
    """How far a column's figures moved, beyond what more or fewer rows explain, and which."""
    found: dict[str, Any] = {}
    sizes = [_far(found, "null_rate", old.null_rate, new.null_rate, scale=1.0)]
    means = (left.mean(old.name), right.mean(new.name))
    if means[0] is not None and means[1] is not None:
        sizes.append(_far(found, "mean", means[0], means[1]))
    if old.distinct is not None and new.distinct is not None:
        grew = right.looked_at / left.looked_at if left.looked_at else 1.0
        key_like = old.distinct > left.looked_at / 2
        expected = old.distinct * grew if key_like else float(old.distinct)
        moved = _far({}, "", expected, float(new.distinct))
        if moved:
            found["distinct"] = [old.distinct, new.distinct]
        sizes.append(moved)
    for end in ("min", "max"):
        if getattr(old, end) != getattr(new, end):
            found[end] = [getattr(old, end), getattr(new, end)]
            sizes.append(0.01)
    shares = _shares(old, new)
    if shares:
        found["shares"] = shares
        sizes.append(max(abs(one[1] - one[0]) for one in shares.values()))
    return (max(sizes), {"column": new.name, **found}) if found else None


def _far(
    found: dict[str, Any], name: str, old: float, new: float, *, scale: float | None = None
) -> float:
    """A relative difference above a hundredth; it is noted under `name`."""
    size = abs(new - old) / (scale or max(abs(old), abs(new), 1e-9))
    if size <= 0.01:
        return 0.0
    if name:
        found[name] = [short(old), short(new)]
    return size


def _shares(old: ColumnProfile, new: ColumnProfile) -> dict[str, list[float]]:
    """Categories whose share moved by a hundredth or more, those that came or went included."""
    before = {one.value: one.share for one in old.top}
    after = {one.value: one.share for one in new.top}
    if not before or not after:
        return {}
    moved = {
        value: [round(before.get(value, 0.0), 4), round(after.get(value, 0.0), 4)]
        for value in {**before, **after}
    }
    ranked = sorted(moved.items(), key=lambda pair: -abs(pair[1][1] - pair[1][0]))
    return {value: pair for value, pair in ranked[:TOP] if abs(pair[1] - pair[0]) >= 0.01}
