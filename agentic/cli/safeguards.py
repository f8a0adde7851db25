"""Two more questions of `agentic debug`: does the warehouse itself refuse what the files forbid,
and how do people answer what agents ask."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agentic.cli.asking import open_desk
from agentic.cli.readiness import Line
from agentic.compiler import compile_project
from agentic.config import load_files
from agentic.exceptions import AgenticError, ConfigError
from agentic.lineage import Graph
from agentic.project import (
    Manifest,
    Project,
    Target,
    list_targets,
    load_manifest,
    read_target,
)
from agentic.records import CompiledGuardrails
from agentic.runtime.credentials import build_target, place_of
from agentic.warehouse import Relation, open_connection, reading_of
from agentic.warehouse.trials import Tried, duckdb_trials, postgres_trials, try_all

_SHOWN = 5
_UNSEEN = 0.9
"""A rule that is nearly always approved is nearly always approved unseen."""
_ENOUGH = 10


def safeguards(project: Project) -> Iterator[Line]:
    """Lines like readiness's; what an earlier line told (no manifest, faulty files) is passed."""
    try:
        yield from _tried(project)
    except ConfigError:
        pass
    except AgenticError as error:
        yield Line("safeguards", "warn", f"not tried: {error.message}", error.hint)
    yield from _answers(project)


def _tried(project: Project) -> Iterator[Line]:
    if not project.manifest_path.exists():
        return
    manifest, baseline = load_manifest(project.manifest_path), read_target(project)
    targets = list_targets(project)
    rails = compile_project(
        project,
        load_files(project.root),
        manifest,
        Graph(manifest),
        target=baseline,
        targets=targets,
    ).guardrails
    target, _ = build_target(baseline, rails.build_target, targets)
    if target.adapter == "postgres":
        tried = _on_postgres(project, manifest, rails, target, targets)
        own = target.settings.get("user") != baseline.settings.get("user")
        yield _verdict(tried, f"as {target.settings.get('user')}", strict=own)
    elif target.adapter == "duckdb":
        yield _verdict(_on_duckdb(project, target), "as agentic opens the file", strict=True)


def _on_postgres(
    project: Project,
    manifest: Manifest,
    rails: CompiledGuardrails,
    target: Target,
    targets: dict[str, Target],
) -> tuple[Tried, ...]:
    with open_connection(target, project_root=project.root, writable=True) as connection:
        columns = {
            uid: tuple(one.name for one in connection.columns(Relation.of_node(node)) or ())
            for uid, node in manifest.all.items()
            if node.schema and uid.startswith(("source.", "seed.", "model.", "snapshot."))
        }
        reading = reading_of(
            manifest, rails, dialect="postgres", columns=columns, column_grants=True
        )
        protected = [
            targets[name].schema
            for name in rails.production_targets
            if name in targets and place_of(targets[name]) == place_of(target)
        ]
        trials = postgres_trials(reading, rails, protected=[one for one in protected if one])
        return try_all(connection, trials)


def _on_duckdb(project: Project, target: Target) -> tuple[Tried, ...]:
    with (
        tempfile.TemporaryDirectory(prefix="agentic-trial-") as folder,
        open_connection(target, project_root=project.root) as connection,
    ):
        trials = duckdb_trials(connection.schemas(), Path(folder), project.root / "dbt_project.yml")
        return try_all(connection, trials)


def _verdict(tried: tuple[Tried, ...], whom: str, *, strict: bool) -> Line:
    drift = [one for one in tried if one.answer.allowed]
    refused = sum(one.answer.allowed is False for one in tried)
    if not drift:
        return Line("safeguards", "ok", f"the warehouse refused {refused} trials, {whom}")
    named = "; ".join(f"{one.trial.what} ({one.trial.rule})" for one in drift[:_SHOWN])
    more = f"; and {len(drift) - _SHOWN} more" if len(drift) > _SHOWN else ""
    evidence = f"{whom} the warehouse allows {len(drift)} of {len(tried)} trials: {named}{more}"
    step = "`agentic grants` prints the statements for a role that may do no more than the file."
    if not strict:
        step = f"Give `build.target` a user of its own. {step}"
    return Line("safeguards", "fail" if strict else "warn", evidence, step)


def _answers(project: Project) -> Iterator[Line]:
    kept = project.root / ".agentic" / "state.db"
    if not os.environ.get("AGENTIC_STORE") and not kept.exists():
        return
    approvals = open_desk(project).approvals
    waiting, rates = approvals.pending(), approvals.rates()
    said = [f"{len(waiting)} waiting"]
    for rate in rates[:_SHOWN]:
        total = rate.approved + rate.rejected
        share = 100 * rate.approved // total
        said.append(f"{rate.rule}: {rate.approved} of {total} approved ({share}%)")
    unseen = [
        rate.rule
        for rate in rates
        if rate.approved + rate.rejected >= _ENOUGH
        and rate.approved > _UNSEEN * (rate.approved + rate.rejected)
    ]
    if unseen:
        step = f"Nobody refuses {', '.join(unseen)}: allow it, or ask for less."
        yield Line("approvals", "warn", "; ".join(said), step)
    else:
        step = "`agentic approve` lists them." if waiting else ""
        yield Line("approvals", "ok", "; ".join(said), step)
