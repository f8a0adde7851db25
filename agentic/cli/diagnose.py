"""`agentic diagnose`: the root cause alone."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options


@click.command("diagnose", short_help="Find the root cause; change nothing.")
@click.argument("agent", required=False)
@project_options()
def command(flags: Flags, agent: str | None) -> int:
    """Find the root cause of what the last dbt build left. Nothing is built or changed."""
    from agentic.cli.run import handle_incidents

    return handle_incidents(flags, agent, apply=False, diagnose_only=True)
