"""Keeps what dbt did and what relations held, in passing: never a reason for a command to fail."""

from __future__ import annotations

from msgspec.structs import replace

from agentic.exceptions import AgenticError
from agentic.history import (
    is_green,
    record_from_tables,
    record_invocation,
    record_profiles,
    records_schema,
)
from agentic.project import NodeResult, RunResults, load_manifest, load_run_results
from agentic.runtime.session import Session
from agentic.runtime.shielding import reads_protected, without_values
from agentic.tools.shielded import hidden_columns
from agentic.warehouse import open_connection


def remember_invocation(session: Session, *, changed: bool) -> None:
    """Keep the last building invocation; `changed`: files are newer than the manifest it wrote."""
    try:
        results = load_run_results(session.project.run_results_path)
        # The session's manifest holds the files as they are now: not the code that was run.
        manifest = load_manifest(session.project.manifest_path) if changed else session.manifest
        record_invocation(
            session.store,
            manifest,
            _shielded(session, results),
            target=session.target.name,
            head=session.repo.head(),
        )
    except AgenticError as error:
        session.stream.emit("history.skipped", f"not remembered: {error.message}", level="debug")


def _shielded(session: Session, results: RunResults) -> RunResults:
    """Without values in the error texts of nodes that read what is protected."""

    def told(one: NodeResult) -> NodeResult:
        if not one.message or one.status in ("success", "pass"):
            return one
        protected = reads_protected(
            [one.unique_id], manifest=session.manifest, graph=session.graph, world=session.world
        )
        return replace(one, message=without_values(one.message)) if protected else one

    return replace(results, results=type(results.results)(map(told, results.results)))


def remember_relations(session: Session, *, good: bool = True) -> None:
    """After a green invocation: keep what its relations held, to compare with when one is red.

    `good` is false where its sources changed silently: no state to go back to.
    """
    try:
        results = load_run_results(session.project.run_results_path)
        if not results.building or not is_green(results):
            return
        schema = records_schema(session.project.config, session.target.schema, session.project.name)
        with open_connection(session.target, project_root=session.project.root) as connection:
            record_from_tables(session.store, connection, schema, clean=without_values)
            done = record_profiles(
                session.store,
                connection,
                session.manifest,
                results,
                masked=lambda node, columns: hidden_columns(
                    session.world, f"{node.schema}.{node.alias}", columns
                ),
                good=good,
            )
    except AgenticError as error:
        session.stream.emit("history.skipped", f"not profiled: {error.message}", level="debug")
        return
    if done is not None:
        as_good = ", as the last good state" if good else ""
        said = f"remembered what {done.profiled} relations hold{as_good}"
        session.stream.emit("history.profiled", said, level="debug")
