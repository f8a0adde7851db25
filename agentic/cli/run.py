"""`agentic run`: handle what the last dbt build left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.records import RunResult


@click.command("run", short_help="Handle open incidents.")
@click.argument("agent", metavar="[AGENT|PLAN]", required=False)
@click.option(
    "--apply",
    is_flag=True,
    help="Open the branch and the pull request; without it nothing leaves the machine.",
)
@click.option("--request", metavar="TEXT", help="A task in words for it, instead of what broke.")
@click.option(
    "--plan",
    "written",
    metavar="FILE|RUN",
    help="A plan from a file, or the one that RUN wrote; a person approves it first.",
)
@project_options()
def command(
    flags: Flags, agent: str | None, apply: bool, request: str | None, written: str | None
) -> int:
    """Diagnose, propose and prove; show the finding, the diff and the checks.

    Without AGENT every incident that the last building dbt invocation left goes to the first
    agent in agents.yml that matches it. `dbt build || agentic run` in CI: exit code 0 when nothing
    is left to do, 1 when something is left for a person, 2 for an error.
    """
    if written is not None:
        if agent is not None:
            raise click.UsageError("--plan names the plan: leave the other name out")
        return handle_task(flags, "", request or "", apply=apply, written=written)
    if request is not None:
        if agent is None or not request.strip():
            raise click.UsageError("--request needs an agent and words: run AGENT --request TEXT")
        return handle_task(flags, agent, request, apply=apply)
    if agent is not None and (words := _without_words(flags, agent)) is not None:
        return handle_task(flags, agent, words, apply=apply)
    return handle_incidents(flags, agent, apply=apply, diagnose_only=False)


def handle_incidents(flags: Flags, agent: str | None, *, apply: bool, diagnose_only: bool) -> int:
    """What `run` and `diagnose` share. Returns the exit code."""
    from agentic.cli.progress import progress_sink
    from agentic.runtime import (
        close_gone,
        handle,
        open_session,
        remember_relations,
        silent_incidents,
    )

    sink = progress_sink()
    session, incidents = open_session(
        flags.project_dir,
        profiles_dir=flags.profiles_dir,
        target=flags.target,
        apply=apply,
        diagnose_only=diagnose_only,
        sinks=(sink,),
    )
    if not incidents:
        incidents = silent_incidents(session)
        if incidents:
            remember_relations(session, good=False)
    if not incidents:
        note("Nothing to do: the last dbt build left no incident.")
        close_gone(session, set())
        remember_relations(session)
        return 0
    return _shown(flags, handle(session, incidents, agent_name=agent), apply=apply)


def handle_task(
    flags: Flags, agent: str, request: str, *, apply: bool, written: str | None = None
) -> int:
    """A task in words for one agent, or a plan. Returns the exit code."""
    from agentic.cli.progress import progress_sink
    from agentic.runtime import agent_named, handle_request, open_session, plan_named, read_plan

    session, _ = open_session(
        flags.project_dir,
        profiles_dir=flags.profiles_dir,
        target=flags.target,
        apply=apply,
        diagnose_only=False,
        sinks=(progress_sink(),),
        asked=True,
    )
    plan = read_plan(session, written) if written else plan_named(session, agent)
    if plan is not None:
        from agentic.cli.plan_run import handle_plan

        return handle_plan(flags, session, plan, request, written=bool(written))
    run = handle_request(session, agent_named(session, agent), request)
    return _shown(flags, [run], apply=apply)


def _without_words(flags: Flags, name: str) -> str | None:
    """The request of what works without an incident and without a word of it: nothing for a plan,
    the standing task for a role; None for what handles incidents. Read before anything is opened.
    """
    from agentic.config import load_files, standard_agents
    from agentic.outputs import INCIDENT_REPORT
    from agentic.project import find_project
    from agentic.rules import standing_task

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    known = load_files(project.root).agents
    if any(plan.name == name for plan in known.plans):
        return ""
    spec = next((one for one in known.agents or () if one.name == name), None)
    short = f"agentic.{name.removeprefix('agentic.')}"
    base = standard_agents().get(short if spec is None else spec.extends or "")
    own = spec or base
    if own is None or own.when:
        return None
    output = own.output or (base.output if base else None) or INCIDENT_REPORT
    if output == INCIDENT_REPORT:
        return None
    return standing_task((own.extends or name).removeprefix("agentic."))


def _shown(flags: Flags, runs: list[RunResult], *, apply: bool) -> int:
    from agentic.cli.report import run_text, summary_line
    from agentic.records import exit_code, public_run

    for run in runs:
        if flags.as_json:
            more = {"written_plan": run.extra.get("written_plan")}
            emit_json(public_run(run) | {name: one for name, one in more.items() if one})
        else:
            emit_text(run_text(run, applied=apply))
    if not flags.as_json:
        emit_text(summary_line(runs))
    return exit_code(runs)
