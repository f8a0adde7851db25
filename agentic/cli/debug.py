"""`agentic debug`: what is ready and what is not, each with evidence and the next step."""

from __future__ import annotations

from itertools import chain

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

_COLOUR = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("debug", short_help="Say what is ready and what is not.")
@click.option("--audit", is_flag=True, help="Verify the audit trail instead, record by record.")
@project_options()
def command(flags: Flags, audit: bool) -> int:
    """Check dbt, profile, connection, artifacts, git, both files, leftovers and engine.

    What the files forbid is tried with the agent's own credentials, and taken back: a right that
    the warehouse gives beyond them is told. Nothing is changed. The exit code is 1 when something
    failed, 0 when nothing did (warnings included), 2 when there is no dbt project.
    """
    from agentic.cli.readiness import readiness
    from agentic.cli.safeguards import safeguards
    from agentic.project import find_project
    from agentic.records import dump

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    if audit:
        from agentic.cli.audit_check import check_audit

        return check_audit(project, as_json=flags.as_json)
    failed = 0
    for line in chain(readiness(project), safeguards(project)):
        failed += line.verdict == "fail"
        if flags.as_json:
            emit_json(dump(line))
            continue
        verdict = click.style(f"{line.verdict.upper():4}", fg=_COLOUR[line.verdict])
        emit_text(f"{verdict}  {line.name:14} {line.evidence}")
        if line.next:
            emit_text(f"{'':21}{line.next}")
    return 1 if failed else 0
