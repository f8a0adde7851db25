"""Opens a session: finds the project, its incidents and its artifacts, and compiles both files."""

from __future__ import annotations

from pathlib import Path

from agentic.compiler import compile_project, compile_role, current_manifest, write_manifest
from agentic.config import load_files
from agentic.events import Sink, Stream, file_sink, openlineage_sink
from agentic.exceptions import DbtError, ProjectError
from agentic.guardrails import world_of
from agentic.lineage import Graph
from agentic.project import (
    Project,
    Repo,
    find_dbt,
    find_project,
    list_targets,
    read_target,
)
from agentic.records import Incident
from agentic.runtime.last_parse import last_manifest
from agentic.runtime.remembering import remember_invocation
from agentic.runtime.session import Session
from agentic.store import AuditTrail, anchor_of, open_store, utc_now
from agentic.triggers import Collected, examine
from agentic.workspace import sweep


def open_session(  # noqa: PLR0913 - each is a flag of the command
    project_dir: Path | None,
    *,
    profiles_dir: Path | None,
    target: str | None,
    apply: bool,
    diagnose_only: bool,
    sinks: tuple[Sink, ...] = (),
    asked: bool = False,
) -> tuple[Session, tuple[Incident, ...]]:
    """The session and the incidents that are open now; none where a person `asked` for something,
    which needs no build before it.

    Raises ProjectError, GitError, ConfigError, StoreError: each with its next step.
    """
    project = find_project(project_dir, profiles_dir=profiles_dir, target=target)
    repo = Repo.open(project.root)
    repo.head()
    specs = load_files(project.root)
    dbt = find_dbt()
    stream = _stream(project, sinks)
    stream.emit("command.started", f"Running with dbt={dbt.version}, project {project.name}")
    store = open_store(project.root, project=project.name, clock=utc_now)
    collected = _as_it_is(project, target) if asked else examine(project, dbt=dbt, graph_of=Graph)
    if collected.incidents and collected.changed:
        _warn_of_changes(stream, project, collected.changed)
    failed_in = next((one.target for one in collected.incidents if one.target), None)
    baseline = read_target(project, target or failed_in)
    manifest = collected.manifest
    if manifest is None:
        stream.emit("command.parsing", "Looking for the last commit that parses")
        manifest = last_manifest(project, repo, dbt)
    if manifest is None:
        raise ProjectError(
            "the project does not parse, and neither did its last commits:\n"
            + "\n".join(incident.message for incident in collected.incidents),
            hint="Mend what dbt says, or check an older commit out and run `dbt parse` there.",
        )
    graph = Graph(manifest)
    compiled = compile_project(
        project, specs, manifest, graph, target=baseline, targets=list_targets(project)
    )
    write_manifest(compiled, project)
    for line in sweep(project, repo, baseline):
        stream.emit("workspace.swept", f"removed what a run that was cut off left: {line}")
    session = Session(
        project=project,
        target=baseline,
        repo=repo,
        dbt=dbt,
        manifest=manifest,
        graph=graph,
        compiled=compiled,
        world=world_of(manifest, compiled.guardrails, baseline),
        store=store,
        audit=AuditTrail(store, anchor_of(project.root)),
        stream=stream,
        clock=utc_now,
        apply=apply,
        diagnose_only=diagnose_only,
        role=lambda name: compile_role(
            name, project, specs, manifest, graph, (baseline, list_targets(project))
        ),
    )
    remember_invocation(session, changed=bool(collected.changed))
    return session, collected.incidents


def _as_it_is(project: Project, target: str | None) -> Collected:
    """The files as they are now, built or not; a project that does not parse has no manifest."""
    try:
        return Collected((), current_manifest(project, read_target(project, target)), ())
    except DbtError:
        return Collected((), None, ())


def _warn_of_changes(stream: Stream, project: Project, changed: tuple[str, ...]) -> None:
    """What failed may be mended already, and what is said of it then speaks of older text."""
    files = [one for one in changed if (project.root / one).is_file()]
    named = ", ".join(files[:3]) + (" ..." if len(files) > 3 else "")
    message = (
        f"changed since that build: {named or 'the project'}. If it is mended, run `dbt build`"
    )
    stream.emit("tree.changed", message, level="warn")


def _stream(project: Project, sinks: tuple[Sink, ...]) -> Stream:
    all_sinks = [*sinks, file_sink(project.root / "logs" / "agentic.log")]
    lineage = openlineage_sink(project.name, folder=project.root)
    return Stream(utc_now, (*all_sinks, lineage) if lineage else tuple(all_sinks))
