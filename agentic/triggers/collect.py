"""What the last building dbt invocation left open, read from its artifacts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from agentic.exceptions import ArtifactError, ProjectError
from agentic.project import (
    Dbt,
    Freshness,
    Logged,
    Manifest,
    Project,
    RunResults,
    changed_since,
    load_freshness,
    load_manifest,
    load_run_results,
    parse_project,
    read_target,
    unfinished_build,
)
from agentic.records import Incident, Signal
from agentic.triggers.grouping import (
    GraphLike,
    Invocation,
    group,
    group_by_source,
    incident_of,
)
from agentic.triggers.parse_fault import parse_signal, stopped_signal
from agentic.triggers.same_error import joined
from agentic.triggers.signals import build_signals, clean, freshness_signals, skipped_nodes
from agentic.triggers.unbuildable import cycle_of, cycle_signal, disabled_read, disabled_signal

_FRESHNESS_COUNTS = timedelta(hours=24)
"""How much older than the build a sources.json may be to say something of the same load."""


class Collected(msgspec.Struct, frozen=True):
    """What `examine` found."""

    incidents: tuple[Incident, ...]
    """Empty: the last build was green."""
    manifest: Manifest | None
    """The project as it is now; the last one that could be read where it does not parse."""
    changed: tuple[str, ...] = ()
    """Project files that are newer than the manifest on disk, newest first."""


def collect(
    project: Project, *, dbt: Dbt, graph_of: Callable[[Manifest], GraphLike]
) -> tuple[Incident, ...]:
    """Open incidents of the last building invocation; empty when it was green.

    Raises ProjectError naming what to run where the artifacts do not say, and DbtError where dbt
    cannot work here at all.
    """
    return examine(project, dbt=dbt, graph_of=graph_of).incidents


def examine(
    project: Project,
    *,
    dbt: Dbt,
    graph_of: Callable[[Manifest], GraphLike],
    on_line: Callable[[str], None] | None = None,
) -> Collected:
    """As `collect`, with the manifest that was used, which may not be the one on disk."""
    on_disk = _manifest_on_disk(project)
    changed = changed_since(project, project.manifest_path)
    manifest = on_disk
    if changed or manifest is None:
        parsed = _parse(project, dbt, on_disk, changed, on_line)
        if isinstance(parsed, Incident):
            return Collected((parsed,), on_disk, changed)
        manifest = parsed
    results, freshness = _last_results(project)
    if results is None or results.metadata.invocation_id != manifest.metadata.invocation_id:
        signal = _unbuildable(manifest, results, changed)
        if signal is not None:
            return Collected((incident_of([signal], _now(project)),), manifest, changed)
    stopped = _unfinished(project, results, on_disk, changed)
    if stopped is not None:
        signal = stopped_signal(stopped, project, changed)
        found = incident_of([signal], _now(project))
        return Collected((found,), manifest, changed)
    if results is None and freshness is None:
        raise _nothing_to_read(project)
    graph = graph_of(manifest)
    incidents = (*_of_build(results, manifest, graph, project), *_of_sources(freshness, manifest))
    return Collected(incidents, manifest, changed)


def _manifest_on_disk(project: Project) -> Manifest | None:
    """The manifest, or None: whatever is wrong with it, it can be made again."""
    try:
        return load_manifest(project.manifest_path)
    except ArtifactError:
        return None


def _parse(
    project: Project,
    dbt: Dbt,
    last_good: Manifest | None,
    changed: tuple[str, ...],
    on_line: Callable[[str], None] | None,
) -> Manifest | Incident:
    """The project's manifest as its files are now, or the incident that it cannot be parsed."""
    target = read_target(project)
    with tempfile.TemporaryDirectory(prefix="agentic-parse-") as folder:
        into = Path(folder).resolve()
        outcome = parse_project(project, dbt, target, into=into, on_line=on_line)
        if outcome.ok:
            return load_manifest(into / "manifest.json")
    signal = parse_signal(outcome, project, last_good, changed)
    return incident_of([signal], _now(project))


def _last_results(project: Project) -> tuple[RunResults | None, Freshness | None]:
    """Results of the last building invocation, and freshness as far as it is of the same time."""
    results = None
    if project.run_results_path.exists():
        results = load_run_results(project.run_results_path)
    freshness = None
    path = project.target_path / "sources.json"
    if path.exists():
        freshness = load_freshness(path)
    if results is None:
        return None, freshness
    asked_later = freshness is not None and _made(freshness) > _made(results)
    if not results.building or not results.results:
        if asked_later:
            return None, freshness
        raise _not_a_build(results, project)
    if freshness is not None and _made(results) - _made(freshness) > _FRESHNESS_COUNTS:
        freshness = None
    return results, freshness


def _unbuildable(
    manifest: Manifest, results: RunResults | None, changed: tuple[str, ...]
) -> Signal | None:
    """What dbt's parser let through and no build can: a circle, or a reader of a disabled node."""
    cycle = cycle_of(manifest)
    if cycle:
        return cycle_signal(cycle, manifest, changed, results)
    switched_off = disabled_read(manifest)
    return disabled_signal(switched_off, manifest) if switched_off else None


def _unfinished(
    project: Project,
    results: RunResults | None,
    on_disk: Manifest | None,
    changed: tuple[str, ...],
) -> Logged | None:
    """A build that left no results because of the project's own code; None without any.

    Raises ProjectError where it ended for another reason: the results on disk are an older one's,
    and say nothing of it.
    """
    stopped = unfinished_build(
        project,
        results.metadata.invocation_id if results else None,
        on_disk.metadata.invocation_id if on_disk else None,
    )
    if stopped is None:
        return None
    if stopped.error.startswith("Compilation Error") and not changed:
        # Where files are newer than that build, they may be what mends it.
        return stopped
    reason = clean(stopped.error) or "its log gives no reason; it may have been killed"
    raise ProjectError(
        f"the last `{stopped.command}` ended before it wrote its results: {reason}",
        hint="Mend what it says, run `dbt build` again, then agentic.",
        where=str(project.run_results_path),
    )


def _of_build(
    results: RunResults | None, manifest: Manifest, graph: GraphLike, project: Project
) -> tuple[Incident, ...]:
    if results is None:
        return ()
    invocation = Invocation(
        id=results.metadata.invocation_id or "",
        target=_target_name(project, results),
        ended_at=results.metadata.generated_at,
    )
    signals = build_signals(results, manifest)
    return joined(group(signals, graph, invocation, skipped=skipped_nodes(results)), manifest)


def _of_sources(freshness: Freshness | None, manifest: Manifest) -> tuple[Incident, ...]:
    if freshness is None:
        return ()
    invocation = Invocation(
        id=freshness.metadata.invocation_id or "", ended_at=freshness.metadata.generated_at
    )
    return group_by_source(freshness_signals(freshness, manifest), invocation)


def _now(project: Project) -> Invocation:
    return Invocation(target=project.target or "", ended_at=_iso(datetime.now(UTC)))


def _target_name(project: Project, results: RunResults) -> str:
    """The target of the invocation; dbt notes only one that was given by flag."""
    named = results.args.get("target") or project.target
    try:
        return str(named or read_target(project).name)
    except ProjectError:
        return ""


def _made(artifact: RunResults | Freshness) -> datetime:
    text = artifact.metadata.generated_at
    try:
        made = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArtifactError(
            f"has no time: generated_at is {text!r}", hint="Run `dbt build` to make it again."
        ) from error
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing_to_read(project: Project) -> ProjectError:
    return ProjectError(
        "no run_results.json: dbt has not built here, or stopped before it wrote its results",
        hint=(
            "Run `dbt build` without --fail-fast. If a hook stopped it, its error is the last one "
            "in logs/dbt.log."
        ),
        where=str(project.run_results_path),
    )


def _not_a_build(results: RunResults, project: Project) -> ProjectError:
    where = str(project.run_results_path)
    if results.building:
        return ProjectError(
            f"the last `dbt {results.which}` ran nothing: its selection matched no node",
            hint="Run `dbt build` (or with a selection that matches), then run agentic.",
            where=where,
        )
    command = {"generate": "docs generate"}.get(results.which, results.which) or "another command"
    return ProjectError(
        f"`dbt {command}` has overwritten the results of the last build",
        hint="Run `dbt build` again, then agentic before any other dbt command.",
        where=where,
    )
