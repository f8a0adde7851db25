"""One build of one side: parse, verify isolation, prepare the schema, defer, build, read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from agentic.exceptions import WorkspaceError
from agentic.project import DbtOutcome, Manifest, RunResults, load_run_results
from agentic.warehouse import Connection, Relation
from agentic.workspace.deferral import parents_outside, write_state
from agentic.workspace.ground import (
    Ground,
    copy_relation,
    drop_schemas,
    existing,
    holds,
    show_renamed,
)
from agentic.workspace.outcome import BuildOutcome
from agentic.workspace.selection import resolve, selectors, with_missing_ancestors
from agentic.workspace.side import Side
from agentic.workspace.thin import Thin
from agentic.workspace.verify import verify_isolation

ROWS_COPIED = 1_000_000
"""Rows of a baseline relation that an incremental node or a snapshot may start from."""

_NO_TESTS = ("--exclude-resource-types", "test", "unit_test")

OnLine = Callable[[str], None]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to build, against what."""

    choose: Callable[[Manifest], Sequence[str]]
    """The nodes to build (ids or names), asked once the project has been parsed."""
    baseline: Manifest
    allowed: tuple[str, ...]
    """Globs of build.schemas."""
    state_folder: Path
    tests: bool = True
    renamed_views: tuple[tuple[Relation, Relation, tuple[tuple[str, str], ...]], ...] = ()
    """(raw table, view that shows it, (today's column, old column) pairs)."""
    revision: str = ""
    thin: Thin | None = None
    """Set where the side is narrowed: it may build these nodes and no others."""


class TooThin(WorkspaceError):
    """A thin project does not do; the whole one has to be built."""


def build_side(
    side: Side, ground: Ground, order: Order, on_line: OnLine | None = None
) -> BuildOutcome:
    """Build on one side. Raises IsolationError before anything runs, and WorkspaceError."""
    try:
        return _build(side, ground, order, on_line)
    finally:
        side.end_session()


def _build(side: Side, ground: Ground, order: Order, on_line: OnLine | None) -> BuildOutcome:
    manifest, parsed = side.parse()
    if manifest is None:
        return _not_parsed(side, order, parsed)
    ids = resolve(order.choose(manifest), manifest)
    if order.thin is not None and set(ids) != order.thin.selected:
        raise TooThin("the selection depends on what was set aside")
    added, notes = _prepare(side, ground, order, manifest, ids)
    every = (*ids, *added)
    if not every:
        return _outcome(side, order, parsed, manifest, error="none of the nodes exists here")
    write_state(order.state_folder, order.baseline, parents_outside(manifest, every))
    built = side.run("build", *_deferred(order, every, manifest), on_line=on_line)
    outcome = _outcome(side, order, built, manifest)
    relations = {
        uid: Relation.of_node(manifest.nodes[uid])
        for uid in every
        if uid in outcome.results and manifest.nodes[uid].materialized != "ephemeral"
    }
    return msgspec.structs.replace(
        outcome, selected=ids, added=added, relations=relations, notes=notes
    )


def compile_side(side: Side, ground: Ground, order: Order) -> BuildOutcome:
    """`dbt compile` of nodes; the outcome's manifest holds their compiled code."""
    try:
        return _compile(side, ground, order)
    finally:
        side.end_session()


def _compile(side: Side, ground: Ground, order: Order) -> BuildOutcome:
    manifest, parsed = side.parse()
    if manifest is None:
        return _not_parsed(side, order, parsed)
    ids = resolve(order.choose(manifest), manifest)
    known: frozenset[tuple[str, str]] = frozenset()
    if not ground.empty:
        with ground.connect() as connection:
            known = existing(connection)
    added = with_missing_ancestors(ids, manifest, order.baseline, known)
    every = (*ids, *added)
    write_state(order.state_folder, order.baseline, parents_outside(manifest, every))
    done = side.run("compile", *_deferred(order, every, manifest))
    outcome = _outcome(side, order, done, side.manifest() or manifest)
    return msgspec.structs.replace(outcome, selected=ids)


def _deferred(order: Order, ids: Sequence[str], manifest: Manifest) -> tuple[str, ...]:
    kinds = () if order.tests else _NO_TESTS
    state = ("--defer", "--favor-state", "--state", str(order.state_folder))
    return ("--select", *selectors(ids, manifest), *state, "--indirect-selection", "eager", *kinds)


def _prepare(
    side: Side, ground: Ground, order: Order, manifest: Manifest, ids: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The ancestors to build besides, and notes; the side's schema is empty afterwards, but for
    what incremental nodes start from."""
    if ground.empty:
        added = with_missing_ancestors(ids, manifest, order.baseline, ())
        _verify(side, order, manifest, (*ids, *added))
        return added, {}
    with ground.connect(writable=True) as connection:
        known = existing(connection)
        added = with_missing_ancestors(ids, manifest, order.baseline, known)
        _verify(side, order, manifest, (*ids, *added))
        drop_schemas(connection, [side.place.schema])
        for source, view, pairs in order.renamed_views:
            show_renamed(connection, source, view, dict(pairs))
        notes = _start_histories(connection, order.baseline, manifest, (*ids, *added), known)
    return added, notes


def _verify(side: Side, order: Order, manifest: Manifest, ids: Sequence[str]) -> None:
    if order.thin is not None and not order.thin.whole.issuperset(ids):
        raise TooThin("a node that was set aside would have to be built")
    verify_isolation(
        manifest,
        ids,
        schema=side.place.schema,
        database=side.place.database,
        allowed=order.allowed,
    )


def _start_histories(
    connection: Connection,
    baseline: Manifest,
    manifest: Manifest,
    ids: Sequence[str],
    known: frozenset[tuple[str, str]],
) -> dict[str, str]:
    """Copy what incremental nodes and snapshots built so far; uid -> why that was not possible."""
    notes: dict[str, str] = {}
    for uid in ids:
        node, old = manifest.nodes[uid], baseline.nodes.get(uid)
        keeps_history = node.materialized == "incremental" or node.resource_type == "snapshot"
        if not keeps_history or old is None or node.config.get("full_refresh"):
            continue
        source = Relation.of_node(old)
        if holds(known, source):
            why = copy_relation(connection, source, Relation.of_node(node), cap=ROWS_COPIED)
            if why:
                notes[uid] = why
    return notes


def _not_parsed(side: Side, order: Order, parsed: DbtOutcome) -> BuildOutcome:
    text = "\n".join(parsed.errors) or "dbt did not say why"
    return _outcome(side, order, parsed, None, error=f"the project does not parse: {text}")


def _outcome(
    side: Side,
    order: Order,
    done: DbtOutcome,
    manifest: Manifest | None,
    *,
    error: str = "",
) -> BuildOutcome:
    results = None if error else _read_results(side)
    if not error and results is None:
        error = "dbt stopped before it built anything: " + "\n".join(done.errors)
    elif results is not None and not results.results:
        error = "dbt built nothing of the selection"
    return BuildOutcome(
        variant=side.place.name,
        ok=done.ok and not error,
        exit_code=done.exit_code,
        log="\n".join(_messages(done)),
        manifest=manifest,
        run_results=results,
        error=error,
        revision=order.revision,
        whole=order.thin.whole if order.thin is not None else None,
    )


def _messages(done: DbtOutcome) -> list[str]:
    lines = [str(event["info"].get("msg") or "") for event in done.events]
    return [line for line in lines if line.strip()] + list(done.other_lines)


def _read_results(side: Side) -> RunResults | None:
    file = side.target_path / "run_results.json"
    return load_run_results(file) if file.is_file() else None


def undone_renames(
    renames: Sequence[tuple[str, str, str]], baseline: Manifest, schema: str
) -> tuple[
    tuple[tuple[Relation, Relation, tuple[tuple[str, str], ...]], ...],
    Mapping[tuple[str, str], tuple[str, str]],
]:
    """Views that give old code today's raw rows, and where its `source()` or `ref()` has to look.

    `renames`: (unique_id of a source or seed, expected column, observed column). Raises
    WorkspaceError for one that the baseline does not have.
    """
    by_node: dict[str, list[tuple[str, str]]] = {}
    for uid, expected, observed in renames:
        by_node.setdefault(uid, []).append((observed, expected))
    views = []
    moved = {}
    for number, (uid, pairs) in enumerate(sorted(by_node.items())):
        source, seed = baseline.sources.get(uid), baseline.nodes.get(uid)
        if source is not None:
            key = (source.source_name, source.name)
        elif seed is not None and seed.resource_type == "seed":
            key = ("", seed.name)
        else:
            raise WorkspaceError(f"the baseline has no source or seed {uid}")
        raw = Relation.of_node(baseline.all[uid])
        # The number keeps two relations of one identifier apart.
        view = f"agentic_source_{number}_{raw.identifier}"[:63]
        views.append((raw, Relation(None, schema, view), tuple(pairs)))
        moved[key] = (schema, view)
    return tuple(views), moved
