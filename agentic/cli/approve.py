"""`agentic approve`: what waits for a person, exactly, and their yes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.guardrails import Desk, Person
    from agentic.project import Project
    from agentic.store import Ask


@click.command("approve", short_help="Show what waits for a person, and say yes.")
@click.argument("run", required=False)
@click.option(
    "--signature",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File made by `ssh-keygen -Y sign -n agentic` over the payload's SHA-256.",
)
@click.option("--token", help="The token that was given when this was shown; asked for if not.")
@project_options()
def command(flags: Flags, run: str | None, signature: Path | None, token: str | None) -> int:
    """Show exactly what RUN (a run's or an ask's id, or its start) would do, and approve it.

    Without RUN, list what waits. Who may approve is `approve.by` of guardrails.yml: a signature
    (--signature), or a terminal where it says `local`. The exit code is 0 when it is approved, 1
    while it waits, 2 for a conflict.
    """
    from agentic.cli.asking import ask_text, compiled_now, open_desk, project_of, public_ask

    project = project_of(flags)
    desk = open_desk(project)
    if run is None:
        return _list(desk, as_json=flags.as_json)
    ask = desk.approvals.find(run)
    if not flags.as_json:
        emit_text(ask_text(ask))
    elif signature is None and not token:
        emit_json(public_ask(ask))
        return 0 if ask.state in ("approved", "used") else 1
    desk.examine(ask, lambda: compiled_now(project, ask))
    person = _person(project, ask, signature)
    if signature is not None:
        token = desk.approvals.issue_token(ask)
    elif not token:
        token = _typed(desk, ask)
        if not token:
            return 1
    done = desk.approve(ask, token=token, person=person)
    if flags.as_json:
        emit_json(public_ask(done))
    else:
        said = _next(done, request=_is_request(desk, done))
        emit_text(f"\napproved by {done.decided_by} ({done.proof}). {said}")
    return 0


def _list(desk: Desk, *, as_json: bool) -> int:
    from agentic.cli.asking import public_ask

    waiting = desk.approvals.pending()
    for ask in waiting:
        if as_json:
            emit_json(public_ask(ask))
        else:
            rules = ", ".join(ask.rules)
            emit_text(
                f"{ask.id}  {ask.run_id}  {ask.kind:<14} until {ask.expires_at[:16]}  {rules}"
            )
    if not waiting and not as_json:
        emit_text("Nothing waits for approval.")
    return 1 if waiting else 0


def _person(project: Project, ask: Ask, signature: Path | None) -> Person:
    """Who answers. Raises ApprovalError when that is nobody whose answer counts."""
    from agentic.guardrails import local_person, signer_of, signers_at
    from agentic.project import Repo

    approvers = tuple(ask.content["bound"].get("approvers", ()))
    if signature is None:
        return local_person(sys.stdin, approvers=approvers)
    # A change of policy is judged by the signers from before it, else it could name its own.
    revision = str(ask.content["content"].get("since") or "HEAD")
    signers = signers_at(Repo.open(project.root), project, revision)
    return signer_of(signature, ask.payload_hash, approvers=approvers, signers=signers)


def _typed(desk: Desk, ask: Ask) -> str:
    """Ask for the token back: nobody types it by habit."""
    token = desk.approvals.issue_token(ask)
    note(f"\nTo approve exactly this, type its token {token} (or nothing to leave it).")
    typed: str = click.prompt("token", default="", show_default=False, err=True)
    if not typed.strip():
        note(f"Not approved. The token works for 15 minutes: --token {token}")
    return typed.strip()


def _is_request(desk: Desk, ask: Ask) -> bool:
    """Whether the run did a task in words: nothing but the same words goes on with it."""
    run = desk.approvals.store.result(ask.run_id)
    return run is not None and run.incident.kind == "request"


def _next(ask: Ask, *, request: bool = False) -> str:
    if ask.kind == "policy_change":
        return "`agentic compile --compare` passes for exactly these files."
    again = "The same `agentic run`, with --apply," if request else "`agentic run --apply`"
    if ask.kind == "effect":
        return f"{again} now goes on with the run and does exactly this, once."
    if ask.kind in ("plan", "plan_step"):
        return "The same `agentic run` now goes on with the plan."
    return f"{again} now opens the branch as ready for review."
