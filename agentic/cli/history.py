"""`agentic history`: past runs, newest first."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text


@click.command("history", short_help="List past runs.")
@click.option("--limit", default=20, show_default=True, help="How many runs.")
@project_options()
def command(flags: Flags, limit: int) -> None:
    """List past runs of this project, newest first."""
    from agentic.project import find_project
    from agentic.records import RunResult, loads, public_run
    from agentic.store import Approvals, open_store, utc_now

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    store = open_store(project.root, project=project.name, clock=utc_now)
    approvals = Approvals(store)
    rows = store.history(limit)
    for row in rows:
        result = loads(row["result"], RunResult) if row["result"] else None
        if flags.as_json:
            unended = {"run_id": row["run_id"], "status": row["status"]}
            emit_json(public_run(result) if result else unended)
            continue
        status = row["status"]
        if status == "awaiting_approval" and (asks := approvals.of_run(row["run_id"])):
            # What the run ended with; what became of it since is in its asks.
            status = asks[-1].state if asks[-1].state != "pending" else status
        cause = result.finding.root_cause.node if result and result.finding else row["incident"]
        emit_text(f"{row['run_id']}  {row['started_at'][:19]}  {status:<18}  {cause}")
    if not rows and not flags.as_json:
        emit_text("No runs yet. `agentic run` handles what the last dbt build left.")
