"""`agentic reject`: a person's no."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text


@click.command("reject", short_help="Say no to what waits for a person.")
@click.argument("run")
@click.option("--reason", default="", help="Why; kept with the ask and in the audit.")
@project_options()
def command(flags: Flags, run: str, reason: str) -> int:
    """Reject what RUN (a run's or an ask's id, or its start) waits for.

    What was approved and not used yet can be rejected too.
    """
    from agentic.cli.asking import open_desk, project_of, public_ask
    from agentic.guardrails import Person, user_name

    desk = open_desk(project_of(flags))
    ask = desk.approvals.find(run)
    # Nobody needs a right to stop something.
    person = Person(f"local:{user_name()}", "unsigned")
    done = desk.reject(ask, person=person, reason=reason)
    if flags.as_json:
        emit_json(public_ask(done))
    else:
        emit_text(f"{done.id} of run {done.run_id} is rejected by {done.decided_by}.")
    return 0
