"""`agentic pin`: what an MCP server says of its tools, and a person's yes to exactly that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.cli.pins import Standing
    from agentic.config.agents_spec import ToolItem
    from agentic.project import Project


@click.command("pin", short_help="Show an MCP server's tools, and approve them.")
@click.argument("server")
@project_options()
def command(flags: Flags, server: str) -> int:
    """Start SERVER, show the tools that agents.yml declares of it, and approve them as they are.

    What is approved is written to agentic.lock, which belongs in git: a tool that is another than
    stands there is not called. Only a person at a terminal approves. The exit code is 0 when all is
    approved, 1 while something waits, 2 when the server does not answer.
    """
    from agentic.cli.asking import project_of
    from agentic.cli.pins import asked, servers_of, standings
    from agentic.config import did_you_mean
    from agentic.exceptions import ProjectError

    project = project_of(flags)
    items = servers_of(project)
    if server not in items:
        raise ProjectError(
            f"agents.yml declares no MCP server {server!r}",
            hint=did_you_mean(server, items) or "Declare it under tools: {name, mcp, effects}.",
        )
    found = asked(project, items[server])
    every = standings(project, items[server], found)
    others = [one.name for one in found if one.name not in items[server].effects]
    waiting = [one for one in every if one.state in ("new", "changed")]
    if flags.as_json:
        emit_json(
            {
                "server": server,
                "tools": {one.tool: one.state for one in every},
                "not_declared": others,
            }
        )
        return 1 if waiting else 0
    _show(every, others)
    if not waiting:
        emit_text("Nothing waits for approval.")
        return 0
    return _approve(project, items[server], every)


def _show(every: list[Standing], others: list[str]) -> None:
    from agentic.cli.output import plain
    from agentic.cli.pins import shown

    for one in every:
        emit_text(click.style(f"{one.tool}  {one.state}", bold=True))
        if one.state != "approved":
            emit_text(shown(one))
    if others:
        emit_text("Not declared under effects, so not offered: " + plain(", ".join(others[:50])))


def _approve(project: Project, item: ToolItem, every: list[Standing]) -> int:
    from agentic.cli.asking import open_desk
    from agentic.config import LOCK_FILE, read_lock, write_lock
    from agentic.exceptions import ApprovalError
    from agentic.guardrails import local_person
    from agentic.records import content_hash
    from agentic.tools.own import seen_path

    try:
        person = local_person(sys.stdin, approvers=("local",))
    except ApprovalError as error:
        hint = f"Run `agentic pin {item.name}` in a terminal."
        raise ApprovalError(error.message, hint=hint, code=error.code) from error
    kept = {one.tool: one.now for one in every if one.now is not None and one.state != "unfit"}
    hashes = {tool: one.sha256 for tool, one in kept.items()}
    token = content_hash(hashes)[:8]
    note("\nThese are the server's own words. If no line of them tells an agent what to do beyond")
    note(f"what the tool is for, type {token} to approve them as they are (or nothing).")
    typed: str = click.prompt("approve", default="", show_default=False, err=True)
    if typed.strip() != token:
        note("Not approved.")
        return 1
    open_desk(project).audit.append(
        actor=person.name, action="pin", subject=item.name, payload={"tools": hashes}
    )
    write_lock(project.root, {**read_lock(project.root), item.name: kept})
    seen_path(project, item.name).unlink(missing_ok=True)
    emit_text(f"Wrote {LOCK_FILE}: commit it.")
    return 0
