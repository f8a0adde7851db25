"""`agentic mcp`: the project's tools for Claude Code, Cursor and others."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options


@click.command("mcp", short_help="Serve the tools over MCP.")
@click.option("--agent", default="", help="Whose tools and limits; default: the first.")
@click.option("--http", "port", type=int, help="Serve http://127.0.0.1:PORT/mcp instead of stdio.")
@click.option("--apply", is_flag=True, help="Open a branch, as `run --apply` does.")
@project_options()
def command(flags: Flags, agent: str, port: int | None, apply: bool) -> int:
    """Serve context, diagnosis and proposals to an MCP client, behind the same guardrails.

    Over stdio the client starts the command itself: `claude mcp add agentic -- agentic mcp`.
    """
    from agentic.exceptions import ProjectError
    from agentic.records import Incident
    from agentic.runtime import Session, open_session
    from agentic.server import Desk

    try:
        from agentic.server import mcp
    except ModuleNotFoundError as error:
        raise ProjectError(
            f"`agentic mcp` needs the package {error.name!r}, which is not installed",
            hint="Install the extra: pip install 'dbt-agentic[mcp]'.",
        ) from error

    def opener() -> tuple[Session, tuple[Incident, ...]]:
        return open_session(
            flags.project_dir,
            profiles_dir=flags.profiles_dir,
            target=flags.target,
            apply=apply,
            diagnose_only=False,
        )

    desk = Desk(opener, agent=agent)
    if port is None:
        mcp.serve_stdio(desk)
    else:
        mcp.serve_http(desk, port=port)
    return 0
