"""`agentic incidents`: open and closed incidents."""

from __future__ import annotations

import json

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text


@click.command("incidents", short_help="List open and closed incidents.")
@project_options()
def command(flags: Flags) -> int:
    """List incidents, open ones first. Exit code 1 while one is open."""
    from agentic.project import find_project
    from agentic.store import open_store, utc_now

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    store = open_store(project.root, project=project.name, clock=utc_now)
    rows = store.incidents()
    for row in rows:
        if flags.as_json:
            extra = {"state": row["state"], "last_seen_at": row["last_seen_at"]}
            emit_json(json.loads(row["record"]) | extra | {"run_id": row["run_id"]})
        else:
            emit_text(
                f"{row['fingerprint']}  {row['state']:<6}  since {row['first_seen_at'][:19]}  "
                f"{row['kind']:<18}  {row['node']}  {row['run_id'] or ''}"
            )
    if not rows and not flags.as_json:
        emit_text("No incidents yet.")
    return int(any(row["state"] == "open" for row in rows))
