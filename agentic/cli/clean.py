"""`agentic clean`: what runs that were cut off left behind."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note


@click.command("clean", short_help="Remove leftovers of runs that were cut off.")
@click.option("--runs", is_flag=True, help="Also forget runs that never ended.")
@project_options()
def command(flags: Flags, runs: bool) -> int:
    """Remove worktrees, database copies and schemas of runs and evals whose process is gone."""
    from agentic.evals.databases import sweep_databases
    from agentic.exceptions import WarehouseError
    from agentic.project import Repo, find_project, read_target
    from agentic.store import open_store, utc_now
    from agentic.workspace import sweep

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    target = read_target(project)
    removed = sweep(project, Repo.open(project.root), target)
    try:
        removed += tuple(f"database {name}" for name in sweep_databases(target))
    except WarehouseError as error:
        note(f"Databases of evals were not looked for: {error.message}")
    abandoned: list[str] = []
    if runs:
        store = open_store(project.root, project=project.name, clock=utc_now)
        abandoned = [row["run_id"] for row in store.history(1000) if row["status"] == "running"]
        for run_id in abandoned:
            store.abandon_run(run_id)
    if flags.as_json:
        emit_json({"removed": list(removed), "abandoned": abandoned})
        return 0
    for name in (*removed, *abandoned):
        emit_text(f"removed {name}")
    if not removed and not abandoned:
        emit_text("Nothing to clean.")
    return 0
